"""What a person wrote is shown, in whatever part and form a program put it. Each kind by a table of its own."""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from mailhub.message import opaque, parse, placeholder, rtf, tnef

PAGE = "<html><body><p>Die Kühltruhe bleibt warm. Bitte rufen Sie an.</p></body></html>"


def _alternative(plain: str, page: str = PAGE) -> bytes:
    parts = [
        f"Content-Type: text/{kind}; charset=utf-8\r\n\r\n{text}"
        for kind, text in (("plain", plain), ("html", page))
    ]
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"From: a@b.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n{body}--b--\r\n".encode()


@pytest.mark.parametrize(
    "blank", ["", "  \r\n\t", "\xa0\r\n", "\u200b\u200c\r\n\r\n", "\ufeff", "\u3000", "\u2800", "\ufffc"]
)
def test_a_plain_part_without_ink_gives_way_to_the_html(blank: str) -> None:
    """White space of any kind beside HTML is no text: the text of the HTML is read (RFC 2046 5.1.4)."""
    assert parse.parse(_alternative(blank)).text.strip() == "Die Kühltruhe bleibt warm. Bitte rufen Sie an."


@pytest.mark.parametrize(
    "line",
    [
        "Your mail reader does not support HTML.",
        "Ihr E-Mail-Programm kann keine HTML-Nachrichten anzeigen.",
        "Votre messagerie n'affiche pas le HTML. Ouvrez ce message dans un navigateur : https://x.example/1",
        "Su navegador no puede mostrar este mensaje.",
        "Ваш почтовый клиент не поддерживает HTML",
        "このメールはHTML形式です。",
        "您的邮件程序无法显示此邮件。",
        "View this message in your browser: https://x.example/v?id=1",
    ],
)
def test_a_placeholder_does_not_hide_the_html(line: str) -> None:
    """A line that only asks for another program is followed by what the HTML says; the line itself is not
    taken away.
    """
    text = parse.parse(_alternative(line)).text
    assert "Die Kühltruhe bleibt warm" in text
    assert line.split()[0] in text


@pytest.mark.parametrize(
    ("plain", "page"),
    [
        ("The HTML of your page is broken.", "<p>The HTML of your page is broken.</p>"),
        ("My browser shows *nothing*.", "<p>My browser shows <b>nothing</b>.</p>"),
        ("Bonjour, tout va bien.", "<p>Bonjour, tout va bien.</p>"),
        ("It works in my browser", "<p> </p>"),
    ],
)
def test_what_both_parts_say_is_read_once(plain: str, page: str) -> None:
    """Whoever writes about HTML or browsers says so in both parts, and is read once."""
    assert parse.parse(_alternative(plain, page)).text.strip() == plain


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_plain_part_with_words_is_never_lost(plain: str, page: str) -> None:
    """Whatever stands beside it, the text of the plain part is in what is read."""
    shown = parse.parse(_alternative(plain, f"<p>{page}</p>")).text
    if not placeholder.is_blank(plain):
        wanted = "".join(plain.replace("\0", "").split())
        assert wanted in "".join(shown.split()) or wanted.startswith("--")


@pytest.mark.parametrize(
    "kind", ["markdown", "x-web-markdown", "x-anything", "csv", "x-markdown; charset=koi8-r"]
)
def test_text_of_an_unknown_kind_is_text(kind: str) -> None:
    """What is text/* and not known is read as plain text (RFC 2046 4.1.4)."""
    raw = f"Content-Type: text/{kind}\r\n\r\nIt crashes since 2.3".encode()
    read = parse.parse(raw)
    assert (read.text, read.attachments) == ("It crashes since 2.3", ())


@pytest.mark.parametrize(
    "kind", ["text/watch-html", "text/vnd.google.email-reaction+json", "text/x-amp-html"]
)
def test_a_further_alternative_is_no_file_and_no_second_text(kind: str) -> None:
    """An alternative for another program beside plain text or HTML says the same: it is neither shown nor listed."""
    third = f"--b\r\nContent-Type: {kind}\r\n\r\n<b>a third</b>\r\n--b--".encode()
    read = parse.parse(_alternative("once", "<p>once</p>").replace(b"--b--", third))
    assert (read.text.strip(), read.attachments) == ("once", ())


@pytest.mark.parametrize("kind", ["text/vcard; name=a.vcf", "text/calendar", "text/rfc822-headers"])
def test_data_is_a_file_and_no_text(kind: str) -> None:
    """Cards, calendars and the headers in a report are files beside the text."""
    parts = f"--b\r\n\r\nhello\r\n--b\r\nContent-Type: {kind}\r\n\r\nX:1\r\n--b--"
    read = parse.parse(f"Content-Type: multipart/mixed; boundary=b\r\n\r\n{parts}".encode())
    assert (read.text.split("\n")[0], len(read.attachments)) == ("hello", 1)


@pytest.mark.parametrize(("kind", "said"), [("plain", "hello"), ("html", "<p>hello</p>")])
def test_an_attached_text_alone_is_text_and_file(kind: str, said: str) -> None:
    """Where the only text is attached it is read and still listed."""
    part = f"Content-Type: text/{kind}; name=a.txt\r\nContent-Disposition: attachment\r\n\r\n{said}"
    for raw in (
        part,
        f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{part}\r\n--b\r\nContent-Type: x/y\r\n\r\nf\r\n--b--",
    ):
        read = parse.parse(raw.encode())
        assert read.text.strip() == "hello"
        assert read.attachments[0].filename == "a.txt"


KANA = [
    (b"\x1b(I6@6E\x1b(B", "ｶﾀｶﾅ"),
    (b"\x1b$BEEOC\x1b(I6@6E\x1b(B no. 12", "電話ｶﾀｶﾅ no. 12"),
    (b"\x1b$B-!\x1b(I6@\x1b(B", "①ｶﾀ"),
    (b'a\x1b(I!\x1b$B$"\x1b(B', "a｡あ"),
]


@pytest.mark.parametrize(("data", "text"), KANA)
def test_half_width_kana_in_a_body(data: bytes, text: str) -> None:
    """ISO-2022-JP with half-width kana is decoded as browsers do (WHATWG Encoding 12.2)."""
    assert parse.parse(b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n" + data).text == text


@pytest.mark.parametrize(("data", "text"), KANA)
def test_half_width_kana_in_a_subject(data: bytes, text: str) -> None:
    """And in an encoded word."""
    word = base64.b64encode(data).decode()
    assert parse.parse(f"Subject: =?iso-2022-jp?B?{word}?=\r\n\r\n".encode()).subject == text


# --- winmail.dat ------------------------------------------------------------------------------------------------------


def _attribute(tag: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", 1, tag, 6, len(value)) + value + b"\0\0"


def _winmail(*attributes: bytes) -> bytes:
    return struct.pack("<IH", 0x223E9F78, 1) + b"".join(attributes)


def _binary(identity: int, value: bytes, kind: int = 0x0102) -> bytes:
    padded = value + bytes(-len(value) % 4)
    return struct.pack("<IHHII", 1, kind, identity, 1, len(value)) + padded


def _literal(data: bytes) -> bytes:
    """Compressed as MS-OXRTFCP allows: every byte as itself, and the mark of the end."""
    out = bytearray()
    for at in range(0, len(data), 8):
        piece = data[at : at + 8]
        out += bytes((0,)) + piece
    missing = -len(data) % 8
    end = (207 + len(data)) % 4096 << 4
    if missing:
        out[-(9 - missing)] |= 1 << (8 - missing)
        out += struct.pack(">H", end)
    else:
        out += b"\1" + struct.pack(">H", end)
    return struct.pack("<IIII", len(out) + 12, len(data), 0x75465A4C, 0) + bytes(out)


RICH = [
    (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\f0 Gr\'fc\'dfe,\par the pump is late.}",
        "Grüße,\nthe pump is late.",
    ),
    (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
    (rb"{\rtf1\uc1 \u26085?\u26412? {\*\generator x;}\{ok\}}", "日本 {ok}"),
    (rb"{\rtf1\uc1\u-10179?\u-8693?}", "\U0001f60b"),
    (
        rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}Hello{\*\htmltag72 </p>}"
        rb"\htmlrtf {\par}\htmlrtf0 {\*\htmltag64 <p>}you{\*\htmltag72 </p>}}",
        "Hello\n\nyou",
    ),
]


@pytest.mark.parametrize(("document", "text"), RICH)
@pytest.mark.parametrize("compressed", [True, False])
def test_rich_text_in_a_winmail_dat_is_shown(document: bytes, text: str, *, compressed: bool) -> None:
    """A body that is only RTF, compressed or not, HTML inside of it or not, is the text (MS-OXRTFCP, MS-OXRTFEX)."""
    packed = (
        _literal(document) if compressed else struct.pack("<IIII", 0, len(document), 0x414C454D, 0) + document
    )
    data = base64.encodebytes(_winmail(_attribute(0x9003, _binary(0x1009, packed))))
    raw = (
        b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + data
    )
    assert parse.parse(raw).text.strip() == text


@pytest.mark.parametrize(
    "attribute",
    [
        _attribute(0x800C, b"the pump is late\0"),
        _attribute(0x9003, _binary(0x1000, "the pump is late\0".encode("utf-16-le"), 0x001F)),
        _attribute(0x9003, _binary(0x1013, b"<p>the pump is <b>late</b></p>")),
    ],
)
def test_any_body_of_a_winmail_dat_is_shown(attribute: bytes) -> None:
    """attBody, PR_BODY and PR_HTML are the text too."""
    assert tnef.text(_winmail(attribute)).strip() == "the pump is late"


def test_compression_refers_back() -> None:
    """A reference to what was just written repeats it (MS-OXRTFCP 4.1.2)."""
    crossing = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert rtf.uncompressed(crossing) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_not(data: bytes) -> None:
    """No bytes make a reader of these formats raise."""
    head = struct.pack("<IIII", 0, 5000, 0x75465A4C, 0)
    rtf.read(rtf.uncompressed(head + data))
    rtf.read(b"{\\rtf1\\fromhtml " + data)
    tnef.text(_winmail(_attribute(0x9003, data), _attribute(0x800C, data)) + data)
    opaque.signed_content(data)
    opaque.signed_content(bytes.fromhex("3080 06092a864886f70d010702 a080 3080".replace(" ", "")) + data)


def test_rich_text_is_bounded() -> None:
    """Groups in groups and references that unfold end at a bound."""
    rtf.read(b"{" * 200_000)
    bomb = struct.pack("<IIII", 0, 0xFFFFFFFF, 0x75465A4C, 0) + (b"\xff" + b"\x00\x0f" * 8) * 40_000
    assert len(rtf.uncompressed(bomb)) <= rtf.MOST_BYTES


# --- opaque S/MIME ----------------------------------------------------------------------------------------------------

INNER = (
    b"Content-Type: multipart/mixed; boundary=i\r\nFrom: ceo@bank.example\r\nIn-Reply-To: <x@y>\r\n\r\n"
    b"--i\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThe alarm is off.\r\n"
    b"--i\r\nContent-Type: image/png; name=a.png\r\n\r\nPNG\r\n--i--\r\n"
)


def _signed(content: bytes) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Rosa")])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=9))
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    builder = builder.add_signer(made.sign(key, hashes.SHA256()), key, hashes.SHA256())
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def _indefinite(content: bytes) -> bytes:
    """As OpenSSL streams it: lengths left open, the content in pieces (X.690 8.1.3.6, 8.7.3)."""
    pieces = b"".join(
        b"\x04" + bytes((len(content[at : at + 100]),)) + content[at : at + 100]
        for at in range(0, len(content), 100)
    )
    data, signed = bytes.fromhex("06092a864886f70d010701"), bytes.fromhex("06092a864886f70d010702")
    inner = b"\x30\x80" + data + b"\xa0\x80\x24\x80" + pieces + b"\0\0" * 3
    return b"\x30\x80" + signed + b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00" + inner + b"\0\0" * 3


def _enveloped(data: bytes) -> bytes:
    head = b"From: rosa@florist.example\r\nSubject: alarm\r\nContent-Type: application/pkcs7-mime;\r\n"
    return (
        head
        + b"Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n"
        + base64.encodebytes(data)
    )


@pytest.mark.parametrize("wrap", [_signed, _indefinite])
def test_what_was_signed_opaquely_is_read(wrap: object) -> None:
    """Text and files inside an opaque signature are shown; of its header only Content- fields count."""
    assert callable(wrap)
    raw = _enveloped(wrap(INNER))
    read = parse.parse(raw)
    assert read.text.strip() == "The alarm is off."
    assert [each.filename for each in read.attachments] == ["a.png"]
    assert parse.attachment_bytes(raw, 0).strip() == b"PNG"
    assert ([each.address for each in read.from_], read.in_reply_to) == (["rosa@florist.example"], ())
    assert "smime-opaque" in read.flags


def test_layers_of_signatures_end() -> None:
    """Signatures within signatures are opened as far as ``LAYERS``; what is deeper stays a file."""
    data = INNER
    for _ in range(opaque.LAYERS):
        data = _enveloped(_indefinite(data)).partition(b"alarm\r\n")[2]
    assert parse.parse(b"From: a@b.example\r\n" + data).text.strip() == "The alarm is off."
    deeper = parse.parse(_enveloped(_indefinite(data)))
    assert (deeper.text, len(deeper.attachments)) == ("", 1)


def test_what_is_encrypted_stays_a_file() -> None:
    """A CMS of another kind, or broken, is a file as before."""
    read = parse.parse(_enveloped(bytes.fromhex("308006092a864886f70d010703a0800000")))
    assert (read.text, len(read.attachments)) == ("", 1)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Otto Brandt, Jr <o@b.example>", "Otto Brandt, Jr"),
        ("Müller, Anke <o@b.example>", "Müller, Anke"),
        ("=?utf-8?q?M=C3=BCller?=, Anke <o@b.example>", "Müller, Anke"),
        ("Dr. Kim Lee, MD, PhD <o@b.example>", "Dr. Kim Lee, MD, PhD"),
        ("Smith, Kim (Sales) <o@b.example>", "Smith, Kim"),
    ],
)
def test_a_comma_without_quotes_is_part_of_a_name(written: str, name: str) -> None:
    """What stands before a comma and has no address belongs to the name behind it; it proves nothing."""
    read = parse.parse(f"From: {written}\r\n\r\n".encode())
    assert [(each.name, each.address) for each in read.from_] == [(name, "o@b.example")]
    assert (read.author.address, read.author.fault) == ("", "from-list")


@pytest.mark.parametrize(
    "written",
    [
        "Kim, lee@b.example",
        'Kim, "Lee Ode" <lee@b.example>',
        "Kim; Lee <lee@b.example>",
        "k@b.example, Lee <lee@b.example>",
    ],
)
def test_two_mailboxes_stay_two(written: str) -> None:
    """Where either side can be a mailbox of its own the comma parts them."""
    assert len(parse.parse(f"To: {written}\r\n\r\n".encode()).to) == 2

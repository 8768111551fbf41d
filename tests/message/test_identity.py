"""Identity: what relays may change does not count, what the sender says does."""

from __future__ import annotations

import base64
import quopri

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import identity, parse

_TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=200)
_LATIN = st.text(alphabet=st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1, max_size=200)
_HEAD = "Message-ID: <a@b.example>\r\nSubject: s\r\nMIME-Version: 1.0\r\n"


def _mail(text: bytes, *, charset: str = "utf-8", encoding: str = "8bit", head: str = _HEAD) -> bytes:
    kind = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return (head + kind).encode() + text


def _with_file(text: str, data: bytes, *, head: str = _HEAD, width: int = 76) -> bytes:
    coded = base64.b64encode(data)
    lines = b"\r\n".join(coded[at : at + width] for at in range(0, len(coded), width))
    return (
        f"{head}Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + lines + b"\r\n--b--\r\n"  # fmt: skip


def _key(raw: bytes) -> bytes:
    parsed = parse.parse(raw)
    return identity.key(parsed, parsed.from_[0].address if parsed.from_ else "")


@settings(max_examples=200, deadline=None)
@given(_TEXT)
def test_a_relay_may_change_the_encoding(text: str) -> None:
    """8bit, quoted-printable and base64 of one text are one message (RFC 6152: relays convert)."""
    data = text.encode()
    printable = quopri.encodestring(data.replace(b"\n", b"\r\n"))
    expected = _key(_mail(data))
    assert expected == _key(_mail(printable, encoding="quoted-printable"))
    assert expected == _key(_mail(base64.encodebytes(data), encoding="base64"))


@settings(max_examples=100, deadline=None)
@given(_LATIN)
def test_a_relay_may_change_the_charset(text: str) -> None:
    """The same text in another charset is the same message, as long as each is labelled truly."""
    if "\x80" <= max(text) < "\xa0" or text.encode("latin-1").isascii():
        return
    try:
        text.encode("latin-1").decode()
    except UnicodeDecodeError:
        assert _key(_mail(text.encode())) == _key(_mail(text.encode("latin-1"), charset="iso-8859-1"))


@settings(max_examples=100, deadline=None)
@given(_TEXT)
def test_line_ends_and_white_space_do_not_count(text: str) -> None:
    """LF for CRLF, blanks at line ends and empty lines at the end change nothing."""
    data = text.encode()
    assert _key(_mail(data)) == _key(_mail(data).replace(b"\r\n", b"\n"))
    assert _key(_mail(data)) == _key(_mail(data + b"  \r\n\r\n"))


@settings(max_examples=100, deadline=None)
@given(
    _TEXT,
    st.lists(
        st.sampled_from(["Received: from x", "X-Spam: no", "Delivered-To: a@b", "Return-Path: <>"]),
        max_size=4,
    ),
)
def test_trace_headers_do_not_count(text: str, added: list[str]) -> None:
    """Whatever the way adds at the top changes nothing."""
    trace = "".join(line + "\r\n" for line in added)
    assert _key(_mail(text.encode())) == _key(_mail(text.encode(), head=trace + _HEAD))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=500))
def test_attachments_count_as_transferred(data: bytes) -> None:
    """The lines an attachment is cut into do not count, its bytes do."""
    assert _key(_with_file("t", data)) == _key(_with_file("t", data, width=60))
    assert _key(_with_file("t", data)) != _key(_with_file("t", data + b"x"))


@settings(max_examples=100, deadline=None)
@given(_TEXT, _TEXT)
def test_another_text_is_another_message(one: str, other: str) -> None:
    """Texts that differ in more than white space differ in identity, under one Message-ID and name."""
    first, second = parse.parse(_mail(one.encode())), parse.parse(_mail(other.encode()))
    same = "".join(first.text.split(" ")).split() == "".join(second.text.split(" ")).split()
    assert identity.name(first, "") == identity.name(second, "")
    if not same and "".join(first.text.split()) != "".join(second.text.split()):
        assert identity.key(first, "") != identity.key(second, "")


def test_a_message_id_names_a_message() -> None:
    """Another Message-ID is another message, though the text be the same."""
    assert _key(_mail(b"x")) != _key(_mail(b"x", head=_HEAD.replace("<a@", "<c@")))


def test_without_an_id_from_date_and_subject_name_a_message() -> None:
    """From, Date and Subject stand in for a missing Message-ID, in any spelling of the same values."""
    head = (
        "From: A <a@b.example>\r\nDate: Mon, 23 Nov 2026 16:41:00 +0100\r\nSubject: =?utf-8?q?s=C3=A9?=\r\n"
    )
    same = "From: a@b.example\r\nDate: 23 Nov 2026 15:41:00 GMT\r\nSubject: sé\r\n"
    assert _key(_mail(b"x", head=head)) == _key(_mail(b"x", head=same))
    assert _key(_mail(b"x", head=head)) != _key(_mail(b"x", head=head.replace("16:41", "16:42")))


def test_without_an_id_reply_to_tells_a_forms_writers_apart() -> None:
    """A form sends everybody's mail from one address: the same words of two people are two messages."""
    form = "From: noreply@form.example\r\nReply-To: kim@a.example\r\nSubject: call me\r\n"
    named = form.replace("kim@a.example", "Kim <KIM@a.example>")
    assert _key(_mail(b"x", head=form)) == _key(_mail(b"x", head=named))
    assert _key(_mail(b"x", head=form)) != _key(_mail(b"x", head=form.replace("kim@", "ana@")))


def test_a_part_moved_is_another_message() -> None:
    """Text and file do not trade places unseen."""
    assert parse.parse(_with_file("YQ==", b"b")).identity != parse.parse(_with_file("Yg==", b"a")).identity


def test_the_digest_is_sixteen_bytes() -> None:
    """Any message has one, the empty one too."""
    assert len(parse.parse(b"").identity) == identity.DIGEST_BYTES
    assert len(_key(b"")) == identity.DIGEST_BYTES

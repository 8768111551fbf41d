"""Transfer encodings, the choice of text, flowed text, invites."""

from __future__ import annotations

import base64
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import body, invite, parse
from mailhub.message.values import TEXT_BYTES


def _single(encoding: str, data: bytes, kind: str = "text/plain; charset=utf-8") -> bytes:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + data


def _mixed(*parts: str, kind: str = "mixed") -> bytes:
    """A multipart of parts, each "headers|body"."""
    lines = [f"Content-Type: multipart/{kind}; boundary=b", ""]
    for part in parts:
        head, _, text = part.partition("|")
        lines += ["--b", *head.split("~"), "", text]
    return "\r\n".join([*lines, "--b--", ""]).encode()


@pytest.mark.parametrize(
    ("encoding", "data", "text"),
    [
        ("7bit", b"a\r\nb\r\n", "a\nb\n"),
        ("8bit", "Grüße".encode(), "Grüße"),
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe=\r\n!", "Grüße!"),
        ("Quoted-Printable", b"a=3Db=  \r\nc", "a=bc"),
        ("quoted-printable", b"100=% =zz", "100=% =zz"),
        ("base64", b"R3LD\r\nvMOfZQ==", "Grüße"),
        ("BASE64", b"R3LDvMOfZQ", "Grüße"),
        ("base64", b"R3LD*vMOf ZQ==\r\n", "Grüße"),
        ("base64 (a comment)", b"YQ==", "a"),
        ("base64", b"YQ==YQ==", "aa"),
        ("base64", b"YWJj\r\n______________________\r\nThe list\r\n", "abc"),
        ("x-uuencode", b"begin 644 a\n!80``\n`\nend\n", "a"),
        ("x-unheard-of", b"as it is", "as it is"),
        ("", b"as it is", "as it is"),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, data: bytes, text: str) -> None:
    """Each encoding, sound and broken, gives its text."""
    assert text == parse.parse(_single(encoding, data)).text


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=2_000))
def test_base64_and_quoted_printable_round_trip(data: bytes) -> None:
    """What the standard library encodes is decoded to the same bytes."""
    coded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    assert data == parse.attachment_bytes(_single("base64", coded, "application/octet-stream"), 0)
    lines = data.replace(b"\r", b"")
    printable = quopri.encodestring(lines).replace(b"\n", b"\r\n")
    raw = _single("quoted-printable", printable, "application/octet-stream")
    assert lines.replace(b"\n", b"\r\n") == parse.attachment_bytes(raw, 0)


def test_decoding_stops_at_its_limit() -> None:
    """No more than TEXT_BYTES are decoded, of one part or of several."""
    coded = base64.encodebytes(b"x" * (TEXT_BYTES + 10))
    read = parse.parse(_single("base64", coded))
    assert len(read.text) == TEXT_BYTES
    assert "text-bytes" in read.flags
    half = "Content-Type: text/plain|" + "y" * (TEXT_BYTES // 2 + 1)
    several = parse.parse(_mixed(half, half, half))
    assert several.text.count("y") == TEXT_BYTES
    assert "text-bytes" in several.flags


def test_plain_text_is_preferred() -> None:
    """Of two alternatives the plain text is read and the HTML is kept for display."""
    read = parse.parse(
        _mixed("Content-Type: text/plain|plain", "Content-Type: text/html|<b>rich</b>", kind="alternative")
    )
    assert (read.text, read.html, read.attachments) == ("plain", "<b>rich</b>", ())


def test_a_message_that_is_one_named_text_is_text() -> None:
    """A file name on the only part does not take the text away; as an attachment it is text and file."""
    assert parse.parse(b"Content-Type: text/plain; name=a.txt\r\n\r\nhello").text == "hello"
    read = parse.parse(
        b"Content-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment\r\n\r\nhello"
    )
    assert (read.text, len(read.attachments)) == ("hello", 1)


def test_files_between_alternatives() -> None:
    """alternative of plain and mixed HTML with files, as Apple Mail writes it: one text, both pages, the file."""
    html, file = "--c\r\nContent-Type: text/html\r\n\r\n", "--c\r\nContent-Type: x/y\r\n\r\nf\r\n"
    inner = f"{html}one\r\n{file}{html}two\r\n--c--"
    raw = _mixed(
        "Content-Type: text/plain|plain",
        f"Content-Type: multipart/mixed; boundary=c|{inner}",
        kind="alternative",
    )
    read = parse.parse(raw)
    assert (read.text, read.html, len(read.attachments)) == ("plain", "one\ntwo", 1)


def test_an_empty_alternative_is_no_text() -> None:
    """An empty plain part does not hide the HTML."""
    read = parse.parse(
        _mixed("Content-Type: text/plain|", "Content-Type: text/html|<b>rich</b>", kind="alternative")
    )
    assert read.text == "rich"


def test_inline_texts_follow_one_another() -> None:
    """Text around an attachment is read whole, in order."""
    image = "Content-Type: image/png; name=a.png~Content-Transfer-Encoding: base64|YQ=="
    read = parse.parse(_mixed("Content-Type: text/plain|one", image, "Content-Type: text/html|<p>two</p>"))
    assert read.text == "one\ntwo"
    assert [file.filename for file in read.attachments] == ["a.png"]


@pytest.mark.parametrize(
    "head",
    [
        "Content-Type: text/plain; name=a.txt",
        "Content-Type: text/plain~Content-Disposition: attachment",
        "Content-Type: text/plain~Content-Disposition: inline; filename=a.txt",
    ],
)
def test_text_with_a_name_is_a_file(head: str) -> None:
    """A second text with a file name or as an attachment is no text of the mail."""
    read = parse.parse(_mixed("Content-Type: text/plain|hello", head + "|file"))
    assert read.text == "hello"
    assert len(read.attachments) == 1


def test_nested_alternatives() -> None:
    """mixed > related > alternative, as Outlook writes it: one text, one page, image and file as attachments."""
    inner = "\r\n".join(
        [
            "Content-Type: multipart/related; boundary=r",
            "",
            "--r",
            "Content-Type: multipart/alternative; boundary=a",
            "",
            "--a",
            "Content-Type: text/plain",
            "",
            "plain",
            "--a",
            "Content-Type: text/html",
            "",
            "<img src=cid:i>rich",
            "--a--",
            "--r",
            "Content-Type: image/png",
            "Content-ID: <i>",
            "",
            "png",
            "--r--",
        ]
    )
    raw = "\r\n".join(
        [
            "Content-Type: multipart/mixed; boundary=m",
            "",
            "--m",
            inner,
            "--m",
            "Content-Type: application/pdf",
            "",
            "pdf",
            "--m--",
        ]
    )
    read = parse.parse(raw.encode())
    assert (read.text, read.html) == ("plain", "<img src=cid:i>rich")
    assert [(file.content_type, file.inline) for file in read.attachments] == [
        ("image/png", True),
        ("application/pdf", False),
    ]
    assert [part.number for part in read.parts] == ["", "1", "1.1", "1.1.1", "1.1.2", "1.2", "2"]


@pytest.mark.parametrize(
    ("flowed", "delsp", "text"),
    [
        ("a \nb\nc", False, "a b\nc"),
        ("a \nb", True, "ab"),
        ("> a \n> b\nc", False, "> a b\nc"),
        (" > not a quote", False, "> not a quote"),
        ("a \n> b", False, "a \n> b"),
        ("text\n-- \nsignature", False, "text\n-- \nsignature"),
        ("a \n\nb", False, "a \nb"),
    ],
)
def test_flowed_text_is_joined(flowed: str, delsp: bool, text: str) -> None:
    """RFC 3676 paragraphs, quotes, stuffing and signatures."""
    assert text == body.unflow(flowed, delsp=delsp)


def test_an_invite_is_told() -> None:
    """What, when, where and who of an invite stand in the text; the file is kept."""
    lines = [
        "BEGIN:VCALENDAR",
        "METHOD:REQUEST",
        "BEGIN:VTIMEZONE",
        "DTSTART:19700101T000000",
        "END:VTIMEZONE",
        "BEGIN:VEVENT",
    ]
    lines += [
        "SUMMARY:Review\\, final",
        "DTSTART;TZID=Europe/Berlin:20261124T090000",
        "DTEND;TZID=Europe/Berlin:20261124T100000",
    ]
    lines += [
        'ORGANIZER;CN="Lee, Kim":mailto:kim@b.example',
        "LOCATION:Room 1",
        "DESCRIPTION:Bring",
        "  tea",
        "END:VEVENT",
    ]
    text = "\n".join(lines)
    assert invite.summary(text) == (
        "Invitation: Review, final\nWhen: 2026-11-24 09:00 (Europe/Berlin) - 2026-11-24 10:00 (Europe/Berlin)\n"
        "Where: Room 1\nOrganiser: Lee, Kim <kim@b.example>\n\nBring tea"
    )
    read = parse.parse(_single("8bit", text.encode(), "text/calendar; method=REQUEST"))
    assert read.text.startswith("Invitation: Review, final")
    assert [file.filename for file in read.attachments] == ["invite.ics"]


@given(st.text(alphabet='BEGIN:VT\n;="DSUMARY,\\n ', max_size=200))
def test_any_text_is_an_invite_or_none(text: str) -> None:
    """Any text gives a summary or nothing."""
    assert isinstance(invite.summary(text), str)

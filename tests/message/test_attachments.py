"""Files of a message: found, named, and handed out on demand; winmail.dat listed."""

from __future__ import annotations

import base64
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.message import parse, report, tnef


def _with(head: str, body: str) -> bytes:
    lines = [
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b",
        "",
        "text",
        "--b",
        head,
        "",
        body,
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("head", "body", "name"),
    [
        ("Content-Type: application/pkcs7-mime", "x", "smime.p7m"),
        ("Content-Type: application/pgp-signature", "x", "signature.asc"),
        ("Content-Type: image/jpeg", "x", "image.jpg"),
        ("Content-Type: application/x-unheard-of", "x", "attachment.bin"),
        (
            "Content-Type: message/rfc822",
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe/1?=\r\n\r\nhello",
            "Grüße_1.eml",
        ),
        ("Content-Type: message/rfc822", "From: a@b.example\r\n\r\nhello", "message.eml"),
        ("Content-Type: message/rfc822; name=x.eml", "Subject: y\r\n\r\nhello", "x.eml"),
        ("Content-Type: application/zip; name=../a.zip", "x", "a.zip"),
    ],
)
def test_every_file_has_a_safe_name(head: str, body: str, name: str) -> None:
    """A file without a name is named by its type, an enclosed message by its subject."""
    assert [name] == [file.filename for file in parse.parse(_with(head, body)).attachments]


def test_an_enclosed_message_is_one_file() -> None:
    """message/rfc822 is a file whole: its own parts are not the outer message's."""
    inner = "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ninner\r\n--c--\r\n"
    read = parse.parse(_with("Content-Type: message/rfc822", inner))
    assert read.text == "text"
    assert len(read.attachments) == 1
    assert parse.attachment_bytes(_with("Content-Type: message/rfc822", inner), 0) == inner.encode()


def test_a_digest_holds_messages() -> None:
    """Parts of multipart/digest are messages unless they say otherwise (RFC 2046 5.1.5)."""
    raw = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: s\r\n\r\nx\r\n--b--\r\n"
    assert [file.filename for file in parse.parse(raw).attachments] == ["s.eml"]


def test_bytes_are_handed_out_on_demand() -> None:
    """An attachment's bytes are those of the sender; its size is estimated without decoding."""
    data = bytes(range(256)) * 40
    raw = _with(
        "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64",
        base64.encodebytes(data).decode(),
    )
    assert data == parse.attachment_bytes(raw, 0)
    (file,) = parse.list_attachments(raw)
    assert (file.filename, file.part) == ("attachment.pdf", "2")
    assert abs(file.size_bytes - len(data)) < 0.05 * len(data)


def test_there_is_no_attachment_beyond_the_last() -> None:
    """Asking for more raises IndexError."""
    with pytest.raises(IndexError):
        parse.attachment_bytes(b"Subject: a\r\n\r\n", 0)


def _attribute(level: int, tag: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, tag, 6, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def _properties(name: str) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    padded = text + b"\0" * (-len(text) % 4)
    number = struct.pack("<HHI", 0x0003, 0x3705, 1)
    return struct.pack("<I", 2) + number + struct.pack("<HHII", 0x001F, 0x3707, 1, len(text)) + padded


def _winmail() -> bytes:
    stream = struct.pack("<IH", 0x223E9F78, 1) + _attribute(1, 0x9007, struct.pack("<II", 1251, 0))
    stream += _attribute(2, 0x9002, b"\0" * 14) + _attribute(2, 0x8010, "да.txt\0".encode("cp1251"))
    stream += _attribute(2, 0x800F, b"first")
    stream += (
        _attribute(2, 0x9002, b"\0" * 14)
        + _attribute(2, 0x8010, b"SHORT~1.PDF\0")
        + _attribute(2, 0x800F, b"second")
    )
    return stream + _attribute(2, 0x9005, _properties("../the long näme.pdf"))


def test_winmail_is_listed() -> None:
    """The files inside come with their long names made safe, their bytes, and the stream's code page."""
    assert [(f.filename, f.data) for f in tnef.read(_winmail())] == [
        ("да.txt", b"first"),
        ("the long näme.pdf", b"second"),
    ]


def test_winmail_is_in_the_report() -> None:
    """The report names the files of a winmail.dat beside the attachment itself."""
    head = "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64"
    told = report.report(_with(head, base64.encodebytes(_winmail()).decode()))
    assert told["tnef_attachments"] == ["да.txt", "the long näme.pdf"]


def test_a_cut_winmail_gives_what_is_whole() -> None:
    """A stream that ends early keeps the files before the cut."""
    for cut in range(len(_winmail())):
        names = [file.filename for file in tnef.read(_winmail()[:cut])]
        assert len(names) <= 2


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from([0x9002, 0x800F, 0x8010, 0x9005, 0x9007, 1]),
            st.binary(max_size=60),
        )
    )
)
def test_any_stream_is_read(attributes: list[tuple[int, int, bytes]]) -> None:
    """Any attributes give files or none, never an error."""
    stream = struct.pack("<IH", 0x223E9F78, 1) + b"".join(_attribute(*each) for each in attributes)
    assert isinstance(tnef.read(stream), tuple)

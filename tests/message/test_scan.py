"""The one pass over the bytes: where entities begin and end."""

from __future__ import annotations

import pytest

from mailhub.message import scan

_MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def _bodies(raw: bytes) -> list[tuple[str, str, bytes]]:
    found = scan.scan(raw)
    return [(part.number, part.content_type, found.raw[part.body_start : part.end]) for part in found.parts]


def test_a_single_part_is_numbered_one() -> None:
    """A message without parts is part 1, as IMAP counts (RFC 3501 6.4.5)."""
    assert _bodies(b"Subject: a\r\n\r\nbody\r\n") == [("1", "text/plain", b"body\r\n")]


def test_the_line_end_before_a_delimiter_belongs_to_it() -> None:
    """A part's last line end is the delimiter's (RFC 2046 5.1.1), with CRLF and with LF."""
    raw = _MIXED + b"--b\r\n\r\none\r\n\r\n--b\r\nContent-Type: x/y\r\n\r\ntwo\r\n--b--\r\n"
    expected = [("1", "text/plain", b"one\r\n"), ("2", "x/y", b"two")]
    assert expected == _bodies(raw)[1:]
    assert [(number, kind, body.replace(b"\r\n", b"\n")) for number, kind, body in expected] == _bodies(
        raw.replace(b"\r\n", b"\n")
    )[1:]


@pytest.mark.parametrize("line", [b"--bb", b"--b-", b" --b", b"--b--x", b"-- b", b"--B", b"x--b"])
def test_look_alikes_are_no_delimiters(line: bytes) -> None:
    """Only the boundary itself, with blanks behind it, is a delimiter."""
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n"
        + line
        + b"\ntwo\n--b \t\n\nthree\n--b--\n"
    )
    assert [body for _, _, body in _bodies(raw)[1:]] == [b"one\n" + line + b"\ntwo", b"three"]


def test_a_missing_end_ends_with_the_message() -> None:
    """Parts that are never closed reach to the end."""
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nlast\n"
    assert [(part.number, part.end) for part in scan.scan(raw).parts] == [
        ("", len(raw)),
        ("1", len(raw)),
        ("1.1", len(raw)),
    ]


def test_an_outer_delimiter_closes_what_is_open_inside() -> None:
    """An inner multipart that is never closed ends where its parent goes on."""
    raw = _MIXED + b"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nin\n--b\n\nout\n--b--\n"
    assert [(number, body) for number, _, body in _bodies(raw)[2:]] == [("1.1", b"in"), ("2", b"out")]


def test_an_empty_part_is_a_part() -> None:
    """Two delimiters in a row hold an empty part between them."""
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\nx\n--b--\n"
    assert [body for _, _, body in _bodies(raw)[1:]] == [b"", b"x"]


def test_a_boundary_may_hold_blanks_and_signs() -> None:
    """Boundaries in quotes hold what they like (RFC 2046 5.1.1)."""
    raw = b'Content-Type: multipart/mixed; boundary="a b=(c)/?"\n\n--a b=(c)/?\n\nx\n--a b=(c)/?--\n'
    assert [body for _, _, body in _bodies(raw)[1:]] == [b"x"]


def test_offsets_refer_to_the_message() -> None:
    """Headers and bodies are found where the offsets say."""
    raw = b"A: 1\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-ID: <x@y>\r\n\r\none\r\n--b--\r\n"
    root, part = scan.scan(raw).parts
    assert raw[root.start : root.body_start].endswith(b"boundary=b\r\n\r\n")
    assert raw[part.start : part.body_start] == b"Content-ID: <x@y>\r\n\r\n"
    assert (part.content_id, part.parent, part.depth) == ("x@y", 0, 1)

"""Transfer encodings that make a decoder start over."""

from __future__ import annotations

from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_padding_everywhere_is_bounded() -> None:
    """Base64 padded everywhere is decoded in a bounded number of pieces."""
    read = read_linearly(hostile_mails.base64_padding)
    assert read.text.startswith("AAAA")


def test_soft_breaks_behind_blanks_are_read_once() -> None:
    """Quoted-printable of "= " is read once."""
    read_linearly(hostile_mails.quoted_printable)


def test_an_invite_is_read_once() -> None:
    """Calendar lines of parameters are read once."""
    read_linearly(hostile_mails.calendar)


def test_lines_that_are_empty_are_text() -> None:
    """A message of line ends is read."""
    read_linearly(hostile_mails.blank_lines)


def test_a_line_that_never_ends_is_text() -> None:
    """A message of one line without a header is its own text."""
    read = read_linearly(hostile_mails.no_header)
    assert set(read.text) == {"a"}
    assert read.headers == ()

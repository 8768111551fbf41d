"""Quote marks without end; flowed paragraphs without end."""

from __future__ import annotations

from mailhub.message import parse
from mailhub.message.values import TEXT_BYTES
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_a_line_of_marks_is_read_once() -> None:
    """One line of quote marks costs one pass."""
    read_linearly(hostile_mails.quote_marks)


def test_lines_of_marks_are_read_once() -> None:
    """Lines of quote marks cost one pass."""
    read_linearly(hostile_mails.quote_lines)


def test_a_flowed_paragraph_is_joined_once() -> None:
    """A paragraph of a hundred thousand flowed lines is joined once, not line by line."""
    read = read_linearly(hostile_mails.flowed)
    assert "\n" not in read.text.strip()


def test_text_is_bounded() -> None:
    """No more than TEXT_BYTES of text are decoded."""
    read = parse.parse(hostile_mails.quote_marks(1_000_000))
    assert "text-bytes" in read.flags
    assert len(read.text) == TEXT_BYTES

"""A Subject folded at every letter."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_a_folded_subject_is_one_line() -> None:
    """The folds become blanks, as far as the bound of one field."""
    read = read_linearly(hostile_mails.folding, 25_000)
    assert set(read.subject) == {"a", " "}


def test_a_folded_subject_is_bounded() -> None:
    """A field beyond limits.VALUE_BYTES is cut there and flagged."""
    read = parse.parse(hostile_mails.folding(1_200_000))
    assert "header-value" in read.flags
    assert len(read.subject) <= limits.VALUE_BYTES

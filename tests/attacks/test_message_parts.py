"""A hundred thousand parts: reading stops at the bound."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import SLACK_CALLS, calls_of, read_linearly


def test_the_parts_stop_at_their_bound() -> None:
    """The first limits.PARTS parts are read, the rest is flagged."""
    read = read_linearly(hostile_mails.parts)
    assert "parts" in read.flags
    assert len(read.parts) == limits.PARTS


def test_work_beyond_the_bound_does_not_grow() -> None:
    """A message ten times as large costs no more calls."""
    once, tenfold = hostile_mails.parts(100_000), hostile_mails.parts(1_000_000)
    assert calls_of(lambda: parse.parse(tenfold)) <= calls_of(lambda: parse.parse(once)) + SLACK_CALLS

"""Multiparts nested without end: depth stops at its bound, nothing recurses."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_the_depth_stops_at_its_bound() -> None:
    """Multiparts beyond the bound are read as text, and flagged."""
    read = read_linearly(hostile_mails.nesting)
    assert "depth" in read.flags
    assert max(part.depth for part in read.parts) == limits.DEPTH


def test_ten_megabytes_raise_nothing() -> None:
    """A message of ten megabytes of nesting is read; the standard library raises RecursionError at 1,000 levels."""
    assert "depth" in parse.parse(hostile_mails.nesting(10_000_000)).flags

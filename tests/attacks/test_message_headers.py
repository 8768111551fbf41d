"""Header fields without end: count and bytes are bounded."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_the_fields_stop_at_their_bound() -> None:
    """The first limits.HEADERS fields are read and flagged, and the body behind them is found."""
    read = read_linearly(hostile_mails.headers)
    assert "header-count" in read.flags
    assert len(read.headers) == limits.HEADERS
    assert read.text == "body\n"


def test_a_megabyte_of_fields_keeps_the_body() -> None:
    """The body is found behind a header block larger than its bound."""
    read = parse.parse(hostile_mails.headers(1_000_000))
    assert "header-bytes" in read.flags
    assert read.text == "body\n"

"""Content-Type and Content-Disposition with parameters, sections or blanks without end."""

from __future__ import annotations

from mailhub.message import limits, parse
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_parameters_stop_at_their_bound() -> None:
    """The first limits.PARAMETERS parameters are read, the rest is flagged."""
    read = read_linearly(hostile_mails.parameters)
    assert "parameters" in read.flags


def test_sections_out_of_order_are_bounded() -> None:
    """RFC 2231 sections in thousands cost a bounded number of looks."""
    read_linearly(hostile_mails.sections)


def test_blanks_are_passed_once() -> None:
    """A field padded with blanks is flagged for its length and its type still known."""
    read = read_linearly(hostile_mails.blanks)
    assert "parameter-bytes" in read.flags
    assert read.parts[0].content_type == "text/plain"


def test_a_long_name_is_cut() -> None:
    """A file name keeps its extension within limits.FILENAME_BYTES."""
    read = parse.parse(hostile_mails.named(1_000))
    assert len(read.attachments[0].filename.encode()) == limits.FILENAME_BYTES
    assert read.attachments[0].filename.endswith("a.txt")

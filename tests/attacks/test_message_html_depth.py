"""Nested elements: what takes nh3 and lexbor seconds, and hides text from inscriptis."""

from __future__ import annotations

from mailhub.message import limits, parse, sanitise
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_plain_nesting_costs_one_pass() -> None:
    """Nested elements without style are read in one pass."""
    read_linearly(hostile_mails.html_depth)


def test_text_below_any_depth_is_read() -> None:
    """Text below 5,000 levels is not lost."""
    read = parse.parse(b"Content-Type: text/html\r\n\r\n" + b"<div>" * 5_000 + b"deep")
    assert read.text == "deep"


def test_remembered_nesting_stops_at_its_bound() -> None:
    """Styled elements beyond limits.HTML_DEPTH are flagged."""
    read = read_linearly(hostile_mails.html_styles)
    assert "html-depth" in read.flags


def test_what_is_shown_is_never_deep() -> None:
    """The page for display nests no deeper than limits.HTML_DEPTH, so that no browser or tree builder suffers."""
    shown = sanitise.clean("<div>" * 40_000 + "deep", {})
    assert shown.count("<div>") == limits.HTML_DEPTH
    assert "deep" in shown

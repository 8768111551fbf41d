"""Tags that never end, quotes that never close, links in links."""

from __future__ import annotations

from mailhub.message import limits
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_quotes_across_tags_cost_a_constant() -> None:
    """Quotes that open in one tag and close in the next do not make the reader go back."""
    read_linearly(hostile_mails.html_quotes, 20_000)


def test_tags_that_never_end_end_the_page() -> None:
    """Tags without an end are read once."""
    read_linearly(hostile_mails.html_open)


def test_signs_that_begin_no_tag_are_text() -> None:
    """A page of "<" is text."""
    read = read_linearly(hostile_mails.html_less)
    assert set(read.text) == {"<"}


def test_links_in_links_are_bounded() -> None:
    """Links closed together are read with a bounded look at each text."""
    read = read_linearly(hostile_mails.html_links, 20_000)
    assert len(read.links) <= limits.LINKS

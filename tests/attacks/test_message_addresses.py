"""Recipients and comments without end."""

from __future__ import annotations

from mailhub.message import limits
from scripts import hostile_mails
from tests.houses.counted_work import read_linearly


def test_recipients_stop_at_their_bound() -> None:
    """The first limits.ADDRESSES mailboxes are read, the rest is flagged."""
    read = read_linearly(hostile_mails.addresses, 30_000)
    assert "addresses" in read.flags
    assert len(read.cc) == limits.ADDRESSES


def test_opened_comments_are_read_once() -> None:
    """Comments that are opened and never closed cost one pass."""
    read_linearly(hostile_mails.comments, 30_000)


def test_colons_are_read_once() -> None:
    """Group names behind an address, which have to be looked at again and again by a careless reader, cost one pass."""
    read_linearly(lambda size: b"Cc: a@b" + b":" * size + b"\r\n\r\n", 30_000)

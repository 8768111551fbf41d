"""The brake on senders counts committed tickets by hour, and what this batch has started."""

from __future__ import annotations

from mailhub.clock import HOUR
from mailhub.filing.flood import FloodCounter

KEY, OTHER = (1, 1, "kim@x.example"), (1, 2, "kim@x.example")
AT = 1_800_000_000_000_000 - 1_800_000_000_000_000 % HOUR


def test_the_cap_counts_what_is_committed_and_what_is_pending() -> None:
    """A sender is over when committed and pending tickets reach the cap; other mailboxes are not counted."""
    counter = FloodCounter(3)
    assert not counter.over(KEY, AT)
    counter.count([(KEY, 1, False), (KEY, 2, False), (OTHER, 3, False)])
    assert not counter.over(KEY, AT)
    assert counter.over(KEY, AT, pending=[(KEY, 4, False)])
    assert not counter.over(KEY, AT, pending=[(OTHER, 4, False)])
    counter.count([(KEY, 4, False)])
    assert (counter.over(KEY, AT), counter.over(OTHER, AT)) == (True, False)


def test_the_collecting_ticket_of_this_batch_goes_first() -> None:
    """The collecting ticket is the one this batch started, else the one committed before, else unknown."""
    counter = FloodCounter(1)
    assert counter.ticket(KEY) is None
    counter.count([(KEY, 1, False), (KEY, 2, True)])
    assert counter.ticket(KEY) == 2
    assert counter.ticket(KEY, pending=[(OTHER, 8, True), (KEY, 7, False), (KEY, 9, True)]) == 9
    assert counter.ticket(OTHER) is None


def test_an_hour_is_forgotten_with_the_next() -> None:
    """With the next hour counts and collecting tickets go; a mail of an earlier hour does not bring it back."""
    counter = FloodCounter(1)
    counter.over(KEY, AT)
    counter.count([(KEY, 1, True)])
    assert counter.over(KEY, AT + HOUR - 1)
    assert not counter.over(KEY, AT + HOUR)
    assert counter.ticket(KEY) is None
    counter.count([(KEY, 2, False)])
    assert counter.over(KEY, AT)

"""How many tickets a sender started in a mailbox this hour. A brake, not a record: kept in memory, gone with the hour.

Mails over the cap join one flood ticket; nothing is refused, nothing lost (peers' robots sent 5,000-8,000 in a night).
"""

from __future__ import annotations

from collections.abc import Iterable

from mailhub import clock

Key = tuple[int, int, str]  # account, mailbox, sender
Start = tuple[Key, int, bool]  # one ticket started: whose, ticket id, whether it is the one that collects


class FloodCounter:
    """Counts by (account, mailbox, sender) and hour. Used by the writer's thread only."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._hour = 0
        self._counts: dict[Key, int] = {}
        self._tickets: dict[Key, int] = {}

    def over(self, key: Key, at: int, *, pending: Iterable[Start] = ()) -> bool:
        """Whether the sender has had their tickets of this hour; ``pending``: started by this batch, not committed."""
        if at - at % clock.HOUR > self._hour:
            self._hour = at - at % clock.HOUR
            self._counts.clear()
            self._tickets.clear()
        return self._counts.get(key, 0) + sum(start[0] == key for start in pending) >= self._cap

    def ticket(self, key: Key, *, pending: Iterable[Start] = ()) -> int | None:
        """The ticket that collects what is over the cap, if this process knows it."""
        started = (ticket for owner, ticket, collects in pending if collects and owner == key)
        return next(started, self._tickets.get(key))

    def count(self, started: Iterable[Start]) -> None:
        """These tickets were committed."""
        for key, ticket, collects in started:
            self._counts[key] = self._counts.get(key, 0) + 1
            if collects:
                self._tickets[key] = ticket

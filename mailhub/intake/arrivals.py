"""Which mailboxes mail came to since somebody last asked. In memory: ``health.watching`` puts it on record each minute.

Durable states: none; what a kill loses is read again from the intake rows. Must not: hold an address.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.clock import HOUR

Mailbox = tuple[int, int]  # account, mailbox


class Arrivals:
    """Noted on the event loop, taken by a job: neither needs a lock."""

    def __init__(self) -> None:
        self._newest: dict[tuple[Mailbox, int], int] = {}  # (mailbox, hour) -> the newest mail of that hour

    def note(self, account: int, mailbox: int, at: int) -> None:
        """Mail came to a mailbox then."""
        self._newest[(account, mailbox), at // HOUR] = at

    def take(self) -> Mapping[Mailbox, list[int]]:
        """The newest mail of each hour by mailbox, in order; forgotten here from now on."""
        noted = self._newest
        self._newest = {}
        taken: dict[Mailbox, list[int]] = {}
        for (mailbox, _), at in sorted(noted.items()):
            taken.setdefault(mailbox, []).append(at)
        return taken

"""One account of the bytes that strangers make this process hold, over all doors: SMTP, LMTP, IMAP, the API and pages.

Charged: messages being received or committed, mails fetched one at a time, bodies of requests, mails and files
while they are read for an answer. Not charged: the batch of small mails that each IMAP mailbox fetches at once.
One caller holds at most a quarter, or one message; the API's callers together, and all fetched mail together,
at most half, or one message: mail is taken while people read, and the other way round. Messages up to 1 MiB may
use the last eighth, so that a few large ones never shut out the small. Durable states: none; a restart begins
with an empty one. Must not: know a protocol. What does not fit is 452 at the mail doors, 503 with Retry-After at
the API.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailhub.errors import TooManyRequests, Unavailable

MIB = 1024 * 1024
SMALL_BYTES = MIB  # a message or body up to here may use the last eighth
WAIT_SECONDS = 3.0  # for room to read a stored mail: longer would only keep the request's thread
BUSY_SECONDS = 10  # after which one may ask again for a copy while another is being sent
# what a caller's name begins with
API = "api"
IMAP = "imap"


class ByteBudget:
    """Used by the event loop and by threads. Sizes in bytes."""

    def __init__(self, limit: int, message_bytes: int) -> None:
        self._limit = limit
        self._message = message_bytes
        self._held = 0
        self._by_caller: Counter[str] = Counter()
        self._freed = threading.Condition()

    @property
    def held_bytes(self) -> int:
        """What is charged now."""
        return self._held

    def configure(self, limit: int, message_bytes: int) -> None:
        """Other limits from now on. What is held stays."""
        with self._freed:
            self._limit = limit
            self._message = message_bytes

    def has_room(self, message_bytes: int, caller: str) -> bool:
        """Whether so much would fit now; nothing is set aside."""
        return self._fits(message_bytes, message_bytes, caller)

    def take(self, count: int, message_bytes: int, caller: str) -> bool:
        """Charge ``count`` bytes to a message that has ``message_bytes`` with them; False (nothing charged) if over."""
        with self._freed:
            return self._take(count, message_bytes, caller)

    def wait_for(self, count: int, caller: str, seconds: float) -> bool:
        """Charge as soon as there is room, in a thread that may wait; False (nothing charged) after so long."""
        until = time.monotonic() + seconds
        with self._freed:
            while not self._take(count, count, caller):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._freed.wait(left)
        return True

    def give_back(self, count: int, caller: str) -> None:
        """Release what was charged."""
        with self._freed:
            self._held -= count
            for name, _ in self._shares(caller):
                self._by_caller[name] -= count
                if not self._by_caller[name]:
                    del self._by_caller[name]
            self._freed.notify_all()

    def _take(self, count: int, message_bytes: int, caller: str) -> bool:
        if not self._fits(count, message_bytes, caller):
            return False
        self._held += count
        for name, _ in self._shares(caller):
            self._by_caller[name] += count
        return True

    def _fits(self, count: int, message_bytes: int, caller: str) -> bool:
        if any(self._by_caller[name] + count > share for name, share in self._shares(caller)):
            return False
        limit = self._limit if message_bytes <= SMALL_BYTES else self._limit - self._limit // 8
        return self._held + count <= limit

    def _shares(self, caller: str) -> Iterator[tuple[str, int]]:
        """(whose share, how many bytes); nobody's for this machine's own MX, which brings everybody's mail."""
        if caller:
            yield caller, max(self._limit // 4, self._message)
            kind = caller.partition(":")[0]
            if kind in (API, IMAP):
                yield kind, max(self._limit // 2, self._message)


NO_ROOM = "too much mail is being received or read at this moment; try again"


class Flights:
    """What only one may do at a time for each key, and few at all: copies of everybody's data."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self._keys: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, key: str) -> None:
        """Raise ``TooManyRequests`` while the same is under way, or as many as may be."""
        with self._lock:
            if key in self._keys:
                raise TooManyRequests("this copy is being sent already", after_seconds=BUSY_SECONDS)
            if len(self._keys) >= self.at_once:
                raise TooManyRequests(
                    "other copies are being sent: this one can be next", after_seconds=BUSY_SECONDS
                )
            self._keys.add(key)

    def end(self, key: str) -> None:
        """It is over."""
        with self._lock:
            self._keys.discard(key)


class Charges:
    """What one request, or one fetch, holds: all of it is given back at its end, however it ends."""

    def __init__(self, budget: ByteBudget, caller: str) -> None:
        self._budget = budget
        self._caller = caller
        self._held = 0
        self._ends: list[Callable[[], None]] = []

    def take(self, count: int, whole: int) -> bool:
        """Charge more of a body that has ``whole`` bytes with it; False if there is no room."""
        taken = self._budget.take(count, whole, self._caller)
        self._held += count if taken else 0
        return taken

    def has_room(self, count: int) -> bool:
        """Whether a body of this size would fit now."""
        return self._budget.has_room(count, self._caller)

    def hold(self, count: int, seconds: float = WAIT_SECONDS) -> None:
        """Hold so much until the end. Raises ``Unavailable`` when there is no room for so long."""
        if not self._budget.wait_for(count, self._caller, seconds):
            raise Unavailable(NO_ROOM)
        self._held += count

    @contextmanager
    def holding(self, count: int) -> Iterator[None]:
        """Hold so much while the block runs. Raises ``Unavailable`` when there is no room for a while."""
        self.hold(count)
        try:
            yield
        finally:
            self._held -= count
            self._budget.give_back(count, self._caller)

    def fly(self, flights: Flights, key: str) -> None:
        """Be the only one to do this until the answer is sent. Raises ``TooManyRequests``."""
        flights.begin(key)
        self._ends.append(lambda: flights.end(key))

    def at_end(self, act: Callable[[], None]) -> None:
        """Do this when the request is over."""
        self._ends.append(act)

    def give_back(self) -> None:
        """The request is over."""
        held = self._held
        self._held = 0
        if held:
            self._budget.give_back(held, self._caller)
        while self._ends:
            self._ends.pop()()


def unlimited() -> Charges:
    """For who asks without a request."""
    return Charges(ByteBudget(2**62, 2**62), "")

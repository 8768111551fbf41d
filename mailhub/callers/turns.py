"""Whose request is next: a fair share of the threads for each account. Durable states: none.

An account has at most so many requests worked on at once; what else it asks waits in a line of its own, first
come, first served. A free turn goes to the account with the fewest running. So one account's slow requests
wait for each other, and another's first request waits for at most one of the running ones to end. Lives on
the event loop alone: no locks.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, get_running_loop
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mailhub.errors import TooManyRequests

Line = deque[Future[None]]
AGAIN_SECONDS = 1  # after which somebody whose line is full may ask again


class Turns:
    """The turns of one process. A key is an account, or None for the operator."""

    def __init__(self, total: int) -> None:
        self._total = total  # that are worked on at once
        self._running: Counter[int | None] = Counter()
        self._lines: OrderedDict[int | None, Line] = (
            OrderedDict()
        )  # none of them empty; the first is served next
        self._at_once = total

    @asynccontextmanager
    async def turn(self, key: int | None, *, at_once: int, waiting: int) -> AsyncIterator[None]:
        """Wait for a turn and have it until the block ends. Raises ``TooManyRequests`` where the line is full."""
        self._at_once = at_once
        await self._enter(key, waiting)
        try:
            yield
        finally:
            self._leave(key)

    async def _enter(self, key: int | None, waiting: int) -> None:
        line = self._lines.setdefault(key, deque())
        if len(line) >= waiting:
            raise TooManyRequests(
                f"{waiting} requests of this account wait already: send fewer at once",
                after_seconds=AGAIN_SECONDS,
            )

        mine: Future[None] = get_running_loop().create_future()
        line.append(mine)
        self._serve()

        try:
            await mine
        except CancelledError:
            if mine.cancelled():
                self._forget(key, mine)
            else:  # its turn had come in the same moment
                self._leave(key)
            raise

    def _leave(self, key: int | None) -> None:
        self._running[key] -= 1
        if not self._running[key]:
            del self._running[key]
        self._serve()

    def _serve(self) -> None:
        """Give turns away while there are any: to the account with the fewest, and among equals by turns."""
        while self._running.total() < self._total:
            key = min(
                self._lines, key=lambda each: self._running[each], default=None
            )  # of equals the one due longest
            line = self._lines.get(key)
            if not line or self._running[key] >= self._at_once:
                return
            first = line.popleft()
            if not first.cancelled():  # who gave up this moment has not left the line yet
                self._running[key] += 1
                first.set_result(None)
            self._lines.move_to_end(key)
            if not line:
                del self._lines[key]

    def _forget(self, key: int | None, mine: Future[None]) -> None:
        line = self._lines.get(key, deque())
        if mine in line:
            line.remove(mine)
        if not line:
            self._lines.pop(key, None)

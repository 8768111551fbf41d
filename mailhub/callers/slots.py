"""Long requests that have no row: how many of a kind an account runs at once. Durable states: none.

Unlike ``turns``, nobody waits here: who finds no slot hears 429 and asks again when the other is done. Lives
on the event loop alone: no locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from fastapi import Request

from mailhub.callers.caller import InAccount
from mailhub.errors import TooManyRequests

AGAIN_SECONDS = 10


class Slots:
    """Those of one process."""

    def __init__(self) -> None:
        self._taken: Counter[tuple[str, int]] = Counter()

    @contextmanager
    def slot(self, kind: str, account: int, most: int) -> Iterator[None]:
        """Have a slot until the block ends. Raises ``TooManyRequests``."""
        if self._taken[kind, account] >= most:
            raise TooManyRequests(
                f"at most {most} {kind} of an account run at once (quotas.{kind}, the operator's setting): wait for it",
                after_seconds=AGAIN_SECONDS,
            )

        self._taken[kind, account] += 1
        try:
            yield
        finally:
            self._taken[kind, account] -= 1
            if not self._taken[kind, account]:
                del self._taken[kind, account]


def one_of(kind: str) -> Callable[[Request, InAccount], AsyncIterator[None]]:
    """A dependency of a route: one of the account's slots of this kind, until the answer is sent to its end."""

    async def have_slot(request: Request, call: InAccount) -> AsyncIterator[None]:
        slots = request.app.state.slots
        assert isinstance(slots, Slots)
        with slots.slot(kind, call.account, int(getattr(call.house.config.quotas, kind))):
            yield

    return have_slot

"""A stop: what begins first, and what is waited for; and a hang, which the watchdog sees."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from mailhub.service import daemon


class Stopping:
    """A daemon of which only the stop is looked at: it writes down who was asked, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.relay_stopped = asyncio.Event()
        self.relay = SimpleNamespace(stop=self._stop_relay)
        self.vitals = SimpleNamespace(stopping=False)
        self.doors = {"smtp": SimpleNamespace(drain=self._drain)}
        self.api = SimpleNamespace(should_exit=False)
        self.scheduler = SimpleNamespace(stop=lambda: self.asked.append("jobs"))
        self.house = SimpleNamespace(imap=SimpleNamespace(stop=lambda: None))

    def _stop_relay(self) -> None:
        self.asked.append("relay")
        self.relay_stopped.set()

    async def _drain(self, seconds: float) -> int:
        self.asked.append("door")
        return 0

    async def serve(self) -> None:
        """The API: ends at once."""


async def _stop(stopping: Any, sending: asyncio.Task[None]) -> None:
    await daemon._stop(stopping, asyncio.create_task(stopping.serve()), sending)


def test_the_relay_is_asked_first() -> None:
    """The relay hears of the stop before the doors drain, so that its last try runs beside them."""

    async def work() -> list[str]:
        stopping = Stopping()

        async def sending() -> None:
            await stopping.relay_stopped.wait()

        await _stop(stopping, asyncio.create_task(sending()))
        return stopping.asked

    assert asyncio.run(work()) == ["relay", "door", "jobs"]


def test_a_relay_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that outlasts its time is cut, and the stop goes on."""
    monkeypatch.setattr(daemon, "RELAY_SECONDS", 0.0)

    async def work() -> tuple[bool, list[str]]:
        stopping = Stopping()
        sending = asyncio.create_task(_for_ever())
        await _stop(stopping, sending)
        return sending.cancelled(), stopping.asked

    assert asyncio.run(work()) == (True, ["relay", "door", "jobs"])


async def _for_ever() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("alive", "turn", "undecided", "moves"),
    [
        (True, 0.0, 0.0, True),
        (True, 119.0, 119.0, True),
        (True, 121.0, 0.0, False),
        (True, 0.0, 121.0, False),
        (False, 0.0, 0.0, False),
    ],
)
def test_a_hang_is_no_life(alive: bool, turn: float, undecided: float, moves: bool) -> None:
    """A writer whose turn does not end, or a delivery nobody decides, silences the watchdog though the threads live."""
    house: Any = SimpleNamespace(
        writing=SimpleNamespace(alive=alive, turn_seconds=lambda: turn),
        reception=SimpleNamespace(oldest_undecided_seconds=lambda: undecided),
    )
    assert daemon._moves(house) is moves

"""A real door on a loopback socket, a pipeline with behaviour, and a client that sends exactly the bytes it is told.

Tests take the fixture ``with_door`` from here through the conftest of their folder.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import uvloop

from mailhub.envelope import Check, Envelope, Fate, Outcome, Recipient, Refusal, Source
from mailhub.intake.smtp.door import Door
from mailhub.intake.smtp.limits import DoorSettings

GUARD_SECONDS = 30.0  # only a hang gets there


class FakePipeline:
    """Knows example.com, keeps what it is given, and fails or hangs when told to."""

    def __init__(self) -> None:
        self.filed: list[tuple[Envelope, bytes]] = []
        self.refusals: list[str] = []
        self.checks: list[tuple[Source, str, str, str | None]] = []
        self.check: Check | None = None
        self.fates: dict[str, Outcome] = {}
        self.error: Exception | None = None
        self.held: asyncio.Event | None = None
        self.begun = asyncio.Event()

    def resolve(self, recipient: str) -> Recipient | Refusal:
        local, _, domain = recipient.lower().partition("@")
        if local == "suspended":
            return Refusal.SUSPENDED
        if local == "unknown" or domain not in ("example.com", ""):
            return Refusal.UNKNOWN
        return Recipient(1, 1, recipient.lower())

    def begin(self, source: Source, peer: str, helo: str, mail_from: str | None) -> Check | None:
        self.checks.append((source, peer, helo, mail_from))
        return self.check

    async def deliver(self, envelope: Envelope, raw: bytes, check: Check | None = None) -> Sequence[Outcome]:
        assert check is self.check
        self.begun.set()
        if self.held is not None:
            await self.held.wait()
        if self.error is not None:
            raise self.error
        self.filed.append((envelope, raw))
        filed = Outcome(recipient="", fate=Fate.FILED, message=len(self.filed))
        return [replace(self.fates.get(name, filed), recipient=name) for name in envelope.recipients]

    def refused(self, peer: str, reason: str) -> None:
        self.refusals.append(reason)

    @property
    def raws(self) -> list[bytes]:
        return [raw for _, raw in self.filed]


@dataclass
class Client:
    """One connection: raw bytes out, reply lines in."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def reply(self) -> str:
        """One whole reply without line ends, its lines joined by a bar; "" when the door closed."""
        lines: list[str] = []
        while line := (await self.reader.readline()).decode():
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "|".join(lines)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def say(self, line: str) -> str:
        """One command, one reply."""
        await self.send(line.encode() + b"\r\n")
        return await self.reply()

    async def rest(self) -> str:
        """Everything until the door closes."""
        return (await self.reader.read()).decode()

    async def begin(self, *recipients: str, hello: str = "EHLO client.example") -> None:
        """Greeting to 354."""
        expected = {"MAIL": "250", "RCPT": "250", "DATA": "354"}
        await self.reply()
        await self.say(hello)
        commands = ["MAIL FROM:<kim@customer.example>", *(f"RCPT TO:<{name}>" for name in recipients), "DATA"]
        for command in commands:
            reply = await self.say(command)
            assert reply[:3] == expected[command[:4]], reply

    def close(self) -> None:
        self.writer.close()


@dataclass
class House:
    """A door, what is behind it, and a way in."""

    door: Door
    pipeline: FakePipeline
    address: tuple[str, int]
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        reader, writer = await asyncio.open_connection(*self.address, limit=1 << 20)
        self.clients.append(Client(reader, writer))
        return self.clients[-1]


@asynccontextmanager
async def _open_house(settings: DoorSettings, *, lmtp: bool) -> AsyncIterator[House]:
    pipeline = FakePipeline()
    door = Door(pipeline, settings, lmtp=lmtp)
    listener = socket.create_server(("127.0.0.1", 0))
    house = House(door, pipeline, listener.getsockname())
    await door.listen([listener])
    try:
        yield house
    finally:
        for client in house.clients:
            client.close()
        await door.drain(0.0 if pipeline.held else GUARD_SECONDS)
        for client in house.clients:
            with suppress(OSError):
                await client.writer.wait_closed()


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something is so; the guard of the runner ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 what is waited for is inside the door, which has no event for tests
        await asyncio.sleep(0)


Scenario = Callable[[House], Coroutine[Any, Any, None]]


class Runner:
    """``runner(scenario, lmtp=..., setting=...)`` runs a scenario against a real door on one kind of event loop."""

    def __init__(self, loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._loop_factory = loop_factory

    def __call__(self, scenario: Scenario, *, lmtp: bool = False, **settings: Any) -> None:
        async def main() -> None:
            chosen = DoorSettings(**{"greeting_seconds": 0.0, "hostname": "mail.example.com", **settings})
            async with asyncio.timeout(GUARD_SECONDS), _open_house(chosen, lmtp=lmtp) as house:
                await scenario(house)

        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(main())


@pytest.fixture(params=["asyncio", "uvloop"])
def with_door(request: pytest.FixtureRequest) -> Runner:
    """Runs each scenario on asyncio's loop and on uvloop's."""
    return Runner(asyncio.new_event_loop if request.param == "asyncio" else uvloop.new_event_loop)

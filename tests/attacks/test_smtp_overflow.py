"""Pipelined overflow: megabytes of commands while a commit is under way, and replies that are never read."""

import asyncio

from tests.houses.door_house import House, Runner, until


def test_commands_that_wait_are_bounded(with_door: Runner) -> None:
    """While a message is committed the socket is paused instead of buffering what is pipelined behind it."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x\r\n.\r\n")
        await house.pipeline.begun.wait()
        [session] = house.door._state.sessions
        flood = asyncio.create_task(client.send(b"MAIL FROM:<a@b.c>\r\n" * 45_000))
        await until(lambda: session._reading_paused)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(session._input) < 64 * 1024 + 256 * 1024 + 1
        house.pipeline.held.set()
        assert (await client.reply())[:3] == "250"
        lines = (await client.rest()).splitlines()
        assert lines[:2] == ["250 2.1.0 Ok", "503 5.5.1 A message has been begun already"]
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)

    with_door(scenario)


def test_replies_nobody_reads_are_bounded(with_door: Runner) -> None:
    """A client that never reads is served no further than its buffers hold, and is dropped when its time is up."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        flood = asyncio.create_task(client.send(b"HELP\r\n" * 3_000_000))
        loop = asyncio.get_running_loop()
        await until(lambda: house.door.counters.connections)
        [session] = house.door._state.sessions
        await until(lambda: session._paused)  # type: ignore[attr-defined]  # asyncio flow control
        for _ in range(3_000):
            await asyncio.sleep(0)
        assert session._wire is not None
        assert session._wire.get_write_buffer_size() < 100_000
        house.door.watch(loop.time() + 1_000)
        house.door.watch(loop.time() + 2_000)
        await until(lambda: not house.door.counters.connections)
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)

    with_door(scenario, junk_commands=10**9)

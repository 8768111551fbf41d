"""Slow clients: silence between commands, a command that drips in, a message below the minimum rate."""

import asyncio
from contextlib import suppress
from functools import partial

from tests.houses.door_house import House, Runner, until


def test_silence_ends_a_session(with_door: Runner) -> None:
    """After 300 s without a command the client is told and the connection closed, not before."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        now = asyncio.get_running_loop().time()
        house.door.watch(now + 290)
        assert (await client.say("NOOP"))[:3] == "250"
        house.door.watch(now + 310)
        assert await client.rest() == "421 4.4.2 Timeout, closing the connection\r\n"

    with_door(scenario)


def test_a_command_that_drips_in_gets_no_more_time(with_door: Runner) -> None:
    """Bytes without a line end do not move the deadline."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        [session] = house.door._state.sessions
        deadline = session._deadline
        await client.send(b"NOO")
        await until(lambda: session._input)
        house.door.watch(deadline + 10)
        assert (await client.rest())[:9] == "421 4.4.2"

    with_door(scenario)


def _has(house: House, in_flight_bytes: int) -> bool:
    return house.door.counters.in_flight_bytes >= in_flight_bytes


def test_a_message_below_the_minimum_rate_is_given_up(with_door: Runner) -> None:
    """A message lives while each period brings its bytes; the first that does not ends it and frees what it held."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com")
        [session] = house.door._state.sessions
        for kilobytes in range(1, 4):
            await client.send(b"x" * 998 + b"\r\n")
            await until(partial(_has, house, kilobytes * 1_000))
            house.door.watch(session._deadline)
        assert not session._closing
        await client.send(b"x" * 900)
        await until(lambda: house.door.counters.in_flight_bytes >= 3_900)
        house.door.watch(session._deadline)
        assert await client.rest() == "421 4.4.2 Message arrives too slowly, closing the connection\r\n"
        assert (house.pipeline.filed, house.door.counters.in_flight_bytes) == ([], 0)
        assert house.pipeline.refusals == ["data-too-slow"]

    with_door(scenario, data_seconds=10.0, data_bytes_per_second=100)


def test_a_long_commit_is_not_timed_out(with_door: Runner) -> None:
    """However long we take ourselves, the client is not blamed for it."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x\r\n.\r\n")
        await house.pipeline.begun.wait()
        house.door.watch(asyncio.get_running_loop().time() + 100_000)
        house.pipeline.held.set()
        assert await client.reply() == "250 2.0.0 Ok: message 1"

    with_door(scenario)


def test_who_talks_on_after_the_last_word_is_cut_off(with_door: Runner) -> None:
    """A megabyte is read and thrown away after 221, not more."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert (await client.say("QUIT"))[:3] == "221"
        with suppress(ConnectionError):
            await client.send(b"x" * 3_000_000)
        await until(lambda: not house.door.counters.connections)

    with_door(scenario, linger_seconds=1_000.0)


def test_who_does_not_close_after_the_last_word_is_cut_off(with_door: Runner) -> None:
    """A client that lingers after 221 is dropped when its moment is over."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert (await client.say("QUIT"))[:3] == "221"
        house.door.watch(asyncio.get_running_loop().time() + 10)
        await until(lambda: not house.door.counters.connections)

    with_door(scenario)

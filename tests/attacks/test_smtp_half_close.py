"""A client that half-closes or vanishes right after the final dot: aiosmtpd cancels the commit in the middle."""

import asyncio
import socket
import struct

from tests.houses.door_house import House, Runner, until


def test_a_half_close_does_not_stop_the_commit(with_door: Runner) -> None:
    """Who sends no more still gets the replies to what it sent, QUIT included."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x\r\n.\r\nQUIT\r\n")
        client.writer.write_eof()
        await house.pipeline.begun.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        house.pipeline.held.set()
        assert await client.rest() == "250 2.0.0 Ok: message 1\r\n221 2.0.0 Bye\r\n"
        assert house.pipeline.raws == [b"x\r\n"]

    with_door(scenario)


def test_a_reset_does_not_stop_the_commit(with_door: Runner) -> None:
    """A connection reset during the commit loses the reply, not the message, and its bytes are counted out after it."""

    async def scenario(house: House) -> None:
        house.pipeline.held = asyncio.Event()
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x\r\n.\r\n")
        await house.pipeline.begun.wait()
        client.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        client.writer.transport.abort()
        await until(lambda: not house.door.counters.connections)
        assert house.door.counters.in_flight_bytes == 6
        house.pipeline.held.set()
        await until(lambda: not house.door.counters.in_flight_bytes)
        assert house.pipeline.raws == [b"x\r\n"]

    with_door(scenario)


def test_a_message_cut_off_is_not_a_message(with_door: Runner) -> None:
    """Half a message is dropped, whether the client half-closes or goes, and nothing stays in flight."""

    async def scenario(house: House) -> None:
        for half_close in (True, False):
            client = await house.connect()
            await client.begin("support@example.com")
            await client.send(b"half a message\r\n.")
            if half_close:
                client.writer.write_eof()
                assert await client.rest() == ""
            else:
                client.writer.transport.abort()
        await until(lambda: not house.door.counters.connections)
        assert (house.pipeline.filed, house.door.counters.in_flight_bytes) == ([], 0)

    with_door(scenario)


def test_a_large_message_cut_off_is_forgotten(with_door: Runner) -> None:
    """Megabytes of a message whose sender goes, or is cut off by us, are counted out at once."""

    async def scenario(house: House) -> None:
        for ours in (True, False):
            client = await house.connect()
            await client.begin("support@example.com")
            await client.send((b"x" * 998 + b"\r\n") * 3_000)
            await until(lambda: house.door.counters.in_flight_bytes >= 2_000_000)
            if ours:
                [session] = house.door._state.sessions
                session.abort()
            else:
                client.writer.transport.abort()
            await until(lambda: not house.door.counters.connections)
            assert house.door.counters.in_flight_bytes == 0
        assert house.pipeline.filed == []

    with_door(scenario)

"""A fault of ours: aiosmtpd answers 500 with the exception in it, so the sender bounces and reads our secrets."""

import re

import pytest
from structlog.testing import capture_logs

from mailhub.errors import InsufficientStorage
from tests.houses.door_house import House, Runner

REPLY = re.compile(r"451 4\.3\.0 Temporary failure, try again; error ([0-9a-f]{12})")


@pytest.mark.parametrize(("lmtp", "hello"), [(False, "EHLO c"), (True, "LHLO c")])
def test_the_peer_keeps_the_mail_and_learns_nothing(with_door: Runner, lmtp: bool, hello: str) -> None:
    """Any exception is a 451 with an id that the log has too, once for each LMTP recipient, and the session goes on."""

    async def scenario(house: House) -> None:
        house.pipeline.error = OSError(13, "Permission denied", "/var/lib/mailhub/kim@customer.example")
        client = await house.connect()
        await client.begin("a@example.com", "b@example.com", hello=hello)
        with capture_logs() as logs:
            await client.send(b"x\r\n.\r\n")
            found = [REPLY.fullmatch(await client.reply()) for _ in range(2 if lmtp else 1)]
        ids = {match[1] if match else "" for match in found}
        assert [entry["event"] for entry in logs] == ["smtp_fault"]
        assert ids == {logs[0]["error_id"]}
        assert house.door.counters.faults == 1
        assert house.door.counters.in_flight_bytes == 0
        house.pipeline.error = None
        assert (await client.say("MAIL FROM:<a@b.c>"))[:3] == "250"

    with_door(scenario, lmtp=lmtp)


def test_a_full_disk_is_452(with_door: Runner) -> None:
    """No room is temporary and has its own code."""

    async def scenario(house: House) -> None:
        house.pipeline.error = InsufficientStorage("the disk is full")
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x\r\n.\r\n")
        assert await client.reply() == "452 4.3.1 Not enough room now, try again"

    with_door(scenario)


def test_a_fault_at_rcpt_is_temporary_too(with_door: Runner) -> None:
    """A recipient that cannot be looked up is not an unknown one."""

    async def scenario(house: House) -> None:
        def broken(recipient: str) -> None:
            raise KeyError(recipient)

        house.pipeline.resolve = broken  # type: ignore[method-assign,assignment]
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        await client.say("MAIL FROM:<a@b.c>")
        with capture_logs():
            reply = await client.say("RCPT TO:<support@example.com>")
        assert REPLY.fullmatch(reply)
        assert "support" not in reply

    with_door(scenario)


def test_an_outcome_too_few_is_a_fault(with_door: Runner) -> None:
    """A pipeline that decides on one recipient of two does not get a 250 sent for both."""

    async def scenario(house: House) -> None:
        deliver = house.pipeline.deliver

        async def forgetful(envelope, raw, check=None):  # type: ignore[no-untyped-def]
            return (await deliver(envelope, raw))[:1]

        house.pipeline.deliver = forgetful  # type: ignore[method-assign]
        client = await house.connect()
        await client.begin("a@example.com", "b@example.com")
        with capture_logs():
            await client.send(b"x\r\n.\r\n")
            assert REPLY.fullmatch(await client.reply())

    with_door(scenario)

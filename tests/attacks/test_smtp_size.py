"""SIZE: honoured when true, not believed when it lies (RFC 1870)."""

import pytest

from tests.houses.door_house import House, Runner


def test_a_true_size_is_refused_at_mail(with_door: Runner) -> None:
    """A message that says it is too large never gets to DATA."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert "|250-SIZE 1000|" in await client.say("EHLO c")
        assert await client.say("MAIL FROM:<a@b.c> SIZE=1001") == "552 5.3.4 Message is larger than the limit"

    with_door(scenario, message_bytes=1_000)


@pytest.mark.parametrize("declared", [" SIZE=10", " SIZE=0", ""])
def test_a_lie_is_found_while_reading(with_door: Runner, declared: str) -> None:
    """The message is swallowed to its end without being kept, refused, and the session is still in step."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        await client.say(f"MAIL FROM:<a@b.c>{declared}")
        await client.say("RCPT TO:<support@example.com>")
        await client.say("DATA")
        await client.send(b"x" * 98 + b"\r\n" + (b"y" * 98 + b"\r\n") * 30 + b".\r\nMAIL FROM:<a@b.c>\r\n")
        assert await client.reply() == "552 5.3.4 Message is larger than the limit"
        assert await client.reply() == "250 2.1.0 Ok"
        assert (house.pipeline.filed, house.door.counters.in_flight_bytes) == ([], 0)

    with_door(scenario, message_bytes=1_000)


def test_a_size_too_large_by_lie_only_hurts_the_liar(with_door: Runner) -> None:
    """A small message that declared more is taken."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(
            b"EHLO c\r\nMAIL FROM:<a@b.c> SIZE=999\r\nRCPT TO:<a@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n"
        )
        assert (await client.rest()).splitlines()[-2] == "250 2.0.0 Ok: message 1"

    with_door(scenario, message_bytes=1_000)

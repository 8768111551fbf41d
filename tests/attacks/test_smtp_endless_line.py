"""A line that never ends (aiosmtpd buffers it without limit), as a command and inside a message."""

from tests.houses.door_house import House, Runner


def test_an_endless_command_is_cut_off(with_door: Runner) -> None:
    """After 2,048 bytes without a line end the session is over, and the client can read why."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"EHLO " + b"x" * 100_000)
        assert await client.rest() == "500 5.5.2 Command line too long\r\n"
        assert house.pipeline.refusals == ["command-too-long"]

    with_door(scenario)


def test_the_longest_command_is_still_read(with_door: Runner) -> None:
    """2,048 bytes with the line end are a command, one more is not."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        assert (await client.say("NOOP " + "x" * (2_048 - 7)))[:3] == "250"
        assert (await client.say("NOOP " + "x" * (2_048 - 6)))[:3] == "500"

    with_door(scenario)


def test_an_endless_line_in_a_message_is_swallowed(with_door: Runner) -> None:
    """A line beyond its cap is not kept while it goes on, is refused at the end, and the session is still in step."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com")
        for _ in range(40):
            await client.send(b"x" * 65_536)
        assert house.door.counters.in_flight_bytes <= 1_048_576
        await client.send(b"\r\n.\r\nNOOP\r\n")
        assert (await client.reply())[:9] == "554 5.6.0"
        assert (await client.reply())[:9] == "250 2.0.0"
        assert (house.pipeline.filed, house.door.counters.in_flight_bytes) == ([], 0)

    with_door(scenario)


def test_a_line_of_real_senders_is_kept(with_door: Runner) -> None:
    """Lines beyond the 998 of RFC 5322 are no reason to lose a mail."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x" * 500_000 + b"\r\n.\r\n")
        assert (await client.reply())[:3] == "250"
        assert house.pipeline.raws == [b"x" * 500_000 + b"\r\n"]

    with_door(scenario)


def test_a_swallowed_message_has_an_end(with_door: Runner) -> None:
    """Eight times the size limit and still no dot: the connection goes."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(b"x" * 90_000)
        assert await client.rest() == "552 5.3.4 Message is larger than the limit\r\n"

    with_door(scenario, message_bytes=10_000)

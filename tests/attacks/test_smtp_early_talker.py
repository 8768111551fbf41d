"""Talk before the banner: what sends without listening is no mail server."""

from tests.houses.door_house import House, Runner


def test_who_speaks_before_the_greeting_is_refused(with_door: Runner) -> None:
    """Nothing of what was said early is obeyed."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.send(b"EHLO bot\r\nMAIL FROM:<a@b.c>\r\n")
        assert await client.rest() == "554 5.5.1 You spoke before the greeting\r\n"
        assert house.pipeline.refusals == ["early-talker"]

    with_door(scenario, greeting_seconds=20.0)


def test_who_waits_is_greeted(with_door: Runner) -> None:
    """A client that holds its tongue gets the banner."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        assert await client.reply() == "220 mail.example.com ESMTP mailhub"

    with_door(scenario, greeting_seconds=0.01)

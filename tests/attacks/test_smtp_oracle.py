"""VRFY, EXPN and RCPT as oracles, and relaying."""

import pytest

from tests.houses.door_house import House, Runner


def test_vrfy_says_the_same_of_everyone(with_door: Runner) -> None:
    """Known, unknown, suspended and foreign addresses get one answer, and EXPN is not there."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        names = [
            "support@example.com",
            "unknown@example.com",
            "suspended@example.com",
            "a@elsewhere.example",
            "root",
            "",
        ]
        assert {await client.say(f"VRFY {name}") for name in names} == {
            "252 2.0.0 Cannot verify; send the message and see"
        }
        assert await client.say("EXPN support") == "502 5.5.1 Command not offered"

    with_door(scenario)


@pytest.mark.parametrize(
    "recipient",
    [
        "victim@elsewhere.example",
        "victim%elsewhere.example@unknown.example",
        "@example.com:victim@elsewhere.example",
        "unknown@example.com",
    ],
)
def test_nothing_is_relayed_and_foreign_looks_like_unknown(with_door: Runner, recipient: str) -> None:
    """An address elsewhere, in any disguise, is refused in the words used for an unknown one of ours."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        await client.say("MAIL FROM:<a@b.c>")
        assert await client.say(f"RCPT TO:<{recipient}>") == "550 5.1.1 No such recipient"
        assert await client.say("DATA") == "503 5.5.1 No valid recipient"

    with_door(scenario)


def test_guessing_recipients_ends_soon(with_door: Runner) -> None:
    """Twenty wrong guesses end the session."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\n" + b"RCPT TO:<unknown@example.com>\r\n" * 100)
        lines = (await client.rest()).splitlines()
        assert sum(line.startswith("550 5.1.1") for line in lines) == 20
        assert lines[-1] == "421 4.7.0 Too many errors"
        assert house.door.counters.refusals == {"unknown-recipient": 20, "too-many-errors": 1}

    with_door(scenario)

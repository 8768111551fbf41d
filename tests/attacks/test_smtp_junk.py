"""Junk: commands that bring no mail, errors without end, other protocols, replies that nobody reads."""

import pytest

from mailhub.envelope import Fate, Outcome
from tests.houses.door_house import House, Runner


def test_errors_end_a_session(with_door: Runner) -> None:
    """The twentieth error is the last."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"FOO\r\n" * 50)
        lines = (await client.rest()).splitlines()
        assert lines == ["500 5.5.1 Command not recognised"] * 20 + ["421 4.7.0 Too many errors"]

    with_door(scenario)


@pytest.mark.parametrize("command", [b"NOOP", b"RSET", b"VRFY a", b"HELP"])
def test_junk_ends_a_session(with_door: Runner, command: bytes) -> None:
    """A hundred commands that do nothing are free, twenty more end the session."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send((command + b"\r\n") * 500)
        lines = (await client.rest()).splitlines()
        assert len(lines) == 121
        assert lines[-1] == "421 4.7.0 Too many errors"

    with_door(scenario)


def test_greeting_again_and_again_is_junk(with_door: Runner) -> None:
    """The first greeting is free, those after it are not."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"HELO c\r\n" * 500)
        lines = (await client.rest()).splitlines()
        assert lines == ["250 mail.example.com"] * 121 + ["421 4.7.0 Too many errors"]

    with_door(scenario)


@pytest.mark.parametrize(("reason", "code"), [("policy", "554 5.7.1"), ("hop-count", "554 5.4.6")])
def test_messages_that_are_all_refused_end_a_session(with_door: Runner, reason: str, code: str) -> None:
    """A message rejected for good, or in a loop, is an error of the client."""

    async def scenario(house: House) -> None:
        house.pipeline.fates = {"a@example.com": Outcome(recipient="", fate=Fate.REJECTED, reason=reason)}
        client = await house.connect()
        await client.reply()
        message = b"MAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nx\r\n.\r\n"
        await client.send(b"EHLO c\r\n" + message * 30)
        lines = (await client.rest()).splitlines()
        assert sum(line.startswith(code) for line in lines) == 20
        assert lines[-1] == "421 4.7.0 Too many errors"

    with_door(scenario)


def test_delivering_mail_restores_patience(with_door: Runner) -> None:
    """A client that reuses its connection and resets between messages is never cut off."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        for _ in range(30):
            await client.send(
                b"RSET\r\n" * 10 + b"MAIL FROM:<>\r\nRCPT TO:<a@example.com>\r\nDATA\r\nx\r\n.\r\n"
            )
            replies = [(await client.reply())[:3] for _ in range(14)]
            assert replies == ["250"] * 12 + ["354", "250"]

    with_door(scenario)


@pytest.mark.parametrize("line", ["GET / HTTP/1.1", "POST /x HTTP/1.0", "CONNECT a:25 HTTP/1.1"])
def test_a_browser_is_not_listened_to(with_door: Runner, line: str) -> None:
    """A web page that posts to our port gets no command through."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(f"{line}\r\nHost: mail\r\n\r\nEHLO c\r\nMAIL FROM:<a@b.c>\r\n".encode())
        assert await client.rest() == "421 4.7.0 This is a mail server\r\n"

    with_door(scenario)

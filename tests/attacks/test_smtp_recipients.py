"""Thousands of recipients in one message: aiosmtpd takes them all."""

import pytest

from tests.houses.door_house import House, Runner


@pytest.mark.parametrize("lmtp", [False, True])
def test_recipients_beyond_the_cap_are_put_off(with_door: Runner, lmtp: bool) -> None:
    """Beyond the cap is 452 (RFC 5321 4.5.3.1.10), no error at first, and the message goes to those before."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"LHLO c\r\n" if lmtp else b"EHLO c\r\n")
        await client.reply()
        recipients = b"".join(b"RCPT TO:<r%d@example.com>\r\n" % number for number in range(1_100))
        await client.send(b"MAIL FROM:<>\r\n" + recipients + b"DATA\r\nx\r\n.\r\n")
        codes = [(await client.reply())[:9] for _ in range(1_102)]
        assert codes == ["250 2.1.0", *["250 2.1.5"] * 1_000, *["452 4.5.3"] * 100, "354 End d"]
        for _ in range(1_000 if lmtp else 1):
            assert (await client.reply())[:9] == "250 2.0.0"
        assert len(house.pipeline.filed[0][0].recipients) == 1_000

    with_door(scenario, lmtp=lmtp)


def test_who_never_stops_is_cut_off(with_door: Runner) -> None:
    """A thousand beyond the cap each further recipient is an error, and errors end the session."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.send(b"EHLO c\r\nMAIL FROM:<>\r\n")
        for _ in range(30):
            await client.send(b"RCPT TO:<support@example.com>\r\n" * 100)
        lines = (await client.rest()).splitlines()
        assert lines[-1] == "421 4.7.0 Too many errors"
        assert sum(line.startswith("452") for line in lines) == 1_020

    with_door(scenario)

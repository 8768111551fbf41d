"""Commands that end in a bare LF: what hides commands from a stricter server in front."""

import pytest

from tests.houses.door_house import House, Runner


@pytest.mark.parametrize("lmtp", [False, True])
def test_a_command_with_bare_lf_ends_the_session(with_door: Runner, lmtp: bool) -> None:
    """The line is not obeyed, nor anything behind it: the two sides no longer agree on where lines end."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        hello = b"LHLO c\r\n" if lmtp else b"EHLO c\r\n"
        await client.send(hello + b"MAIL FROM:<a@b.c>\nRCPT TO:<support@example.com>\r\nDATA\r\nx\r\n.\r\n")
        await client.reply()
        assert await client.rest() == "521 5.5.2 A command ends with <CR><LF>; bare <LF> received\r\n"
        assert (house.pipeline.filed, house.pipeline.refusals) == ([], ["bare-lf"])

    with_door(scenario, lmtp=lmtp)

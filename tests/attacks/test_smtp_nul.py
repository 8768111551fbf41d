"""NUL and bare CR in commands, which other servers down the line cut or rewrite."""

import pytest

from tests.houses.door_house import House, Runner


@pytest.mark.parametrize(
    "line",
    [
        b"MAIL FROM:<a\0@b.c>",
        b"MAIL\0 FROM:<a@b.c>",
        b"MAIL FROM:<a@b.c>\0",
        b"\0",
        b"MAIL FROM:<a@b.c>\rRCPT TO:<x@y.z>",
    ],
)
def test_a_command_with_nul_or_bare_cr_is_refused(with_door: Runner, line: bytes) -> None:
    """Nothing of such a line is obeyed, and it ends where its CRLF is."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.reply()
        await client.say("EHLO c")
        await client.send(line + b"\r\nRCPT TO:<support@example.com>\r\n")
        assert await client.reply() == "500 5.5.2 NUL or bare <CR> in a command"
        assert await client.reply() == "503 5.5.1 MAIL comes first"

    with_door(scenario)

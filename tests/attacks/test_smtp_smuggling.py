"""SMTP smuggling (CVE-2023-51764 and its kin): ends of message that only some servers see."""

import asyncio

import pytest

from tests.houses.door_house import House, Runner

FALSE_ENDS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\n.\r",
    b"\r.\n",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n. \r\n",
    b"\r\n..\r\n",
    b"\n\n.\n\n",
]
SMUGGLED = b"MAIL FROM:<ceo@example.com>\r\nRCPT TO:<support@example.com>\r\nDATA\r\nforged\r\n"


def unstuffed(body: bytes) -> bytes:
    """What RFC 5321 4.5.2 makes of it: the first dot of a line, and lines end with CRLF only."""
    return b"\r\n".join(line[1:] if line.startswith(b".") else line for line in body.split(b"\r\n"))


@pytest.mark.parametrize("end", FALSE_ENDS, ids=repr)
@pytest.mark.parametrize("lmtp", [False, True], ids=["smtp", "lmtp"])
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "byte-by-byte"])
def test_a_false_end_is_content(with_door: Runner, end: bytes, lmtp: bool, whole: bool) -> None:
    """One message comes out, with the commands that were to be smuggled in its text; the true end is still seen."""
    body = b"outer" + end + SMUGGLED

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com", hello="LHLO c" if lmtp else "EHLO c")
        if whole:
            await client.send(body + b".\r\nQUIT\r\n")
        else:
            for byte in body + b".\r\nQUIT\r\n":
                await client.send(bytes([byte]))
                await asyncio.sleep(0)
        assert await client.rest() == "250 2.0.0 Ok: message 1\r\n221 2.0.0 Bye\r\n"
        assert house.pipeline.raws == [unstuffed(body)]

    with_door(scenario, lmtp=lmtp)


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r"], ids=repr)
def test_a_false_end_right_after_data_is_content(with_door: Runner, end: bytes) -> None:
    """The first line of a message is no exception, though ``.<CR><LF>`` there would be a true end."""

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com")
        await client.send(end + b"more\r\n.\r\nQUIT\r\n")
        assert (await client.rest()).count("250 ") == 1
        assert house.pipeline.raws == [unstuffed(end + b"more\r\n")]

    with_door(scenario)

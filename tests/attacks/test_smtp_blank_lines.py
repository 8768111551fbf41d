"""A message of nothing but line ends: one object a line took aiosmtpd 2.6 GiB for 30 MiB."""

import tracemalloc

from tests.houses.door_house import House, Runner


def test_blank_lines_cost_their_own_size(with_door: Runner) -> None:
    """Eight MiB of blank lines arrive whole, and the peak of memory is a small multiple of their size."""
    size = 8 * 1024 * 1024

    async def scenario(house: House) -> None:
        client = await house.connect()
        await client.begin("support@example.com")
        tracemalloc.start()
        for _ in range(size // 65_536):
            await client.send(b"\r\n" * 32_768)
        await client.send(b".\r\n")
        assert (await client.reply())[:3] == "250"
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert house.pipeline.raws == [b"\r\n" * (size // 2)]
        assert peak < 4 * size

    with_door(scenario)

"""Floods of connections: in total, and from one address."""

from typing import Any

import pytest

from tests.houses.door_house import House, Runner


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        ({"connections_per_address": 5}, "too-many-connections-per-address"),
        ({"connections": 5}, "too-many-connections"),
    ],
)
def test_connections_beyond_the_limit_hear_421(with_door: Runner, limit: dict[str, Any], reason: str) -> None:
    """Those beyond are told and closed, those within go on, and a place that is left can be taken."""

    async def scenario(house: House) -> None:
        inside = [await house.connect() for _ in range(5)]
        for client in inside:
            assert (await client.reply())[:3] == "220"
        outside = [await house.connect() for _ in range(20)]
        for client in outside:
            assert await client.rest() == "421 4.7.0 Too many connections, try again later\r\n"
        assert house.pipeline.refusals == [reason] * 20
        assert house.door.counters.connections == 5
        await inside[0].say("QUIT")
        inside[0].close()
        for client in inside[1:]:
            assert (await client.say("NOOP"))[:3] == "250"
        assert (await (await house.connect()).reply())[:3] == "220"

    with_door(scenario, **limit)

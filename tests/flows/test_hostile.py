"""Attacks on the daemon's memory, twenty at once, at default limits; the long form is ``scripts/campaign hostile``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from scripts.campaign_hostile import MOST_BYTES, Force, Row, Target, trial
from tests.houses.hub import GUARD_SECONDS

if TYPE_CHECKING:
    from tests.houses.hub import Hub

FORCE = Force(mib=24, at_once=20)
BY_MAIL = ("leading_lines", "noise")
BY_API = ("unfinished", "explained", "raw", "file-unread", "viewed", "export")


def _rows(hub: Hub, *names: str) -> list[Row]:
    hub.start()
    assert hub.process is not None
    target = Target(
        pid=hub.process.pid, smtp=hub.address("smtp")[1], admin=hub.socket, recipient="support@example.com"
    )
    rows = asyncio.run(
        asyncio.wait_for(trial(target, names, FORCE, show=lambda row: None), 4 * GUARD_SECONDS)
    )
    assert hub.call("GET", "/livez")["live"]
    return rows


@pytest.mark.parametrize("name", BY_MAIL)
def test_hostile_mail_stays_below_half_a_gibibyte(idle_hub: Hub, name: str) -> None:
    """Twenty mails of 24 MiB together are taken or told to come again, and the process tree stays small."""
    row = _rows(idle_hub, name)[0]
    assert row.peak < MOST_BYTES
    assert set(row.answers) == {"250", "452"}


def test_hostile_requests_stay_below_half_a_gibibyte(idle_hub: Hub) -> None:
    """So do bodies that never end, mails, files and exports that are asked for twenty times together."""
    rows = {row.attack: row for row in _rows(idle_hub, *BY_API)}
    assert {name: row.peak // 2**20 for name, row in rows.items() if row.peak >= MOST_BYTES} == {}
    assert rows["unfinished"].answers["503"] > 0
    assert rows["explained"].answers["503"] > 0
    assert rows["explained"].answers["200"] > 0
    assert rows["viewed"].answers["200"] > 0
    assert rows["export"].answers == {"200": 1, "429": FORCE.at_once - 1}

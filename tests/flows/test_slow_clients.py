"""Slow and idle clients at the API's doors do not stop the mail; the long form is ``scripts/campaign slow-clients``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from scripts import campaign_slow_clients
from scripts.campaign_slow_clients import MIB, Doors, trial
from tests.houses.certificates import write_certificate
from tests.houses.hub import GUARD_SECONDS

if TYPE_CHECKING:
    from tests.houses.hub import Hub

CLIENTS, MAILS = 60, 20


def test_mail_flows_beside_slow_clients(idle_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """With clients of every slow habit at both doors each mail is answered 250, and memory is bounded."""
    monkeypatch.setattr(campaign_slow_clients, "GATHERING_SECONDS", 1.0)
    monkeypatch.setattr(campaign_slow_clients, "RECIPIENT", "support@example.com")
    certificate, key = write_certificate(idle_hub.directory)
    idle_hub.environment |= {
        "MAILHUB_HTTPS__ENABLED": "true",
        "MAILHUB_HTTPS__ADDRESS": "127.0.0.1",
        "MAILHUB_HTTPS__PORT": "0",
        "MAILHUB_HTTPS__CERTIFICATE": str(certificate),
        "MAILHUB_HTTPS__KEY": str(key),
    }
    idle_hub.start()
    assert idle_hub.process is not None
    doors = Doors(
        idle_hub.socket, idle_hub.address("https"), idle_hub.address("smtp")[1], idle_hub.process.pid
    )
    outcome = asyncio.run(asyncio.wait_for(trial(doors, clients=CLIENTS, mails=MAILS), 2 * GUARD_SECONDS))
    assert (outcome.before.accepted, outcome.during.accepted) == (MAILS, MAILS)
    assert outcome.clients["begun"] >= 2 * CLIENTS
    assert outcome.memory_peak < outcome.memory_before + 256 * MIB

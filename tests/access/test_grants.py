"""An operator reads content only while an owner or admin lets them, and never without a trace."""

from __future__ import annotations

from functools import partial

import pytest

from mailhub import clock
from mailhub.access import grants
from mailhub.access.actor import Actor, Role, operator
from mailhub.access.roles import ACTIONS, needs_grant
from mailhub.callers.caller import Call
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Forbidden, NotFound
from mailhub.proof.act import perform
from storage.people.grants import Grant
from storage.proof import journal
from tests.api.conftest import Home, home

__all__ = ["home"]

ACCOUNT, OWNER = 1, 11
ROUTE = "/v1/tickets/{ticket}"


def given(home: Home, *, uid: int = 0, hours: int = 1) -> Grant:
    """A grant that the owner gives now."""
    now = clock.now()
    give = partial(grants.give, operator_uid=uid, reason="slow search", quotas=Quotas())
    ends_at = now + hours * clock.HOUR
    return home.house.writer.run(perform, give, f"user:{OWNER}", ACCOUNT, now, OWNER, ends_at=ends_at)


def reading(home: Home, account: int = ACCOUNT) -> Call:
    """The operator's request for a ticket."""
    return Call(home.house, operator(0), account, ROUTE, {"ticket": 1_000_000_007})


def acts(home: Home, grant: Grant) -> list[journal.JournalEntry]:
    with home.house.database.read() as connection:
        return list(journal.of_object(connection, ACCOUNT, f"grant:{grant.id}"))


def test_reading_needs_a_grant_and_is_on_record(home: Home) -> None:
    """Without a grant nothing is shown; with one each read is in the journal, with the ids of what was read."""
    with pytest.raises(Forbidden, match="mailhub grant add"):
        reading(home).require("ticket.read")
    grant = given(home)
    reading(home).require("ticket.read")
    reading(home).require("message.read")
    read = [(entry.actor, entry.detail) for entry in acts(home, grant) if entry.verb == "grant.read"]
    assert read == [("operator:0", {"route": ROUTE, "ticket": 1_000_000_007})] * 2


@pytest.mark.parametrize("how", ["revoked", "ended", "another operator", "another account"])
def test_a_grant_is_only_what_it_says(home: Home, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, can be taken back, and is for one operator and one account."""
    grant = given(home, uid=5 if how == "another operator" else 0)
    if how == "revoked":
        home.house.writer.run(perform, grants.revoke, "user:11", ACCOUNT, clock.now(), grant.id)
    if how == "ended":
        monkeypatch.setattr(clock, "now", lambda: grant.ends_at)
    with pytest.raises(Forbidden):
        reading(home, account=2 if how == "another account" else ACCOUNT).require("ticket.read")
    assert [entry.verb for entry in acts(home, grant) if entry.verb == "grant.read"] == []


def test_a_grant_only_reads(home: Home) -> None:
    """No act on content is opened by a grant, and no user needs one."""
    given(home)
    with pytest.raises(Forbidden):
        reading(home).require("ticket.work")
    needing = {action for action in ACTIONS if needs_grant(operator(0), action)}
    assert needing >= {"ticket.read", "message.read", "spam.explain"}
    assert {action.rpartition(".")[2] for action in needing} <= {"read", "explain"}
    assert not any(needs_grant(Actor(role=Role.AGENT, account=1, user=12), action) for action in ACTIONS)


@pytest.mark.parametrize("days", [0, 31])
def test_a_grant_must_end_soon(home: Home, days: int) -> None:
    """One that has ended already, or would last for months, is refused."""
    now = clock.now()
    give = partial(grants.give, operator_uid=0, reason="?", quotas=Quotas())
    ends_at = now + days * clock.DAY
    with pytest.raises(BadRequest, match="30 days"):
        home.house.writer.run(perform, give, f"user:{OWNER}", ACCOUNT, now, OWNER, ends_at=ends_at)


def test_a_grant_of_another_account_is_not_there(home: Home) -> None:
    """Nobody ends another account's grant."""
    grant = given(home)
    with pytest.raises(NotFound):
        home.house.writer.run(perform, grants.revoke, "user:21", 2, clock.now(), grant.id)

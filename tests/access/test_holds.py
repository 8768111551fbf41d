"""Holds: what is held stays, is read by few, and goes on by itself afterwards."""

from __future__ import annotations

from functools import partial

import pytest

from mailhub import clock
from mailhub.access import holds
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.tickets import purging
from storage.privacy.holds import Hold, any_hold, find_holds
from tests.api.conftest import Home, home
from tests.houses.asking import Asker
from tests.houses.desk import Desk
from tests.tickets.test_removal import Forgetting

__all__ = ["home"]


def held(desk: Desk, kind: str, object_id: int | None, *, ends_at: int | None = None) -> Hold:
    """A hold that is ordered now."""
    return desk.act(
        holds.add_hold, kind=kind, named=object_id, reason="claim", ends_at=ends_at, quotas=Quotas()
    )


def purge(desk: Desk, ticket: int) -> None:
    desk.do(lambda tx: purging.begin(Act(tx, desk.actor, desk.account, desk.now), ticket))
    parts = purging.Purging(
        database=desk.database, writer=desk.writer, forget=Forgetting(), tombstone_key=desk.secrets.tombstone
    )
    assert purging.carry_out(parts, desk.account, ticket, now=desk.now)


@pytest.mark.parametrize("kind", ["ticket", "contact", "account"])
def test_what_is_held_is_not_purged_until_the_hold_is_lifted(desk: Desk, kind: str) -> None:
    """A hold on the ticket, its requester or the account beats a purge, and names itself; lifted, the purge works."""
    ticket = desk.ticket_of(desk.mail())
    object_id = {"ticket": ticket, "contact": desk.ticket(ticket).contact_id, "account": None}[kind]
    hold = held(desk, kind, object_id)
    with pytest.raises(Conflict, match=f"hold {hold.id} on the {kind}"):
        purge(desk, ticket)
    desk.do(lambda tx: holds.lift_hold(Act(tx, desk.actor, desk.account, desk.now), hold.id))
    purge(desk, ticket)


def test_a_writer_in_somebody_elses_ticket_is_held_too(desk: Desk) -> None:
    """A hold on whoever wrote into a ticket, or on a ticket merged into it, keeps the whole of it."""
    ticket = desk.ticket_of(desk.mail(to="support@example.com, lee@other.example"))
    desk.mail("lee@other.example", Subject="Re [#1]")
    writer = desk.ticket_of(desk.mail("lee@other.example"))
    contact = desk.ticket(writer).contact_id
    held(desk, "contact", contact)
    with pytest.raises(Conflict):
        purge(desk, ticket)


def test_a_hold_ends_by_itself(desk: Desk) -> None:
    """At its end it is in force no more."""
    ticket = desk.ticket_of(desk.mail())
    end = desk.now + clock.DAY
    hold = held(desk, "ticket", ticket, ends_at=end)
    with desk.database.read() as connection:
        find = partial(find_holds, connection, desk.account, tickets=[ticket])
        assert [each.id for each in find(now=end - 1)] == [hold.id]
        assert find(now=end) == []
        assert any_hold(connection, desk.account, desk.now) == hold
        assert any_hold(connection, desk.account + 1, desk.now) is None


def test_only_what_is_there_is_held(desk: Desk) -> None:
    """An unknown ticket or contact, and an end that has passed, are refused."""
    for kind in ("ticket", "contact"):
        with pytest.raises(NotFound):
            held(desk, kind, 12345)
    with pytest.raises(BadRequest, match="future"):
        held(desk, "account", None, ends_at=desk.now)


def test_restricted_content_is_for_owners_and_admins(home: Home) -> None:
    """An agent sees that the ticket is there and nothing of it; the owner reads on; lifting opens it."""
    owner = Asker(app=home.app(), uid=0, door="admin")
    agent = Asker(app=home.app(), token=home.token(12))
    boss = Asker(app=home.app(), token=home.token(11))
    mail = b"From: kim@customer.example\r\nSubject: zanzibar\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n"
    sent = owner(
        "POST",
        "/v1/deliveries?recipient=support@first.example",
        raw=mail,
        headers={"content-type": "message/rfc822"},
    )
    assert sent.status < 300, sent.body
    (ticket,) = agent("GET", "/v1/tickets").json["items"]
    message = agent("GET", f"/v1/tickets/{ticket['id']}").json["messages"][0]["id"]
    body = {"kind": "contact", "object": ticket["contact_id"], "reason": "objection"}
    made = owner("POST", "/v1/holds?account=1", body)
    assert made.status == 201, made.body
    paths = [f"/v1/tickets/{ticket['id']}", f"/v1/messages/{message}", f"/v1/messages/{message}/raw"]
    assert [agent("GET", path).status for path in paths] == [403] * 3
    assert agent("POST", f"/v1/tickets/{ticket['id']}/close").status == 403
    assert [boss("GET", path).status for path in paths] == [200] * 3
    (shown,) = agent("GET", "/v1/tickets").json["items"]
    assert (shown["subject"], shown["contact"]) == ("(restricted by a hold)", None)
    assert agent("GET", "/v1/tickets/search?query=zanzibar").json["items"] == []
    assert agent("DELETE", f"/v1/holds/{made.json['id']}").status == 403
    assert boss("DELETE", f"/v1/holds/{made.json['id']}").status == 403, "an ApiToken is never fresh"
    assert owner("DELETE", f"/v1/holds/{made.json['id']}?account=1").status == 200
    assert [agent("GET", path).status for path in paths] == [200] * 3

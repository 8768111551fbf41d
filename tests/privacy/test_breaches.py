"""Breaches: whom something touches, and the 72 hours."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mailhub import clock
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.privacy import breaches
from mailhub.proof.act import Act
from storage.privacy import breaches as rows
from storage.privacy.breaches import Breach, Scope
from tests.houses.desk import Desk
from tests.privacy.test_export import contact_of

KIM, LEE, MAX = "kim@customer.example", "lee@other.example", "max@third.example"


def people(desk: Desk, **scope: object) -> Sequence[int]:
    with desk.database.read() as connection:
        asked = Scope(account_id=desk.account, **scope)  # type: ignore[arg-type]
        return rows.people_touched(connection, asked, after=0, limit=100)


def counts(desk: Desk, **scope: object) -> dict[str, int]:
    with desk.database.read() as connection:
        return dict(rows.count_touched(connection, Scope(account_id=desk.account, **scope)))  # type: ignore[arg-type]


def test_a_span_of_time_touches_who_wrote_in_it(desk: Desk) -> None:
    """Who wrote before the span, or at its end, is not touched; who wrote at its beginning is."""
    desk.mail(f"Kim <{KIM}>")
    begin = desk.now + clock.SECOND
    desk.mail(f"Lee <{LEE}>")
    end = desk.now + clock.SECOND
    desk.mail(f"Max <{MAX}>")
    assert people(desk, since=begin, until=end) == [contact_of(desk, LEE)]
    assert counts(desk, since=begin, until=end)["message"] == 1
    assert counts(desk)["contact"] == len(people(desk)) == 3


def test_a_ticket_touches_everybody_in_it(desk: Desk) -> None:
    """The requester, a copied contact who is known, and nobody of another ticket."""
    desk.mail(f"Lee <{LEE}>")
    desk.mail(f"Max <{MAX}>")
    first = desk.mail(f"Kim <{KIM}>", Cc=LEE)
    ticket = desk.ticket_of(first)
    assert people(desk, kind="ticket", object_id=ticket) == sorted(
        [contact_of(desk, KIM), contact_of(desk, LEE)]
    )
    assert people(desk, kind="contact", object_id=contact_of(desk, MAX)) == [contact_of(desk, MAX)]
    assert people(desk, kind="message", object_id=2**40) == []


def opened(desk: Desk) -> Breach:
    noticed_at = desk.now - clock.HOUR
    return desk.act(breaches.open_breach, "confidentiality", noticed_at, quotas=Quotas())


def test_the_clock_runs_from_noticing_until_the_authority_is_told(desk: Desk) -> None:
    """72 hours from noticing; none is left to count once the authority was told."""
    row = opened(desk)
    assert breaches.due_at(row) == row.noticed_at + 72 * clock.HOUR
    told = desk.do(
        lambda tx: breaches.note_told(Act(tx, desk.actor, desk.account, desk.now), row.id, "authority")
    )
    assert (breaches.due_at(told), told.people_told_at) == (None, None)


def test_a_breach_is_closed_as_told_only_when_it_was(desk: Desk) -> None:
    """Closing as told needs the authority told; a closed breach is closed, and another account's is not found."""
    row = opened(desk)

    def close(outcome: str, account: int) -> Breach:
        return desk.do(
            lambda tx: breaches.close_breach(Act(tx, desk.actor, account, desk.now), row.id, outcome)
        )

    with pytest.raises(Conflict, match="authority"):
        close("told", desk.account)
    with pytest.raises(NotFound):
        close("no-risk", desk.account + 1)
    assert close("no-risk", desk.account).outcome == "no-risk"
    with pytest.raises(Conflict, match="closed"):
        close("no-breach", desk.account)


def test_nothing_is_noticed_in_the_future(desk: Desk) -> None:
    """A clock that has not begun cannot be put on record."""
    with pytest.raises(BadRequest):
        desk.act(breaches.open_breach, "integrity", desk.now + clock.HOUR, quotas=Quotas())


def test_the_notice_says_whom_to_ask(desk: Desk) -> None:
    """The data-protection contact stands in it, or the setting that is missing."""
    row = opened(desk)
    assert "dpo@example.com" in breaches.notice(
        row, controller="C", contact="dpo@example.com", categories="names"
    )
    assert "privacy.data_protection_contact" in breaches.notice(
        row, controller="", contact="", categories="names"
    )

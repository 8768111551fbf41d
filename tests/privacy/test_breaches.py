"""Breaches: whom something touches, and the 72 hours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

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
    named = breaches.notice(row, controller="C", contact="dpo@example.com", categories="names", now=desk.now)
    assert "dpo@example.com" in named
    unnamed = breaches.notice(row, controller="", contact="", categories="names", now=desk.now)
    assert "privacy.data_protection_contact" in unnamed


def test_what_happened_stands_in_both_notices(desk: Desk) -> None:
    """Facts, effects and remedies, as far as they are written down; the authority's asks why it is late where it is."""
    row = opened(desk)
    said = {"facts": "A laptop was stolen.", "effects": "Mail may be read."}
    first = partial(breaches.describe, facts=said["facts"], effects=said["effects"], remedies=None)
    told = desk.act(first, row.id)
    assert (told.facts, told.effects, told.remedies) == ("A laptop was stolen.", "Mail may be read.", "")
    told = desk.act(partial(breaches.describe, facts=None, effects=None, remedies=" Wiped. "), row.id)

    def notice(to: str, now: int) -> str:
        return breaches.notice(told, to=to, controller="C", contact="dpo", categories="names", now=now)

    for to in ("people", "authority"):
        assert all(each in notice(to, desk.now) for each in (*said.values(), "Wiped.", "dpo"))
    assert "Reasons for the delay" not in notice("authority", desk.now)
    assert "Reasons for the delay" in notice("authority", row.noticed_at + breaches.TERM + 1)
    desk.act(breaches.close_breach, row.id, "no-risk")
    with pytest.raises(Conflict, match="closed"):
        desk.act(partial(breaches.describe, effects=None, remedies=None, facts="x"), row.id)


@pytest.mark.parametrize("outcome", ["told", "no-risk"])
def test_lateness_stays_after_closing(desk: Desk, outcome: str) -> None:
    """Who told the authority, or found nothing to tell, after 72 hours was late, for good; in time, never."""
    end = desk.now + breaches.TERM
    late, early = opened(desk), opened(desk)
    if outcome == "told":
        desk.act(breaches.note_told, early.id, "authority")
    early = desk.act(breaches.close_breach, early.id, outcome)
    desk.now = end
    with desk.database.read() as connection:
        assert [each.id for each in breaches.list_overdue(connection, desk.now)] == [late.id]
    if outcome == "told":
        desk.act(breaches.note_told, late.id, "authority")
    late = desk.act(breaches.close_breach, late.id, outcome)

    assert (breaches.is_late(late, 2 * end), breaches.is_late(early, 2 * end)) == (True, False)
    with desk.database.read() as connection:
        assert breaches.list_overdue(connection, 2 * end) == []

"""Pending, snoozed, urgent, tagged, watched: each act, its undoing, and what mail does to it, on each engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from mailhub.clock import DAY, HOUR
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict
from mailhub.tickets import acts, merging, snoozing, tagging
from storage.schema import message
from storage.tickets.tags import find_tags, watchers_of
from storage.tickets.ticket_lists import TicketFilter, TicketOrder, TicketRow, list_tickets, tickets_by_id
from storage.words import Priority, TicketState
from tests.houses.desk import Desk

QUOTAS = Quotas()


@pytest.fixture(autouse=True)
def sound(desk: Desk) -> Iterator[None]:
    """After every test the rows of tickets say what their messages are."""
    yield
    assert desk.faults() == []


def row(desk: Desk, ticket: int) -> TicketRow:
    with desk.database.read() as connection:
        return tickets_by_id(connection, desk.account, [ticket], reader=desk.ana)[ticket]


def listed(desk: Desk, order: TicketOrder = TicketOrder.CREATED, **wanted: object) -> list[int]:
    with desk.database.read() as connection:
        found = list_tickets(connection, desk.account, TicketFilter(**wanted), order)  # type: ignore[arg-type]
    return [each.id for each in found]


def answer_to(desk: Desk, ticket: int, **headers: str) -> None:
    with desk.database.read() as connection:
        query = select(message.c.message_id).where(message.c.ticket_id == ticket)
        last = connection.execute(query.order_by(message.c.id.desc()).limit(1)).scalar_one()
    assert desk.mail(In_Reply_To=f"<{last}>", **headers).ticket == ticket


def wake(desk: Desk) -> int:
    return snoozing.wake_due(desk.database, desk.writer, now=desk.now)


@pytest.mark.parametrize("state", [TicketState.PENDING, TicketState.SNOOZED])
def test_mail_of_a_person_opens_it_and_automatic_mail_does_not(desk: Desk, state: TicketState) -> None:
    """Pending or put off: an out-of-office note leaves it so, the customer's answer opens it."""
    ticket = desk.ticket_of(desk.mail())
    if state is TicketState.PENDING:
        desk.act(acts.pend, ticket)
    else:
        desk.act(acts.snooze, ticket, desk.now + DAY)
    answer_to(desk, ticket, Auto_Submitted="auto-replied")
    assert row(desk, ticket).state == state
    answer_to(desk, ticket)
    assert row(desk, ticket).state == TicketState.OPEN
    assert row(desk, ticket).snoozed_until is None


def test_pending_ends_the_wait_and_opening_it_brings_it_back(desk: Desk) -> None:
    """Who was not answered waits again when the ticket is opened by hand."""
    ticket = desk.ticket_of(desk.mail())
    began = desk.now
    desk.act(acts.pend, ticket)
    assert row(desk, ticket).waiting_since is None
    desk.act(acts.reopen, ticket)
    assert row(desk, ticket).waiting_since == began


def test_a_snooze_ends_by_itself_once(desk: Desk) -> None:
    """Not before its time, then in one look; the wait has gone on all along."""
    ticket = desk.ticket_of(desk.mail())
    began = desk.now
    desk.act(acts.snooze, ticket, desk.now + HOUR)
    assert wake(desk) == 0
    desk.now += HOUR
    assert wake(desk) == 1
    assert wake(desk) == 0
    assert (row(desk, ticket).state, row(desk, ticket).waiting_since) == (TicketState.OPEN, began)


def test_a_snooze_in_the_trash_comes_back_as_one(desk: Desk) -> None:
    """Thrown away it does not wake; restored after its time it wakes at once."""
    ticket = desk.ticket_of(desk.mail())
    desk.act(acts.snooze, ticket, desk.now + HOUR)
    desk.act(acts.trash, ticket)
    answer_to_trash = row(desk, ticket).snoozed_until
    desk.now += HOUR
    assert wake(desk) == 0
    desk.act(acts.restore, ticket)
    assert answer_to_trash is not None
    assert wake(desk) == 1


@pytest.mark.parametrize("until", [0, 20 * 365 * DAY])
def test_a_snooze_has_a_time_to_come(desk: Desk, until: int) -> None:
    """A time that has passed, or lies decades ahead, is refused and nothing is changed."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(BadRequest):
        desk.act(acts.snooze, ticket, desk.now + until)
    assert row(desk, ticket).state == TicketState.OPEN


def test_tags_go_on_and_off(desk: Desk) -> None:
    """In one spelling whoever writes them; a list finds what has all of those asked for."""
    first, second = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail())
    desk.act(tagging.tag, first, ["Refund", "#vip"], quotas=QUOTAS)
    desk.act(tagging.tag, second, ["refund"], quotas=QUOTAS)
    assert row(desk, first).tags == ("refund", "vip")
    with desk.database.read() as connection:
        ids = find_tags(connection, desk.account, ["refund", "vip"])
    assert listed(desk, tags=(ids["refund"],)) == [second, first]
    assert listed(desk, tags=tuple(ids.values())) == [first]

    desk.act(tagging.untag, first, ["refund", "nowhere"])
    assert row(desk, first).tags == ("vip",)
    with pytest.raises(Conflict):
        desk.act(tagging.delete_tag, "vip")
    desk.act(tagging.untag, first, ["vip"])
    desk.act(tagging.delete_tag, "vip")
    with desk.database.read() as connection:
        assert find_tags(connection, desk.account, ["vip"]) == {}


@pytest.mark.parametrize("name", ["", "two words", "a,b", "x" * 51, "a\u202eb", "tag:it"])
def test_what_is_no_tag_is_refused(desk: Desk, name: str) -> None:
    """A tag is one word that a search can name."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(BadRequest):
        desk.act(tagging.tag, ticket, [name], quotas=QUOTAS)


def test_tags_are_bounded(desk: Desk) -> None:
    """By the account's quota and a ticket's own bound; what was refused leaves no tag."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(Conflict, match=r"quotas\.tags"):
        desk.act(tagging.tag, ticket, ["a", "b"], quotas=Quotas(tags=1))
    with pytest.raises(Conflict, match="at most 30"):
        desk.act(tagging.tag, ticket, [f"t{each}" for each in range(31)], quotas=QUOTAS)
    assert row(desk, ticket).tags == ()


def test_a_merge_carries_tags_and_its_undoing_takes_them_back(desk: Desk) -> None:
    """The target has both; undone, it keeps what was its own."""
    source, target = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail())
    desk.act(tagging.tag, source, ["refund", "vip"], quotas=QUOTAS)
    desk.act(tagging.tag, target, ["vip"], quotas=QUOTAS)
    desk.act(merging.merge, source, target)
    assert row(desk, target).tags == ("refund", "vip")
    desk.act(merging.unmerge, source)
    assert row(desk, target).tags == ("vip",)
    assert row(desk, source).tags == ("refund", "vip")


def test_the_most_urgent_comes_first(desk: Desk) -> None:
    """Ordered by priority a list begins with it, and ends with what can wait."""
    tickets = [desk.ticket_of(desk.mail()) for _ in range(4)]
    for each, priority in zip(
        tickets, (Priority.LOW, Priority.URGENT, Priority.NORMAL, Priority.HIGH), strict=True
    ):
        desk.act(acts.prioritise, each, priority)
    low, urgent, normal, high = tickets
    assert listed(desk, TicketOrder.PRIORITY) == [urgent, high, normal, low]
    assert listed(desk, priority=Priority.HIGH) == [high]


def test_the_responsible_is_not_the_owner(desk: Desk) -> None:
    """Assigning it to somebody else leaves who answers for it."""
    ticket = desk.ticket_of(desk.mail())
    desk.act(acts.make_responsible, ticket, desk.ben)
    desk.act(acts.assign, ticket, desk.ana)
    found = row(desk, ticket)
    assert (found.responsible, found.assignee) == ("ben@staff.example", "ana@staff.example")
    assert listed(desk, responsible=desk.ben) == [ticket]
    assert listed(desk, responsible=0) == []


def test_watching_is_each_users_own(desk: Desk) -> None:
    """A second time changes nothing, and unwatching ends it."""
    ticket = desk.ticket_of(desk.mail())
    for _ in range(2):
        desk.act(tagging.watch, ticket, user=desk.ben)
    with desk.database.read() as connection:
        assert dict(watchers_of(connection, desk.account, ticket)) == {desk.ben: "ben@staff.example"}
    assert listed(desk, watched_by=desk.ben) == [ticket]
    desk.act(tagging.unwatch, ticket, user=desk.ben)
    assert listed(desk, watched_by=desk.ben) == []

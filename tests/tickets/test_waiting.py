"""Who waits since when, what came last and how it begins: kept by what changes it, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from sqlalchemy import select

from classifier.tokens import Features, features
from mailhub.filter import feedback
from mailhub.reading.prepare import read_document
from mailhub.tickets import acts, merging, seeing
from storage.mail import outbox
from storage.mail.derived import Received
from storage.mail.outbox import OutboxRow
from storage.schema import message
from storage.tickets.ticket_lists import TicketFilter, TicketOrder, TicketRow, list_tickets
from storage.words import TicketState
from tests.houses.desk import Desk


@pytest.fixture(autouse=True)
def sound(desk: Desk) -> Iterator[None]:
    """After every test the rows of tickets say what their messages are."""
    yield
    assert desk.faults() == []


def rows(desk: Desk, order: TicketOrder = TicketOrder.CREATED, **wanted: object) -> list[TicketRow]:
    """A list as ana sees it."""
    with desk.database.read() as connection:
        found = list_tickets(connection, desk.account, TicketFilter(**wanted), order, reader=desk.ana)  # type: ignore[arg-type]
    return list(found)


def row(desk: Desk, ticket: int) -> TicketRow:
    return next(each for each in rows(desk) if each.id == ticket)


def answer_to(desk: Desk, ticket: int, text: str = "Still not.", **headers: str) -> int:
    """Kim writes into the ticket again; when it came."""
    with desk.database.read() as connection:
        query = (
            select(message.c.message_id).where(message.c.ticket_id == ticket).order_by(message.c.id.desc())
        )
        last = connection.execute(query.limit(1)).scalar_one()
    outcome = desk.mail(In_Reply_To=f"<{last}>", text=text, **headers)
    assert outcome.ticket == ticket
    return desk.now


def test_the_first_unanswered_mail_counts(desk: Desk) -> None:
    """Who wrote twice waits since the first time; an answer ends it, and the next mail begins anew."""
    ticket = desk.ticket_of(desk.mail())
    began = desk.now
    answer_to(desk, ticket)
    assert row(desk, ticket).waiting_since == began

    desk.answer(ticket)
    assert row(desk, ticket).waiting_since is None

    again = answer_to(desk, ticket)
    assert row(desk, ticket).waiting_since == again
    assert row(desk, ticket).last_activity_at == again


def test_automatic_mail_makes_nobody_wait(desk: Desk) -> None:
    """An out-of-office note comes last, and still nobody waits."""
    ticket = desk.ticket_of(desk.mail())
    desk.answer(ticket)
    at = answer_to(desk, ticket, "I am away.", Auto_Submitted="auto-replied")
    assert row(desk, ticket).waiting_since is None
    assert row(desk, ticket).last_activity_at == at


def test_closing_ends_the_wait_and_reopening_brings_it_back(desk: Desk) -> None:
    """A ticket that was closed without an answer waits since its first mail when it is opened again."""
    ticket = desk.ticket_of(desk.mail())
    began = desk.now
    desk.act(acts.close, ticket)
    assert row(desk, ticket).waiting_since is None
    desk.act(acts.reopen, ticket)
    assert row(desk, ticket).waiting_since == began


def test_what_was_answered_does_not_wait_when_it_is_opened_again(desk: Desk) -> None:
    """An answer stands between the mail and the reopening."""
    ticket = desk.ticket_of(desk.mail())
    desk.answer(ticket)
    desk.act(acts.close, ticket)
    desk.act(acts.reopen, ticket)
    assert row(desk, ticket).waiting_since is None


def end_row(desk: Desk, queued: OutboxRow, state: str) -> None:
    """What became of the row."""
    end = partial(outbox.set_outcome, row=queued, state=state, reason="", reply=None, at=desk.now)
    assert desk.do(lambda tx: end(tx.connection))


@pytest.mark.parametrize(
    ("state", "answered"), [("sent", True), ("failed", False), ("expired", False), ("bounced", False)]
)
def test_an_answer_that_reached_nobody_is_none(desk: Desk, state: str, answered: bool) -> None:
    """Opened again, the mail waits since it came unless an answer to it went out."""
    ticket = desk.ticket_of(desk.mail())
    began = desk.now
    queued = desk.answer(ticket).queued[0]
    if state == "bounced":
        end_row(desk, queued, "sent")
        bounce = partial(
            outbox.set_bounced, account_id=desk.account, row_id=queued.id, reply=None, at=desk.now
        )
        assert desk.do(lambda tx: bounce(tx.connection))
    else:
        end_row(desk, queued, state)
    desk.act(acts.close, ticket)
    desk.act(acts.reopen, ticket)
    assert row(desk, ticket).waiting_since == (None if answered else began)


def test_an_answer_that_went_out_counts_though_an_earlier_one_failed(desk: Desk) -> None:
    """One of two answers failed: the mail was answered by the other."""
    ticket = desk.ticket_of(desk.mail())
    end_row(desk, desk.answer(ticket).queued[0], "failed")
    desk.answer(ticket)  # is still queued
    desk.act(acts.close, ticket)
    desk.act(acts.reopen, ticket)
    assert row(desk, ticket).waiting_since is None


def test_a_merge_and_its_undoing_carry_the_wait(desk: Desk) -> None:
    """The target waits since the older mail; undone, each waits since its own."""
    first = desk.ticket_of(desk.mail())
    began = desk.now
    second = desk.ticket_of(desk.mail())
    later = desk.now
    desk.act(merging.merge, first, second)
    assert row(desk, second).waiting_since == began
    desk.act(merging.unmerge, first)
    assert (row(desk, first).waiting_since, row(desk, second).waiting_since) == (began, later)


def test_a_split_takes_its_wait_along(desk: Desk) -> None:
    """The new ticket waits since the message it began with, the old one no more."""
    ticket = desk.ticket_of(desk.mail())
    desk.answer(ticket)
    at = answer_to(desk, ticket)
    last = desk.messages_in(ticket)[-1]
    new = desk.act(merging.split, ticket, [last])
    assert row(desk, new.id).waiting_since == at
    assert row(desk, ticket).waiting_since is None


def test_a_list_begins_with_who_waits_longest(desk: Desk) -> None:
    """Then come those where nobody waits, the newest first; pages meet without a gap or a double."""
    tickets = [desk.ticket_of(desk.mail()) for _ in range(6)]
    for each in tickets[:3]:
        desk.answer(each)
    wanted = [*tickets[3:], *reversed(tickets[:3])]
    assert [each.id for each in rows(desk, TicketOrder.WAITING)] == wanted


def test_a_new_mail_brings_a_ticket_up(desk: Desk) -> None:
    """By activity the ticket that heard something last is first."""
    first, second = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail())
    assert [each.id for each in rows(desk, TicketOrder.ACTIVITY)] == [second, first]
    answer_to(desk, first)
    assert [each.id for each in rows(desk, TicketOrder.ACTIVITY)] == [first, second]


def test_the_snippet_is_new_text_of_the_newest_message(desk: Desk) -> None:
    """What is quoted, and the line that opens the quote, are left out."""
    ticket = desk.ticket_of(desk.mail())
    answer_to(desk, ticket, "It smokes\nnow.\n\nOn Monday ana wrote:\n> Please try again.\n")
    assert row(desk, ticket).snippet.startswith("It smokes now.")
    assert "try again" not in row(desk, ticket).snippet
    assert "wrote" not in row(desk, ticket).snippet


def test_unread_is_each_users_own(desk: Desk) -> None:
    """Seen by ana it is still unread by ben, and by ana again once something comes in."""
    ticket = desk.ticket_of(desk.mail())
    assert row(desk, ticket).unread
    desk.act(seeing.see, ticket, user=desk.ana)
    assert not row(desk, ticket).unread
    assert rows(desk, unread_by=desk.ana) == []
    assert [each.id for each in rows(desk, unread_by=desk.ben)] == [ticket]

    answer_to(desk, ticket)
    assert row(desk, ticket).unread
    desk.answer(ticket)
    desk.act(seeing.see, ticket, user=desk.ana)
    desk.act(seeing.unsee, ticket, user=desk.ana)
    assert row(desk, ticket).unread

    desk.act(seeing.see_all, user=desk.ana)
    assert not row(desk, ticket).unread
    answer_to(desk, ticket)
    assert row(desk, ticket).unread


def mark(desk: Desk, message: int, label: str) -> None:
    """Ana says what a mail is."""
    models = desk.filing.models
    known = feedback.prepare(
        desk.database, desk.account, [message], lambda received: labelling_features(desk, received)
    )
    desk.act(feedback.mark, models, [message], label, user=desk.ana, features_of=known)


def labelling_features(desk: Desk, received: Received) -> Features:
    document = read_document(received.raw, received.authentication, mail_from_null=received.mail_from_null)
    return features(document, secret=desk.secrets.features)


def test_spam_makes_nobody_wait_until_it_is_none(desk: Desk) -> None:
    """A ticket that was marked as spam waits for nobody; marked as ham it waits since its mail came."""
    outcome = desk.mail()
    ticket = desk.ticket_of(outcome)
    began = desk.now
    mark(desk, desk.message_of(outcome), "spam")
    assert row(desk, ticket).state == TicketState.SPAM
    assert row(desk, ticket).waiting_since is None
    mark(desk, desk.message_of(outcome), "ham")
    assert row(desk, ticket).waiting_since == began


def test_a_spam_ticket_opened_by_hand_waits(desk: Desk) -> None:
    """Whoever opens it says that its mail wants an answer, whatever the filter says."""
    outcome = desk.mail()
    ticket = desk.ticket_of(outcome)
    began = desk.now
    mark(desk, desk.message_of(outcome), "spam")
    desk.act(acts.reopen, ticket)
    assert row(desk, ticket).waiting_since == began

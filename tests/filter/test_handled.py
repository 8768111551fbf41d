"""Closing a ticket by hand says ham of its mail: later, weakly, and not when it was undone."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from mailhub.clock import HOUR, MINUTE
from mailhub.envelope import Outcome
from mailhub.filter import feedback
from mailhub.filter.mark_requests import LEANS, Handling, MarkingParts, ask, give_due
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from mailhub.reading.stored import features_of
from mailhub.tickets import acts
from storage.filter import ledger
from storage.filter.mark_requests import list_suggestions
from storage.schema import mark_request
from tests.houses.desk import SUPPORT, Desk


def by_hand(desk: Desk) -> Handling:
    """Ana herself, who may think better of it for an hour."""
    return Handling(user=desk.ana, grace=HOUR)


def give(desk: Desk, models: Models, *, later: int, of_user: int = 100) -> int:
    """The job, some time later."""
    desk.now += later
    parts = MarkingParts(
        database=desk.database,
        writer=desk.writer,
        models=models,
        extract=lambda received: features_of(received, desk.secrets),
        settings=FilterSettings(),
        of_user=of_user,
        of_mailbox=100,
    )
    return give_due(parts, now=desk.now)


def labels_of(desk: Desk) -> dict[int, str]:
    """Labels in force, by message."""
    with desk.database.read() as connection:
        return {
            row.message_id: row.label for row in ledger.entries_after(connection, desk.account, 0, limit=100)
        }


def waiting(desk: Desk) -> int:
    """Words that wait for their time."""
    with desk.database.read() as connection:
        return connection.execute(select(func.count()).select_from(mark_request)).scalar_one()


def arrives(desk: Desk, sender: str, text: str) -> Outcome:
    """A mail with these words is filed."""
    return desk.receive(desk.written(sender, text=text), recipient=SUPPORT)


def teach(desk: Desk, models: Models, messages: list[int], label: str) -> None:
    """Ben's marks."""
    known = feedback.prepare(
        desk.database, desk.account, messages, lambda each: features_of(each, desk.secrets)
    )
    desk.act(feedback.mark, models, messages, label, user=desk.ben, features_of=known)


@pytest.fixture
def models(desk: Desk) -> Models:
    """The models that the desk's filing uses."""
    return desk.filing.models


def test_a_closed_ticket_is_weak_ham_after_its_grace(desk: Desk, models: Models) -> None:
    """Not at once; after the grace its mail is ham by who closed it, revocable like a mark, and any mark beats it."""
    outcome = desk.mail("kim@customer.example")
    ticket = desk.ticket_of(outcome)
    desk.act(acts.close, ticket, handling=by_hand(desk))
    assert labels_of(desk) == {}
    assert give(desk, models, later=59 * MINUTE) == 0
    assert give(desk, models, later=2 * MINUTE) == 1
    assert list(labels_of(desk).values()) == ["ham"]
    assert waiting(desk) == 0
    (message,) = labels_of(desk)
    teach(desk, models, [message], "spam")
    assert labels_of(desk) == {message: "spam"}


def test_reopened_or_thrown_away_before_it_says_nothing(desk: Desk, models: Models) -> None:
    """Undo within the grace leaves no row behind and teaches nothing."""
    one, two = desk.ticket_of(desk.mail("a@a.example")), desk.ticket_of(desk.mail("b@b.example"))
    for ticket in (one, two):
        desk.act(acts.close, ticket, handling=by_hand(desk))
    assert waiting(desk) == 2
    desk.act(acts.reopen, one)
    desk.act(acts.trash, two)
    assert waiting(desk) == 0
    assert give(desk, models, later=2 * HOUR) == 0
    assert labels_of(desk) == {}


def test_a_mark_given_meanwhile_stays(desk: Desk, models: Models) -> None:
    """Whoever says spam within the grace, or takes a label back, is not overruled by the close."""
    ticket = desk.ticket_of(desk.mail("kim@customer.example"))
    desk.act(acts.close, ticket, handling=by_hand(desk))
    with desk.database.read() as connection:
        message = connection.execute(select(mark_request.c.message_id)).scalar_one()
    teach(desk, models, [message], "spam")
    give(desk, models, later=2 * HOUR)
    assert labels_of(desk) == {message: "spam"}
    assert waiting(desk) == 0


def test_closing_takes_back_no_word(desk: Desk, models: Models) -> None:
    """Whoever sends a mail to spam@ and closes its ticket at once said spam; other closes are no words to be counted."""
    outcome = desk.mail("kim@customer.example")
    message = desk.message_of(outcome)
    others = [desk.mail(f"{each}@b.example") for each in range(3)]
    for each in others:
        desk.act(acts.close, desk.ticket_of(each), handling=by_hand(desk))
    desk.writer.run(ask, desk.account, message, "spam", giver=desk.ana, source=ledger.FORWARD, now=desk.now)
    desk.act(acts.close, desk.ticket_of(outcome), handling=by_hand(desk))
    give(desk, models, later=2 * MINUTE, of_user=2)
    assert labels_of(desk) == {message: "spam"}
    give(desk, models, later=2 * HOUR, of_user=2)
    assert labels_of(desk) == {message: "spam"} | {desk.message_of(each): "ham" for each in others}
    assert waiting(desk) == 0


def test_a_close_is_no_word_where_the_filter_leans_to_spam(desk: Desk, models: Models) -> None:
    """Once it decides, what it takes rather for spam becomes a suggestion instead of ham; good mail is ham as before."""
    offers = [arrives(desk, f"{n}@offers.example", "cheap pills, order now") for n in range(6)]
    orders = [arrives(desk, f"{n}@customer.example", "where is my parcel") for n in range(6)]
    teach(desk, models, [desk.message_of(each) for each in offers[:5]], "spam")
    teach(desk, models, [desk.message_of(each) for each in orders[:5]], "ham")
    for each in (offers[5], orders[5]):
        desk.act(acts.close, desk.ticket_of(each), handling=by_hand(desk))

    assert give(desk, models, later=2 * HOUR) == 2
    labels = labels_of(desk)
    assert labels[desk.message_of(orders[5])] == "ham"
    assert desk.message_of(offers[5]) not in labels
    with desk.database.read() as connection:
        (left,) = list_suggestions(connection, desk.account, before=2**62, limit=9)
    assert (left.message_id, left.label, left.reason) == (desk.message_of(offers[5]), "ham", LEANS)

    desk.act(acts.reopen, desk.ticket_of(offers[5]))
    assert waiting(desk) == 0


def test_only_a_persons_own_hands_teach(desk: Desk, models: Models) -> None:
    """A close by a program or a sweep leaves nothing that waits, and no statement of it reads features."""
    ticket = desk.ticket_of(desk.mail("kim@customer.example"))
    desk.act(acts.close, ticket)
    assert waiting(desk) == 0
    assert give(desk, models, later=2 * HOUR) == 0
    assert labels_of(desk) == {}

"""What agents do to tickets: every act is recorded and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.tickets import acts
from storage.proof import journal
from storage.tickets import notes
from storage.tickets.tickets import Ticket, change_ticket
from storage.writer import Transaction
from tests.houses.desk import Desk

TicketAct = Callable[..., Ticket]


def act(desk: Desk, function: TicketAct, ticket: int, *more: int | None) -> Ticket:
    """Let ana do something to a ticket."""
    return desk.do(lambda tx: function(Act(tx, desk.actor, desk.account, desk.now), ticket, *more))


def verbs(desk: Desk, object_: str) -> list[str]:
    """What the journal says was done to it."""
    with desk.database.read() as connection:
        return [entry.verb for entry in journal.of_object(connection, desk.account, object_)]


def test_assign_and_back(desk: Desk) -> None:
    """A ticket goes to a user and back to nobody, and the journal says from whom to whom."""
    ticket = desk.ticket_of(desk.mail())
    assert act(desk, acts.assign, ticket, desk.ben).assignee_id == desk.ben
    assert act(desk, acts.assign, ticket, None).assignee_id is None
    with desk.database.read() as connection:
        entries = journal.of_object(connection, desk.account, f"ticket:{ticket}")
    assert [entry.detail["before"] for entry in entries] == [{"assignee_id": None}, {"assignee_id": desk.ben}]
    assert [(entry.actor, entry.verb) for entry in entries] == [(desk.actor, "ticket.assign")] * 2


def test_assign_to_a_stranger(desk: Desk) -> None:
    """Nobody outside the account can be given a ticket."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(NotFound, match="no user 12345"):
        act(desk, acts.assign, ticket, 12345)


@pytest.mark.parametrize(
    ("there", "back", "state"), [(acts.close, acts.reopen, "closed"), (acts.trash, acts.restore, "trash")]
)
def test_there_and_back(desk: Desk, there: TicketAct, back: TicketAct, state: str) -> None:
    """Closing and trashing a ticket change its state, and reopening and restoring undo just that."""
    before = desk.ticket(desk.ticket_of(desk.mail()))
    assert act(desk, there, before.id).state == state
    after = act(desk, back, before.id)
    assert (after.state, after.state_before, after.message_count) == (
        before.state,
        None,
        before.message_count,
    )


def test_restore_gives_back_the_state_before(desk: Desk) -> None:
    """A closed ticket comes out of the trash closed."""
    ticket = desk.ticket_of(desk.mail())
    act(desk, acts.close, ticket)
    act(desk, acts.trash, ticket)
    assert act(desk, acts.restore, ticket).state == "closed"


def test_the_same_act_twice_is_one(desk: Desk) -> None:
    """A repeated request changes nothing and is not recorded again."""
    ticket = desk.ticket_of(desk.mail())
    for function in (acts.close, acts.close):
        act(desk, function, ticket)
    for _ in range(2):
        act(desk, acts.trash, ticket)
    assert verbs(desk, f"ticket:{ticket}") == ["ticket.close", "ticket.trash"]


@pytest.mark.parametrize("function", [acts.close, acts.reopen, partial(acts.assign, user=None)])
def test_nothing_is_done_to_trash(desk: Desk, function: TicketAct) -> None:
    """Work on a ticket in the trash is a conflict that says what to do."""
    ticket = desk.ticket_of(desk.mail())
    act(desk, acts.trash, ticket)
    with pytest.raises(Conflict, match="restore it first"):
        act(desk, function, ticket)


def test_spam_is_reopened_before_it_is_closed(desk: Desk) -> None:
    """A ticket in the spam state is not closed, but reopened by hand."""
    ticket = desk.ticket_of(desk.mail())
    desk.do(lambda tx: change_ticket(tx.connection, desk.account, ticket, at=desk.now, state="spam"))
    with pytest.raises(Conflict, match="is spam"):
        act(desk, acts.close, ticket)
    assert act(desk, acts.reopen, ticket).state == "open"


def test_notes_that_are_not_there(desk: Desk) -> None:
    """A note that does not exist is not found, and taking one back twice is one act."""
    with pytest.raises(NotFound, match="no note 5"):
        desk.do(lambda tx: acts.take_back_note(Act(tx, desk.actor, desk.account, desk.now), 5))
    note = write(desk, desk.ticket_of(desk.mail()), "hm")
    for _ in range(2):
        desk.do(lambda tx: acts.take_back_note(Act(tx, desk.actor, desk.account, desk.now), note.id))
    assert verbs(desk, f"note:{note.id}") == ["note.add", "note.take-back"]


def test_restore_of_what_is_not_in_the_trash(desk: Desk) -> None:
    """Only what is in the trash can be restored."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(Conflict, match="not in the trash"):
        act(desk, acts.restore, ticket)


def test_a_ticket_by_its_number(desk: Desk) -> None:
    """A ticket can be named by the number people see, and never means another one whose id it is."""
    ticket = desk.ticket_of(desk.mail())
    assert act(desk, acts.close, 1).id == ticket
    with pytest.raises(NotFound, match="no ticket 2"):
        act(desk, acts.close, 2)


def test_another_account_has_no_such_ticket(desk: Desk) -> None:
    """A ticket of another account is not found."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(NotFound):
        desk.do(lambda tx: acts.close(Act(tx, desk.actor, desk.account + 1, desk.now), ticket))


def write(desk: Desk, ticket: int, text: str) -> notes.Note:
    return desk.do(
        lambda tx: acts.note(Act(tx, desk.actor, desk.account, desk.now), ticket, user=desk.ana, text=text)
    )


def notes_of(desk: Desk, ticket: int) -> list[str]:
    with desk.database.read() as connection:
        return [note.text for note in notes.list_notes(connection, desk.account, ticket)]


def test_note_taken_back_and_put_back(desk: Desk) -> None:
    """A note is shown, taken back and put back, and no text of it is in the journal."""
    ticket = desk.ticket_of(desk.mail())
    note = write(desk, ticket, "call them\r\nback  \n")
    assert notes_of(desk, ticket) == ["call them\nback"]
    desk.do(lambda tx: acts.take_back_note(Act(tx, desk.actor, desk.account, desk.now), note.id))
    assert notes_of(desk, ticket) == []
    desk.do(lambda tx: acts.put_back_note(Act(tx, desk.actor, desk.account, desk.now), note.id))
    assert notes_of(desk, ticket) == ["call them\nback"]
    with desk.database.read() as connection:
        entries = journal.of_object(connection, desk.account, f"note:{note.id}")
    assert [entry.verb for entry in entries] == ["note.add", "note.take-back", "note.put-back"]
    assert [dict(entry.detail) for entry in entries] == [{"ticket": ticket}] * 3
    assert desk.ticket(ticket).message_count == 1


@pytest.mark.parametrize("text", ["", " \n ", "a\0b", "half \ud800 pair", "x" * (acts.NOTE_CHARACTERS + 1)])
def test_a_note_that_is_no_text(desk: Desk, text: str) -> None:
    """An empty note, an overlong one, and what PostgreSQL would refuse are bad requests that leave nothing."""
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(BadRequest):
        write(desk, ticket, text)
    assert notes_of(desk, ticket) == []


def test_a_failed_act_leaves_no_record(desk: Desk) -> None:
    """An act whose transaction is undone is not in the journal either, and the numbers have no gap."""
    ticket = desk.ticket_of(desk.mail())

    def fails(transaction: Transaction) -> None:
        acts.close(Act(transaction, desk.actor, desk.account, desk.now), ticket)
        raise ValueError("after the act")

    with pytest.raises(ValueError, match="after the act"):
        desk.do(fails)
    act(desk, acts.close, ticket)
    with desk.database.read() as connection:
        entries = journal.of_object(connection, desk.account, f"ticket:{ticket}")
    assert [(entry.sequence, entry.verb) for entry in entries] == [(1, "ticket.close")]


def test_a_guest_is_accepted_and_excluded(desk: Desk) -> None:
    """A guest's mail joins by the subject only after an agent accepted them; excluded, they are outside again."""
    ticket = desk.ticket_of(desk.mail())
    number, guest = desk.ticket(ticket).number, "lee@elsewhere.example"
    proof = desk.answer(ticket).message_id
    assert (
        desk.mail(guest, In_Reply_To=f"<{proof.strip('<>')}>").ticket == ticket
    )  # the proof lets a guest in
    assert desk.mail(guest, Subject=f"Re: [#{number}]").ticket != ticket
    accept, exclude = (partial(each, address=guest.upper()) for each in (acts.accept, acts.exclude))
    for _ in range(2):
        assert act(desk, accept, ticket).id == ticket
    assert desk.mail(guest, Subject=f"Re: [#{number}]").ticket == ticket
    assert act(desk, exclude, ticket).id == ticket
    assert desk.mail(guest, Subject=f"Re: [#{number}]").ticket != ticket
    assert [each for each in verbs(desk, f"ticket:{ticket}") if "cce" in each or "exc" in each] == [
        "ticket.accept",
        "ticket.exclude",
    ]


def test_nobody_is_accepted_who_never_wrote(desk: Desk) -> None:
    """Only somebody who showed up in the ticket can be accepted."""
    with pytest.raises(NotFound, match="showed up"):
        act(desk, partial(acts.accept, address="nobody@elsewhere.example"), desk.ticket_of(desk.mail()))

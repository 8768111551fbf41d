"""What agents do to tickets: each act in the caller's transaction, with its user on record, and each can be undone.

    assign <-> assign     close, pend, snooze <-> reopen     trash <-> restore     note <-> take_back_note <-> put_back_note
    accept <-> exclude    make_responsible, prioritise <-> themselves
    purge_message: for good; a whole ticket: ``purging``       merging, splitting and their undoing: ``merging``

States: open, pending (we wait for them), snoozed (until a date), closed, spam, trash (``state_before`` says what
``restore`` gives back), merged (``merged_into``), purging (it is going for good). An act that finds its result already
there changes nothing and writes no journal row, so a repeated request is harmless.
Every ticket may be named by id or number. Rights are checked before (``access.require``).
All raise ``NotFound`` for what the account does not have, ``Conflict`` where the state forbids the act.
"""

from __future__ import annotations

from typing import Any

from mailhub import clock
from mailhub.access.holds import require_not_held
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.filter.mark_requests import Handling, ask_handled, withdraw_handled
from mailhub.message.addresses import served_form
from mailhub.proof.act import Act
from mailhub.tickets.removal import Forget, Removed, remove_messages
from storage.people.users import find_user
from storage.privacy.holds import find_holds_on_tickets
from storage.privacy.tombstones import Tombstones
from storage.tickets import notes, participants
from storage.tickets.removal import tickets_of_messages
from storage.tickets.ticket_mail import await_again, settle
from storage.tickets.tickets import Ticket, change_ticket, find_ticket, lock_tickets
from storage.words import ParticipantRole, Priority, TicketState
from storage.writer import Transaction

NOTE_CHARACTERS = 64 * 1024
SNOOZE_DAYS = 3650


def locked(transaction: Transaction, account: int, ticket: int) -> Ticket:
    """The ticket with this id or number, locked; NotFound without one."""
    found = find_ticket(transaction.connection, account, ticket)
    if found is not None:
        found = lock_tickets(transaction.connection, account, [found.id]).get(found.id)
    if found is None:
        raise NotFound(f"there is no ticket {ticket}")
    return found


def workable(ticket: Ticket) -> Ticket:
    """The ticket, unless it is in the trash, was merged away or is going: then ``Conflict`` says what to do."""
    if ticket.state == TicketState.PURGING:
        raise Conflict(f"ticket {ticket.number} is being removed for good")
    if ticket.state == TicketState.MERGED:
        raise Conflict(
            f"ticket {ticket.number} was merged into another one: work on that, or unmerge it first"
        )
    if ticket.state == TicketState.TRASH:
        raise Conflict(f"ticket {ticket.number} is in the trash: restore it first")
    return ticket


def _change(act: Act, ticket: Ticket, verb: str, **values: Any) -> Ticket:
    """Set columns and record what they were: enough to undo it."""
    connection = act.transaction.connection
    before = {name: getattr(ticket, name) for name in values}
    change_ticket(connection, act.account, ticket.id, at=act.now, **values)
    act.record(verb, f"ticket:{ticket.id}", before=before, after=values)
    return lock_tickets(connection, act.account, [ticket.id])[ticket.id]


def assign(act: Act, ticket: int, user: int | None) -> Ticket:
    """Give the ticket to a user of the account, or with None to nobody."""
    found = workable(locked(act.transaction, act.account, ticket))
    if found.assignee_id == user:
        return found
    if user is not None and find_user(act.transaction.connection, act.account, user) is None:
        raise NotFound(f"there is no user {user}")
    return _change(act, found, "ticket.assign", assignee_id=user)


def make_responsible(act: Act, ticket: int, user: int | None) -> Ticket:
    """A user answers for the ticket being done, whoever it is given to; None: nobody does."""
    found = workable(locked(act.transaction, act.account, ticket))
    if found.responsible_id == user:
        return found
    if user is not None and find_user(act.transaction.connection, act.account, user) is None:
        raise NotFound(f"there is no user {user}")
    return _change(act, found, "ticket.responsible", responsible_id=user)


def prioritise(act: Act, ticket: int, priority: Priority) -> Ticket:
    """How urgent the ticket is."""
    found = workable(locked(act.transaction, act.account, ticket))
    if found.priority == priority:
        return found
    return _change(act, found, "ticket.prioritise", priority=int(priority))


def close(act: Act, ticket: int, *, handling: Handling | None = None) -> Ticket:
    """The ticket is done. One in the spam state is not closed but marked as ham or reopened.

    ``handling``: by whose own hands it was; None teaches the filter nothing (rules, programs, sweeps).
    """
    found = workable(locked(act.transaction, act.account, ticket))
    if found.state == TicketState.CLOSED:
        return found
    if found.state == TicketState.SPAM:
        raise Conflict(
            f"ticket {found.number} is spam: mark its message as ham, or reopen it, before closing it"
        )
    if handling is not None:
        ask_handled(act, found.id, handling)
    settle(act.transaction.connection, act.account, [found.id])
    return _change(act, found, "ticket.close", state=TicketState.CLOSED, snoozed_until=None)


def pend(act: Act, ticket: int) -> Ticket:
    """We wait for the other side: nobody waits for us, and a mail of theirs opens the ticket."""
    found = _at_work(act, ticket)
    if found.state == TicketState.PENDING:
        return found
    withdraw_handled(act, found.id)
    settle(act.transaction.connection, act.account, [found.id])
    return _change(act, found, "ticket.pend", state=TicketState.PENDING, snoozed_until=None)


def snooze(act: Act, ticket: int, until: int) -> Ticket:
    """Put the ticket off until then (microseconds); it opens by itself, or when a person writes into it.

    ``BadRequest`` for a time that has passed, or lies beyond ``SNOOZE_DAYS``. Whoever waits goes on waiting.
    """
    if not act.now < until <= act.now + SNOOZE_DAYS * clock.DAY:
        raise BadRequest(
            f"a ticket is put off until a time that is to come, at most {SNOOZE_DAYS} days from now"
        )
    found = _at_work(act, ticket)
    if found.state == TicketState.SNOOZED and found.snoozed_until == until:
        return found
    withdraw_handled(act, found.id)
    return _change(act, found, "ticket.snooze", state=TicketState.SNOOZED, snoozed_until=until)


def wake(act: Act, ticket: int) -> Ticket:
    """A snoozed ticket whose time has come is open again."""
    found = locked(act.transaction, act.account, ticket)
    return _change(act, found, "ticket.wake", state=TicketState.OPEN, snoozed_until=None)


def _at_work(act: Act, ticket: int) -> Ticket:
    found = workable(locked(act.transaction, act.account, ticket))
    if found.state == TicketState.SPAM:
        raise Conflict(f"ticket {found.number} is spam: mark its message as ham, or reopen it")
    return found


def reopen(act: Act, ticket: int) -> Ticket:
    """A ticket that is closed, pending, snoozed or spam is open again; what nobody answered in it waits again."""
    found = workable(locked(act.transaction, act.account, ticket))
    if found.state == TicketState.OPEN:
        return found
    withdraw_handled(act, found.id)
    was_spam = found.state == TicketState.SPAM
    await_again(act.transaction.connection, act.account, [found.id], also_spam=was_spam)
    return _change(act, found, "ticket.reopen", state=TicketState.OPEN, snoozed_until=None)


def trash(act: Act, ticket: int) -> Ticket:
    """Put the ticket into the trash: everything stays, ``restore`` brings it back as it was."""
    found = locked(act.transaction, act.account, ticket)
    if found.state == TicketState.TRASH:
        return found
    withdraw_handled(act, found.id)
    return _change(act, found, "ticket.trash", state=TicketState.TRASH, state_before=workable(found).state)


def restore(act: Act, ticket: int) -> Ticket:
    """Take the ticket out of the trash, into the state it was in before."""
    found = locked(act.transaction, act.account, ticket)
    if found.state != TicketState.TRASH:
        raise Conflict(f"ticket {found.number} is not in the trash")
    return _change(
        act, found, "ticket.restore", state=found.state_before or TicketState.OPEN, state_before=None
    )


# --- guests -----------------------------------------------------------------------------------------------------------


def accept(act: Act, ticket: int, address: str) -> Ticket:
    """An agent agrees to a guest: who writes from this address takes part in the ticket from now on."""
    return _set_role(act, ticket, address, "ticket.accept")


def exclude(act: Act, ticket: int, address: str) -> Ticket:
    """Who writes from this address is a guest (again): mail of their joins the ticket only with a proof, as a
    guest's.
    """
    return _set_role(act, ticket, address, "ticket.exclude")


def _set_role(act: Act, ticket: int, address: str, verb: str) -> Ticket:
    found = workable(locked(act.transaction, act.account, ticket))
    wanted = served_form(address.strip())
    connection = act.transaction.connection
    known = [
        each
        for each in participants.list_participants(connection, act.account, found.id)
        if each.address == wanted
    ]
    if not known:
        raise NotFound(f"nobody with this address showed up in ticket {found.number}")

    joining = verb == "ticket.accept"
    if joining == (known[0].role != ParticipantRole.GUEST):
        return found

    role = ParticipantRole.CC if joining else ParticipantRole.GUEST
    participants.set_role(connection, act.account, found.id, wanted, role)
    change_ticket(connection, act.account, found.id, at=act.now)
    detail = {"contact": known[0].contact_id, "before": known[0].role, "after": role}
    act.record(verb, f"ticket:{found.id}", **detail)

    return lock_tickets(connection, act.account, [found.id])[found.id]


# --- notes ------------------------------------------------------------------------------------------------------------


def note(act: Act, ticket: int, *, user: int, text: str) -> notes.Note:
    """Write an internal note. BadRequest for an empty or overlong text, or one that is no text."""
    found = workable(locked(act.transaction, act.account, ticket))
    row = notes.Note(
        account_id=act.account,
        id=act.transaction.new_id(),
        ticket_id=found.id,
        user_id=user,
        created_at=act.now,
        text=plain_text(text, NOTE_CHARACTERS, "note"),
    )
    notes.add_note(act.transaction.connection, row)
    change_ticket(act.transaction.connection, act.account, found.id, at=act.now)
    act.record("note.add", f"note:{row.id}", ticket=found.id)

    return row


def plain_text(text: str, characters: int, called: str) -> str:
    """The text with line ends as LF and no white space at its end, fit for storage and for a mail."""
    clean = text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    if not clean.strip():
        raise BadRequest(f"the {called} is empty")
    if len(clean) > characters:
        raise BadRequest(f"the {called} is longer than {characters} characters")
    if "\0" in clean or any("\ud800" <= character <= "\udfff" for character in clean):
        raise BadRequest(f"the {called} holds a NUL or half a surrogate pair: send UTF-8 text")
    return clean


def take_back_note(act: Act, note_id: int) -> notes.Note:
    """The note is shown no more; ``put_back_note`` undoes it."""
    return _set_note(act, note_id, "note.take-back", deleted_at=act.now)


def put_back_note(act: Act, note_id: int) -> notes.Note:
    """A note that was taken back is in force again."""
    return _set_note(act, note_id, "note.put-back", deleted_at=None)


def _set_note(act: Act, note_id: int, verb: str, *, deleted_at: int | None) -> notes.Note:
    found = notes.find_note(act.transaction.connection, act.account, note_id)
    if found is None:
        raise NotFound(f"there is no note {note_id}")
    if (found.deleted_at is None) == (deleted_at is None):
        return found

    notes.set_deleted(act.transaction.connection, act.account, note_id, deleted_at)
    act.record(verb, f"note:{note_id}", ticket=found.ticket_id)
    changed = notes.find_note(act.transaction.connection, act.account, note_id)
    assert changed is not None

    return changed


# --- for good ---------------------------------------------------------------------------------------------------------


def purge_message(
    act: Act,
    message: int,
    *,
    forget: Forget,
    tombstone_key: bytes,
) -> Removed:
    """Remove one message for good. The only message of a ticket is a Conflict: purge the ticket. Cannot be undone."""
    where = tickets_of_messages(act.transaction.connection, act.account, [message]).get(message)
    if where is None:
        raise NotFound(f"there is no message {message}")
    if locked(act.transaction, act.account, where).message_count == 1:
        raise Conflict(f"message {message} is the only one of its ticket: purge the ticket")

    require_not_held(find_holds_on_tickets(act.transaction.connection, act.account, [where], act.now))
    tombstones = Tombstones(key=tombstone_key, at=act.now)
    removed = remove_messages(act.transaction, act.account, [message], forget=forget, tombstones=tombstones)
    act.record("message.purge", f"message:{message}", ticket=where)

    return removed

"""What agents do to tickets: each act in the caller's transaction, with its user on record, and each can be undone.

    assign <-> assign     close <-> reopen     trash <-> restore     note <-> take_back_note <-> put_back_note
    accept <-> exclude
    purge_message: for good; a whole ticket: ``purging``       merging, splitting and their undoing: ``merging``

States: open, closed, spam, trash (``state_before`` says what ``restore`` gives back), merged (``merged_into``), purging
(it is going for good). An act that finds its result already there changes nothing and writes no journal row, so a
repeated request is harmless.
Every ticket may be named by id or number. Rights are checked before (``access.require``).
All raise ``NotFound`` for what the account does not have, ``Conflict`` where the state forbids the act.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailhub.access.holds import require_not_held
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.journal import record
from mailhub.tickets.removal import Forget, Removed, remove_messages
from storage.people.users import find_user
from storage.privacy.holds import find_holds_on_tickets
from storage.privacy.tombstones import Tombstones
from storage.tickets import notes, participants
from storage.tickets.removal import tickets_of_messages
from storage.tickets.tickets import Ticket, change_ticket, find_ticket, lock_tickets
from storage.writer import Transaction

NOTE_CHARACTERS = 64 * 1024


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
    if ticket.state == "purging":
        raise Conflict(f"ticket {ticket.number} is being removed for good")
    if ticket.state == "merged":
        raise Conflict(f"ticket {ticket.number} was merged into another one: work on that, or unmerge it first")
    if ticket.state == "trash":
        raise Conflict(f"ticket {ticket.number} is in the trash: restore it first")
    return ticket


def _change(
    transaction: Transaction,
    actor: str,
    ticket: Ticket,
    verb: str,
    *,
    now: int,
    values: Mapping[str, Any],
) -> Ticket:
    """Set columns and record what they were: enough to undo it."""
    before = {name: getattr(ticket, name) for name in values}
    change_ticket(transaction.connection, ticket.account_id, ticket.id, at=now, **values)
    on = f"ticket:{ticket.id}"
    record(transaction, actor, ticket.account_id, verb=verb, on=on, now=now, before=before, after=dict(values))
    return lock_tickets(transaction.connection, ticket.account_id, [ticket.id])[ticket.id]


def assign(transaction: Transaction, actor: str, account: int, ticket: int, user: int | None, *, now: int) -> Ticket:
    """Give the ticket to a user of the account, or with None to nobody."""
    found = workable(locked(transaction, account, ticket))
    if found.assignee_id == user:
        return found
    if user is not None and find_user(transaction.connection, account, user) is None:
        raise NotFound(f"there is no user {user}")
    return _change(transaction, actor, found, "ticket.assign", now=now, values={"assignee_id": user})


def close(transaction: Transaction, actor: str, account: int, ticket: int, *, now: int) -> Ticket:
    """The ticket is done. One in the spam state is not closed but marked as ham or reopened."""
    found = workable(locked(transaction, account, ticket))
    if found.state == "closed":
        return found
    if found.state == "spam":
        raise Conflict(f"ticket {found.number} is spam: mark its message as ham, or reopen it, before closing it")
    return _change(transaction, actor, found, "ticket.close", now=now, values={"state": "closed"})


def reopen(transaction: Transaction, actor: str, account: int, ticket: int, *, now: int) -> Ticket:
    """A closed ticket, or one in the spam state, is open again."""
    found = workable(locked(transaction, account, ticket))
    if found.state == "open":
        return found
    return _change(transaction, actor, found, "ticket.reopen", now=now, values={"state": "open"})


def trash(transaction: Transaction, actor: str, account: int, ticket: int, *, now: int) -> Ticket:
    """Put the ticket into the trash: everything stays, ``restore`` brings it back as it was."""
    found = locked(transaction, account, ticket)
    if found.state == "trash":
        return found
    values = {"state": "trash", "state_before": workable(found).state}
    return _change(transaction, actor, found, "ticket.trash", now=now, values=values)


def restore(transaction: Transaction, actor: str, account: int, ticket: int, *, now: int) -> Ticket:
    """Take the ticket out of the trash, into the state it was in before."""
    found = locked(transaction, account, ticket)
    if found.state != "trash":
        raise Conflict(f"ticket {found.number} is not in the trash")
    values = {"state": found.state_before or "open", "state_before": None}
    return _change(transaction, actor, found, "ticket.restore", now=now, values=values)


# --- guests -----------------------------------------------------------------------------------------------------------

# roles of a participant: who only showed up, and who may write
GUEST = "guest"
MEMBER = "cc"


def accept(transaction: Transaction, actor: str, account: int, ticket: int, address: str, *, now: int) -> Ticket:
    """An agent agrees to a guest: who writes from this address takes part in the ticket from now on."""
    return _set_role(transaction, actor, account, ticket, address, "ticket.accept", now=now)


def exclude(transaction: Transaction, actor: str, account: int, ticket: int, address: str, *, now: int) -> Ticket:
    """Who writes from this address is a guest (again): mail of his joins the ticket only with a proof, as a guest's."""
    return _set_role(transaction, actor, account, ticket, address, "ticket.exclude", now=now)


def _set_role(
    transaction: Transaction, actor: str, account: int, ticket: int, address: str, verb: str, *, now: int
) -> Ticket:
    found = workable(locked(transaction, account, ticket))
    wanted = address.strip().lower()
    connection = transaction.connection
    known = [each for each in participants.list_participants(connection, account, found.id) if each.address == wanted]
    if not known:
        raise NotFound(f"nobody with this address showed up in ticket {found.number}")

    joining = verb == "ticket.accept"
    if joining == (known[0].role != GUEST):
        return found

    role = MEMBER if joining else GUEST
    participants.set_role(connection, account, found.id, wanted, role)
    change_ticket(connection, account, found.id, at=now)
    detail = {"contact": known[0].contact_id, "before": known[0].role, "after": role}
    record(transaction, actor, account, verb=verb, on=f"ticket:{found.id}", now=now, **detail)

    return lock_tickets(connection, account, [found.id])[found.id]


# --- notes ------------------------------------------------------------------------------------------------------------


def note(
    transaction: Transaction, actor: str, account: int, ticket: int, *, user: int, text: str, now: int
) -> notes.Note:
    """Write an internal note. BadRequest for an empty or overlong text, or one that is no text."""
    found = workable(locked(transaction, account, ticket))
    row = notes.Note(
        account_id=account,
        id=transaction.new_id(),
        ticket_id=found.id,
        user_id=user,
        created_at=now,
        text=plain_text(text, NOTE_CHARACTERS, "note"),
    )
    notes.add_note(transaction.connection, row)
    change_ticket(transaction.connection, account, found.id, at=now)
    record(transaction, actor, account, verb="note.add", on=f"note:{row.id}", now=now, ticket=found.id)

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


def take_back_note(transaction: Transaction, actor: str, account: int, note_id: int, *, now: int) -> notes.Note:
    """The note is shown no more; ``put_back_note`` undoes it."""
    return _set_note(transaction, actor, account, note_id, "note.take-back", deleted_at=now, now=now)


def put_back_note(transaction: Transaction, actor: str, account: int, note_id: int, *, now: int) -> notes.Note:
    """A note that was taken back is in force again."""
    return _set_note(transaction, actor, account, note_id, "note.put-back", deleted_at=None, now=now)


def _set_note(
    transaction: Transaction, actor: str, account: int, note_id: int, verb: str, *, deleted_at: int | None, now: int
) -> notes.Note:
    found = notes.find_note(transaction.connection, account, note_id)
    if found is None:
        raise NotFound(f"there is no note {note_id}")
    if (found.deleted_at is None) == (deleted_at is None):
        return found

    notes.set_deleted(transaction.connection, account, note_id, deleted_at)
    record(transaction, actor, account, verb=verb, on=f"note:{note_id}", now=now, ticket=found.ticket_id)
    changed = notes.find_note(transaction.connection, account, note_id)
    assert changed is not None

    return changed


# --- for good ---------------------------------------------------------------------------------------------------------


def purge_message(
    transaction: Transaction,
    actor: str,
    account: int,
    message: int,
    *,
    now: int,
    forget: Forget,
    tombstone_key: bytes,
) -> Removed:
    """Remove one message for good. The only message of a ticket is a Conflict: purge the ticket. Cannot be undone."""
    where = tickets_of_messages(transaction.connection, account, [message]).get(message)
    if where is None:
        raise NotFound(f"there is no message {message}")
    if locked(transaction, account, where).message_count == 1:
        raise Conflict(f"message {message} is the only one of its ticket: purge the ticket")

    require_not_held(find_holds_on_tickets(transaction.connection, account, [where], now))
    tombstones = Tombstones(key=tombstone_key, at=now)
    removed = remove_messages(transaction, account, [message], forget=forget, tombstones=tombstones)
    record(transaction, actor, account, verb="message.purge", on=f"message:{message}", now=now, ticket=where)

    return removed

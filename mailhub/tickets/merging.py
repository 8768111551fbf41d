"""Merging tickets, splitting them, and undoing either exactly.

    merge    the source's messages and notes move to the target; the source stays as a shell that leads there
    unmerge  exactly what that merge moved moves back, as far as it is still there and no later merge brought it
    split    some messages move to a new ticket; merging the new one back undoes it

Answers follow the messages (references move with them), reply addresses follow the shells
(``storage.tickets.tickets.live_end``), the target is shown in the source's mailboxes too, and whoever
took part in a merged ticket may write into the one it was merged into.
Raises ``NotFound`` for what the account does not have, ``Conflict`` where the state forbids the act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.errors import BadRequest, Conflict, NotFound, Unavailable
from mailhub.proof.act import Act
from mailhub.tickets.acts import locked, workable
from storage.mail.filing import messages_by_id
from storage.proof import journal
from storage.tickets import drafts, notes, tags
from storage.tickets.ticket_messages import (
    message_ids,
    move_messages,
    replace_merged_mailboxes,
    replace_merged_participants,
)
from storage.tickets.tickets import (
    Ticket,
    add_ticket,
    change_ticket,
    find_ticket,
    lock_tickets,
    merge_chain,
    merged_tickets,
)
from storage.words import TicketState
from storage.writer import Transaction

TRIES = 3  # looks at a chain of merges that others keep changing


def merge(act: Act, source: int, target: int) -> Ticket:
    """Make ``source`` part of ``target``; the target afterwards.

    Neither may be in the trash or merged away, nor may the target be spam (the source may).
    """
    connection = act.transaction.connection
    first, second = (_named(act.transaction, act.account, ticket) for ticket in (source, target))
    if first.id == second.id:
        raise BadRequest("a ticket cannot be merged into itself")

    both = lock_tickets(connection, act.account, [first.id, second.id])
    if len(both) < 2:
        raise NotFound("one of the tickets is gone")

    workable(both[first.id])
    if workable(both[second.id]).state == TicketState.SPAM:
        raise Conflict(f"ticket {second.number} is spam: reopen it before merging into it")

    moved = move_messages(
        connection,
        act.account,
        message_ids(connection, act.account, first.id),
        source=first.id,
        target=second.id,
    )
    moved_notes = notes.note_ids(connection, act.account, first.id)
    notes.move_notes(connection, act.account, moved_notes, source=first.id, target=second.id)
    drafts.move_drafts(connection, act.account, source=first.id, target=second.id)
    shell = {"state": TicketState.MERGED, "state_before": both[first.id].state, "merged_into": second.id}
    change_ticket(connection, act.account, first.id, at=act.now, **shell)
    _touch_target(act.transaction, act.account, second.id, act.now)
    new_tags = set(tags.tag_ids_of(connection, act.account, first.id))
    new_tags -= set(tags.tag_ids_of(connection, act.account, second.id))
    tags.put_tags(connection, act.account, second.id, new_tags)
    detail = {
        "tags": sorted(new_tags),
        "into": second.id,
        "messages": list(moved),
        "notes": list(moved_notes),
        "before": both[first.id].state,
    }
    act.record("ticket.merge", f"ticket:{first.id}", **detail)

    return _named(act.transaction, act.account, second.id)


def unmerge(act: Act, ticket: int) -> Ticket:
    """Undo the ticket's merge: it lives again with what that merge moved, wherever this is after further merges."""
    connection = act.transaction.connection
    shell, chain = _locked_chain(act.transaction, act.account, ticket)
    end = chain[-1]
    entry = journal.find_last(connection, act.account, f"ticket:{shell.id}", "ticket.merge")
    if entry is None:
        raise Conflict(f"there is no record of how ticket {shell.number} was merged")

    later = _brought_later(act.transaction, act.account, chain, entry)
    wanted = [message for message in entry.detail["messages"] if message not in later["messages"]]
    moved = move_messages(connection, act.account, wanted, source=end, target=shell.id)
    wanted_notes = [note for note in entry.detail["notes"] if note not in later["notes"]]
    notes.move_notes(connection, act.account, wanted_notes, source=end, target=shell.id)
    tags.take_tags(connection, act.account, entry.detail["into"], entry.detail.get("tags", ()))
    alive = {"state": shell.state_before or TicketState.OPEN, "state_before": None, "merged_into": None}
    change_ticket(connection, act.account, shell.id, at=act.now, **alive)
    unmerged = [shell.id, *(each.id for each in merged_tickets(connection, act.account, [shell.id]))]
    for passed in chain[1:]:
        _touch_target(act.transaction, act.account, passed, act.now, unmerged=unmerged)
    detail = {"from": end, "messages": list(moved), "notes": wanted_notes}
    act.record("ticket.unmerge", f"ticket:{shell.id}", **detail)

    return _named(act.transaction, act.account, shell.id)


def split(act: Act, ticket: int, messages: Sequence[int]) -> Ticket:
    """Move these messages to a new open ticket of the first one's sender, and return it. At least one must stay."""
    connection = act.transaction.connection
    old = workable(locked(act.transaction, act.account, ticket))
    wanted = sorted(set(messages))
    rows = messages_by_id(connection, act.account, wanted)
    if not wanted:
        raise BadRequest("name the messages to split off")
    if any(message not in rows or rows[message].ticket_id != old.id for message in wanted):
        raise NotFound(f"not all of these messages are in ticket {old.number}")
    if len(wanted) == old.message_count:
        raise Conflict(f"ticket {old.number} must keep at least one message")

    first = next((rows[m] for m in wanted if rows[m].direction == "in"), rows[wanted[0]])
    new = add_ticket(
        connection,
        act.account,
        act.transaction.new_id(),
        mailbox_id=first.mailbox_id,
        contact_id=old.contact_id if first.contact_id is None else first.contact_id,
        subject=first.subject,
        verdict=first.verdict,
        probability=first.probability,
        created_at=rows[wanted[0]].received_at,
        at=act.now,
    )
    move_messages(connection, act.account, wanted, source=old.id, target=new.id)
    tags.put_tags(connection, act.account, new.id, tags.tag_ids_of(connection, act.account, old.id))
    change_ticket(connection, act.account, old.id, at=act.now)
    detail = {"into": new.id, "messages": wanted}
    act.record("ticket.split", f"ticket:{old.id}", **detail)

    return _named(act.transaction, act.account, new.id)


def _named(transaction: Transaction, account: int, ticket: int) -> Ticket:
    found = find_ticket(transaction.connection, account, ticket)
    if found is None:
        raise NotFound(f"there is no ticket {ticket}")
    return found


def _touch_target(
    transaction: Transaction, account: int, ticket: int, now: int, *, unmerged: Sequence[int] = ()
) -> None:
    connection = transaction.connection
    merged = [shell.id for shell in merged_tickets(connection, account, [ticket])]
    replace_merged_participants(connection, account, ticket, merged)
    replace_merged_mailboxes(connection, account, ticket, merged, unmerged=unmerged)
    change_ticket(connection, account, ticket, at=now)


def _locked_chain(transaction: Transaction, account: int, ticket: int) -> tuple[Ticket, Sequence[int]]:
    """The merged ticket and its chain to the live end, all locked, and the chain still true after locking."""
    found = _named(transaction, account, ticket)
    for _ in range(TRIES):
        chain = merge_chain(transaction.connection, account, found.id)
        rows = lock_tickets(transaction.connection, account, chain)
        if chain and chain == merge_chain(transaction.connection, account, found.id):
            if len(chain) == 1:
                raise Conflict(f"ticket {found.number} is not merged")
            return rows[found.id], chain
    raise Unavailable(f"ticket {found.number} is being changed by others: try again")


def _brought_later(
    transaction: Transaction, account: int, chain: Sequence[int], entry: journal.JournalEntry
) -> Mapping[str, set[int]]:
    """What tickets beside this chain brought to its end after that merge: it is theirs now."""
    brought: dict[str, set[int]] = {"messages": set(), "notes": set()}
    for shell in merged_tickets(transaction.connection, account, [chain[-1]]):
        if shell.id in chain:
            continue
        other = journal.find_last(transaction.connection, account, f"ticket:{shell.id}", "ticket.merge")
        if other is not None and (other.at, other.node, other.sequence) > (
            entry.at,
            entry.node,
            entry.sequence,
        ):
            for kind, ids in brought.items():
                ids.update(other.detail[kind])
    return brought

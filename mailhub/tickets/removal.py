"""What goes when a message or a ticket goes for good: rows, raw, index, references, outbox. One list for all flows.

Used by purging, erasure, account stages and retention, in their transaction; commits nothing, writes no journal row
(the act that removes does). The filter is the caller's: ``forget`` is called with the messages while they are still
there, so that it can take back what they taught. What goes leaves tombstones, so that no re-fetch or resend brings it
back; None leaves none, for a message that is filed anew at once.
Must not: decide whether something may go (holds, rights).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from storage.people.idempotency import forget_answers
from storage.privacy.tombstones import Tombstones, bury
from storage.tickets import removal as rows
from storage.tickets.ticket_mail import derive_anew
from storage.tickets.tickets import lock_tickets, merged_tickets
from storage.writer import Transaction

MESSAGES_A_TURN = 8  # of a ticket: some 2 ms of work each

Forget = Callable[
    [Transaction, int, Sequence[int]], None
]  # transaction, account, ids of messages about to go


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What has gone: ids, and how many rows of each table."""

    messages: tuple[int, ...]
    tickets: tuple[int, ...]
    emptied: tuple[int, ...]  # tickets that are left without a message
    rows: Mapping[str, int]


def remove_messages(
    transaction: Transaction,
    account: int,
    messages: Sequence[int],
    *,
    forget: Forget,
    tombstones: Tombstones | None,
) -> Removed:
    """Remove messages of an account; unknown ids are passed over. What the tickets that stay say of them is mended."""
    connection = transaction.connection
    where = rows.tickets_of_messages(connection, account, messages)
    present = sorted(where)
    tickets = set(where.values())
    lock_tickets(connection, account, tickets)  # before counting: nobody files into them meanwhile
    gone = _delete(transaction, account, present, forget, tombstones)
    derive_anew(connection, account, tickets)
    left = lock_tickets(connection, account, tickets)
    emptied = tuple(sorted(ticket.id for ticket in left.values() if ticket.message_count == 0))

    return Removed(messages=tuple(present), tickets=(), emptied=emptied, rows=gone)


def remove_tickets(
    transaction: Transaction,
    account: int,
    tickets: Sequence[int],
    *,
    forget: Forget,
    tombstones: Tombstones | None,
) -> Removed:
    """Remove tickets with their messages, and the shells of those that were merged into them."""
    connection = transaction.connection
    merged = [ticket.id for ticket in merged_tickets(connection, account, tickets)]
    everything = sorted({*tickets, *merged})
    lock_tickets(connection, account, everything)
    messages = rows.messages_of_tickets(connection, account, everything)
    gone = dict(_delete(transaction, account, messages, forget, tombstones))
    gone.update(rows.delete_tickets(connection, account, everything))
    return Removed(messages=tuple(messages), tickets=tuple(everything), emptied=(), rows=gone)


def remove_ticket_in_part(
    transaction: Transaction, account: int, ticket: int, *, forget: Forget, tombstones: Tombstones | None
) -> Removed:
    """One short turn's worth of a ticket: its oldest messages, or, when these are few, all that is left and itself."""
    lock_tickets(transaction.connection, account, [ticket])
    some = rows.first_messages(transaction.connection, account, ticket, limit=MESSAGES_A_TURN + 1)
    if len(some) <= MESSAGES_A_TURN:
        return remove_tickets(transaction, account, [ticket], forget=forget, tombstones=tombstones)
    return remove_messages(transaction, account, some[:-1], forget=forget, tombstones=tombstones)


def _delete(
    transaction: Transaction,
    account: int,
    messages: Sequence[int],
    forget: Forget,
    tombstones: Tombstones | None,
) -> Mapping[str, int]:
    forget(transaction, account, messages)
    if tombstones is not None:
        bury(transaction.connection, account, messages, tombstones)
    forget_answers(transaction.connection, account)
    return rows.delete_messages(transaction.connection, account, messages)

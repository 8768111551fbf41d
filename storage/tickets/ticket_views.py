"""One ticket as people see it, read at once: the row, who takes part, its messages with what was said about
them and what became of them, its notes. So many statements for one message as for two hundred. Reads only;
the texts are in the raws (``storage.mail.raws``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from storage.filter import ledger
from storage.filter.ledger import Mark
from storage.mail import outbox
from storage.mail.message_lists import MessageRow, NoteRow, messages_of_ticket, notes_of_ticket
from storage.mail.outbox import OutboxRow
from storage.tickets.participants import Participant, list_participants
from storage.tickets.tags import watchers_of
from storage.tickets.ticket_lists import TicketRow, tickets_by_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOfMessages:
    """What is known of some messages besides their rows."""

    marks: Mapping[int, Mark]  # by message: the last act that counts
    sendings: Mapping[int, Sequence[OutboxRow]]  # by message that was sent: each of its recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketView:
    """A ticket with a page of its messages, oldest first, and its latest notes, latest first."""

    ticket: TicketRow
    participants: Sequence[Participant]
    watchers: Sequence[str]  # logins
    messages: Sequence[MessageRow]
    told: ToldOfMessages
    notes: Sequence[NoteRow]


def view(
    connection: Connection,
    account_id: int,
    ticket_id: int,
    *,
    reader: int | None,
    after: int,
    messages: int,
    notes: int,
) -> TicketView | None:
    """The ticket as ``reader`` has seen it, with at most so many messages behind ``after`` and so many notes; None
    without one.
    """
    row = tickets_by_id(connection, account_id, [ticket_id], reader=reader).get(ticket_id)
    if row is None:
        return None

    page = messages_of_ticket(connection, account_id, ticket_id, after=after, limit=messages)
    return TicketView(
        ticket=row,
        participants=list_participants(connection, account_id, ticket_id),
        watchers=list(watchers_of(connection, account_id, ticket_id).values()),
        messages=page,
        told=told_of(connection, account_id, page),
        notes=notes_of_ticket(connection, account_id, ticket_id, limit=notes),
    )


def told_of(connection: Connection, account_id: int, messages: Sequence[MessageRow]) -> ToldOfMessages:
    """Marks and sendings of these messages, in two statements; only what we sent has sendings."""
    sent = [row.id for row in messages if row.direction == "out"]
    sendings: dict[int, list[OutboxRow]] = {}
    for row in outbox.rows_of_messages(connection, account_id, sent) if sent else ():
        sendings.setdefault(row.message_id or 0, []).append(row)

    marks = ledger.latest_marks(connection, account_id, [row.id for row in messages])
    return ToldOfMessages(marks=marks, sendings=sendings)

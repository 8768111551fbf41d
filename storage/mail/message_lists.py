"""Messages and notes of a ticket as people see them. Reads only; the text is in the raw message, not here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, select

from storage.schema import message, note, user


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """What is recorded of one message. Instants are microseconds since the epoch, UTC."""

    id: int
    ticket_id: int
    mailbox_id: int
    contact_id: int | None
    user_id: int | None
    direction: str
    source: str
    message_id: str
    from_address: str
    from_name: str
    subject: str
    sent_at: int | None
    received_at: int
    size_bytes: int
    verdict: str
    probability: float | None
    log_odds: float | None
    verdict_reason: str | None
    verdict_evidence: str | None
    thread_reason: str
    thread_evidence: str
    automatic: str
    authentication: str
    flags: str
    unreadable: int
    redacted_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """An internal note in force."""

    id: int
    author: str | None
    created_at: int
    text: str


def _select(account_id: int) -> Select[tuple[object, ...]]:
    return select(*(message.c[name] for name in MessageRow.__slots__)).where(
        message.c.account_id == account_id
    )


def messages_of_ticket(
    connection: Connection, account_id: int, ticket_id: int, *, after: int = 0, limit: int = 200
) -> Sequence[MessageRow]:
    """Messages of a ticket, oldest first, from the one after ``after``."""
    query = _select(account_id).where(message.c.ticket_id == ticket_id, message.c.id > after)
    return [
        MessageRow(**row._mapping) for row in connection.execute(query.order_by(message.c.id).limit(limit))
    ]


def before_message(
    connection: Connection, account_id: int, row: MessageRow, *, limit: int
) -> Sequence[MessageRow]:
    """The newest messages of its ticket that are older than this one, oldest first."""
    query = _select(account_id).where(message.c.ticket_id == row.ticket_id, message.c.id < row.id)
    found = connection.execute(query.order_by(message.c.id.desc()).limit(limit))
    return [MessageRow(**each._mapping) for each in found][::-1]


def find_message(connection: Connection, account_id: int, message_id: int) -> MessageRow | None:
    """The message with this id."""
    row = connection.execute(_select(account_id).where(message.c.id == message_id)).one_or_none()
    return MessageRow(**row._mapping) if row else None


def notes_of_ticket(
    connection: Connection, account_id: int, ticket_id: int, *, before: int | None = None, limit: int
) -> Sequence[NoteRow]:
    """Notes of a ticket in force, latest first, each with an id below ``before``."""
    query = (
        select(note.c.id, user.c.email.label("author"), note.c.created_at, note.c.text)
        .outerjoin(user, (user.c.account_id == note.c.account_id) & (user.c.id == note.c.user_id))
        .where(note.c.account_id == account_id, note.c.ticket_id == ticket_id, note.c.deleted_at.is_(None))
        .order_by(note.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(note.c.id < before)

    return [NoteRow(**row._mapping) for row in connection.execute(query)]


def tickets_of_messages(connection: Connection, account_id: int, messages: Sequence[int]) -> dict[int, int]:
    """The ticket of each of these messages; ids of other accounts are absent."""
    query = select(message.c.id, message.c.ticket_id).where(
        message.c.account_id == account_id, message.c.id.in_(messages)
    )
    return {row.id: row.ticket_id for row in connection.execute(query)}


def has_more_messages(connection: Connection, account_id: int, than: int) -> bool:
    """Whether an account has more messages than that."""
    query = select(message.c.id).where(message.c.account_id == account_id).order_by(message.c.id)
    return connection.execute(query.offset(than).limit(1)).first() is not None

"""Who says something: the author of a message or note, by name, for those who look at what others wrote of a person.

Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from storage.schema import message, note, user
from storage.tickets.removal import keyed


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A message or note with its ticket, and who wrote it: the contact if any, and a name or address to show."""

    id: int
    ticket: int
    contact: int | None
    author: str


def of_messages(connection: Connection, account_id: int, messages: Sequence[int]) -> Sequence[Speaker]:
    """Authors of these messages, the newest first."""
    query = select(
        message.c.id, message.c.ticket_id, message.c.contact_id, message.c.from_name, message.c.from_address
    ).where(keyed(message, "id", account_id, messages))
    rows = connection.execute(query.order_by(message.c.id.desc()))
    return [
        Speaker(
            id=row.id, ticket=row.ticket_id, contact=row.contact_id, author=row.from_address or row.from_name
        )
        for row in rows
    ]


def notes_after(
    connection: Connection, account_id: int, after: int, *, limit: int
) -> Sequence[tuple[Speaker, str]]:
    """Notes of an account by id, each with its author and text."""
    theirs = and_(user.c.account_id == note.c.account_id, user.c.id == note.c.user_id)
    query = (
        select(note.c.id, note.c.ticket_id, note.c.text, user.c.name)
        .join(user, theirs, isouter=True)
        .where(note.c.account_id == account_id, note.c.id > after)
    )
    return [
        (Speaker(id=row.id, ticket=row.ticket_id, contact=None, author=row.name or ""), row.text)
        for row in connection.execute(query.order_by(note.c.id).limit(limit))
    ]

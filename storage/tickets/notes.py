"""Rows of internal notes. Functions take a connection of the caller's transaction and commit nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from storage.schema import note


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a user wrote for colleagues. ``deleted_at`` None: in force."""

    account_id: int
    id: int
    ticket_id: int
    user_id: int
    created_at: int
    text: str
    deleted_at: int | None = None


_COLUMNS = tuple(note.c[name] for name in Note.__slots__)


def add_note(connection: Connection, row: Note) -> None:
    """Insert a note."""
    connection.execute(insert(note).values({name: getattr(row, name) for name in Note.__slots__}))


def find_note(connection: Connection, account_id: int, note_id: int) -> Note | None:
    """The note with this id, taken back or not."""
    row = connection.execute(select(*_COLUMNS).where(note.c.account_id == account_id, note.c.id == note_id))
    found = row.one_or_none()
    return Note(**found._mapping) if found else None


def list_notes(connection: Connection, account_id: int, ticket_id: int) -> Sequence[Note]:
    """The notes in force on a ticket, oldest first."""
    own = (note.c.account_id == account_id, note.c.ticket_id == ticket_id, note.c.deleted_at.is_(None))
    return [
        Note(**row._mapping) for row in connection.execute(select(*_COLUMNS).where(*own).order_by(note.c.id))
    ]


def note_ids(connection: Connection, account_id: int, ticket_id: int) -> Sequence[int]:
    """Ids of all notes on a ticket, those taken back too."""
    query = select(note.c.id).where(note.c.account_id == account_id, note.c.ticket_id == ticket_id)
    return connection.execute(query.order_by(note.c.id)).scalars().all()


def set_deleted(connection: Connection, account_id: int, note_id: int, at: int | None) -> None:
    """Take a note back, or with None put it in force again."""
    own = (note.c.account_id == account_id, note.c.id == note_id)
    connection.execute(update(note).where(*own).values(deleted_at=at))


def move_notes(
    connection: Connection, account_id: int, notes: Sequence[int], *, source: int, target: int
) -> None:
    """Hang these notes, as far as they are on ``source``, on ``target``."""
    own = (note.c.account_id == account_id, note.c.ticket_id == source, note.c.id.in_(notes))
    connection.execute(update(note).where(*own).values(ticket_id=target))

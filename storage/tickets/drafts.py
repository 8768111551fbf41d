"""Rows of drafts: what a user writes, until it is sent or thrown away.

Functions take a connection of the caller's transaction and commit nothing. Not here: what may be sent, and when
(``mailhub.tickets.drafts``, ``mailhub.tickets.sending``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from storage.schema import draft, message, note


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a user writes. Addresses are one a line; ``send_at`` None: it is being written."""

    account_id: int
    id: int
    user_id: int
    ticket_id: int | None
    mailbox_id: int | None
    kind: str  # answer, note, forward or new
    to_addresses: str = ""
    cc_addresses: str = ""
    bcc_addresses: str = ""
    subject: str = ""
    text: str = ""
    quoted_id: int | None = None
    seen_id: int
    version: int = 1
    created_at: int
    updated_at: int
    send_at: int | None = None
    scheduled: int = 0
    closes: int = 0
    fault: str | None = None


_COLUMNS = tuple(draft.c[name] for name in Draft.__slots__)


def add_draft(connection: Connection, row: Draft) -> None:
    """Insert a draft."""
    connection.execute(insert(draft).values({name: getattr(row, name) for name in Draft.__slots__}))


def find_draft(
    connection: Connection, account_id: int, draft_id: int, *, locked: bool = False
) -> Draft | None:
    """The draft with this id; locked until the commit where it is to be changed."""
    query = select(*_COLUMNS).where(draft.c.account_id == account_id, draft.c.id == draft_id)
    row = connection.execute(query.with_for_update() if locked else query).one_or_none()
    return Draft(**row._mapping) if row else None


def find_draft_of(
    connection: Connection, account_id: int, user_id: int, ticket_id: int, kind: str
) -> Draft | None:
    """The user's draft of this kind on a ticket."""
    own = (draft.c.account_id == account_id, draft.c.user_id == user_id)
    query = select(*_COLUMNS).where(*own, draft.c.ticket_id == ticket_id, draft.c.kind == kind)
    row = connection.execute(query).one_or_none()
    return Draft(**row._mapping) if row else None


def list_drafts(
    connection: Connection,
    account_id: int,
    *,
    user_id: int | None = None,
    ticket_id: int | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[Draft]:
    """Drafts of a user, on a ticket, or both; those begun last come first."""
    query = select(*_COLUMNS).where(draft.c.account_id == account_id)
    if user_id is not None:
        query = query.where(draft.c.user_id == user_id)
    if ticket_id is not None:
        query = query.where(draft.c.ticket_id == ticket_id)
    if before is not None:
        query = query.where(draft.c.id < before)
    rows = connection.execute(query.order_by(draft.c.id.desc()).limit(limit))
    return [Draft(**row._mapping) for row in rows]


def change_draft(connection: Connection, account_id: int, draft_id: int, **values: Any) -> None:
    """Set columns of a draft."""
    own = (draft.c.account_id == account_id, draft.c.id == draft_id)
    connection.execute(update(draft).where(*own).values(**values))


def delete_drafts(connection: Connection, account_id: int, drafts: Sequence[int]) -> int:
    """Delete these drafts; how many went."""
    own = (draft.c.account_id == account_id, draft.c.id.in_(drafts))
    return connection.execute(delete(draft).where(*own)).rowcount


def ids_of_user(connection: Connection, account_id: int, user_id: int) -> Sequence[int]:
    """Ids of all drafts of a user."""
    own = (draft.c.account_id == account_id, draft.c.user_id == user_id)
    return connection.execute(select(draft.c.id).where(*own).order_by(draft.c.id)).scalars().all()


def move_drafts(connection: Connection, account_id: int, *, source: int, target: int) -> None:
    """Hang the drafts of a ticket on another one; whose writer has such a draft there already stays."""
    there = draft.alias("there")
    same = exists().where(
        there.c.account_id == draft.c.account_id,
        there.c.ticket_id == target,
        there.c.user_id == draft.c.user_id,
        there.c.kind == draft.c.kind,
    )
    own = (draft.c.account_id == account_id, draft.c.ticket_id == source)
    connection.execute(update(draft).where(*own, ~same).values(ticket_id=target))


def due_drafts(connection: Connection, now: int, *, limit: int) -> Sequence[Draft]:
    """Drafts that are to be sent by now, of all accounts, those that wait longest first."""
    due = (draft.c.send_at.is_not(None), draft.c.send_at <= now)
    rows = connection.execute(
        select(*_COLUMNS).where(*due).order_by(draft.c.send_at, draft.c.id).limit(limit)
    )
    return [Draft(**row._mapping) for row in rows]


def next_send_at(connection: Connection) -> int | None:
    """When the next draft is to be sent; None when none is."""
    found: int | None = connection.execute(
        select(func.min(draft.c.send_at)).where(draft.c.send_at.is_not(None))
    ).scalar_one()
    return found


def newest_in(connection: Connection, account_id: int, ticket_id: int) -> int:
    """The id of the newest message or note of a ticket; 0 without any."""
    found = [
        connection.execute(
            select(func.max(table.c.id)).where(
                table.c.account_id == account_id, table.c.ticket_id == ticket_id
            )
        ).scalar_one()
        for table in (message, note)
    ]
    return max(each or 0 for each in found)


def unseen_in(
    connection: Connection,
    account_id: int,
    ticket_id: int,
    *,
    seen: int,
    user_id: int,
    from_customers: bool = False,
    limit: int = 20,
) -> tuple[Sequence[int], Sequence[int]]:
    """Messages and notes of others that came to a ticket after the one that was seen, by id.

    Two nodes take their ids from blocks of their own, so what came later by its time counts too. ``from_customers``:
    only what people outside wrote, no automatic mail and no notes.
    """
    of = (message.c.account_id == account_id, message.c.ticket_id == ticket_id)
    when = connection.execute(select(message.c.received_at).where(*of, message.c.id == seen)).scalar()
    noted = connection.execute(
        select(note.c.created_at).where(note.c.account_id == account_id, note.c.id == seen)
    ).scalar()
    since = when if when is not None else noted
    later = [message.c.id > seen] + ([message.c.received_at > since] if since is not None else [])
    mine = or_(message.c.user_id.is_(None), message.c.user_id != user_id)
    found = select(message.c.id).where(*of, or_(*later), mine)
    if from_customers:
        found = found.where(
            message.c.direction == "in", message.c.user_id.is_(None), message.c.automatic == ""
        )
    messages = connection.execute(found.order_by(message.c.id).limit(limit)).scalars().all()
    if from_customers:
        return messages, ()

    own = (note.c.account_id == account_id, note.c.ticket_id == ticket_id, note.c.deleted_at.is_(None))
    after = [note.c.id > seen] + ([note.c.created_at > since] if since is not None else [])
    written = select(note.c.id).where(*own, or_(*after), note.c.user_id != user_id)
    return messages, connection.execute(written.order_by(note.c.id).limit(limit)).scalars().all()

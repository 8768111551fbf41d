"""What a message row derives from its raw bytes, to be compared and written anew (``mailhub reparse``)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from storage.mail.raws import read
from storage.schema import intake, message, message_reference

DERIVED = (
    "message_id",
    "from_address",
    "from_name",
    "subject",
    "sent_at",
    "automatic",
    "flags",
    "snippet",
    "attachments",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A stored message: its raw bytes, the reverse path it came with, and the derived columns as they are."""

    id: int
    ticket_id: int
    raw: bytes
    mail_from: str | None
    authentication: str
    redacted_at: int | None
    derived: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What is kept of a message as it came: its raw bytes, authentication in words, and whether <> had sent it."""

    raw: bytes
    authentication: str
    mail_from_null: bool


def newest_authentication(connection: Connection, account_id: int, *, limit: int) -> Sequence[str]:
    """What was found of the newest messages that came in, in words, the newest first."""
    own = (message.c.account_id == account_id, message.c.direction == "in")
    query = select(message.c.authentication).where(*own).order_by(message.c.id.desc()).limit(limit)
    return connection.execute(query).scalars().all()


def newest_unjudged(
    connection: Connection, account_id: int, sources: Collection[str], *, among: int, limit_bytes: int
) -> Sequence[int]:
    """Ids, among the newest messages that came in, of those by these doors of which nobody found anything, none larger
    than this.
    """
    own = (message.c.account_id == account_id, message.c.direction == "in")
    query = select(message.c.id, message.c.source, message.c.authentication, message.c.size_bytes).where(*own)
    rows = connection.execute(query.order_by(message.c.id.desc()).limit(among)).all()
    unjudged = [row for row in rows if not row.authentication and row.source in sources]
    return [row.id for row in unjudged if row.size_bytes <= limit_bytes]


def find_received(connection: Connection, account_id: int, message_id: int) -> Received | None:
    """The message as it came; None when there is none in this account, or no raw bytes of it."""
    query = select(message.c.authentication).where(
        message.c.account_id == account_id, message.c.id == message_id
    )
    authentication = connection.execute(query).scalar_one_or_none()
    raw = None if authentication is None else read(connection, account_id, message_id)
    if authentication is None or raw is None:
        return None
    null = _mail_from(connection, account_id, message_id) is None
    return Received(raw=raw, authentication=authentication, mail_from_null=null)


def stored_after(connection: Connection, account_id: int, after: int, limit: int) -> Sequence[Stored]:
    """The account's readable messages by id, from the one after ``after``."""
    query = select(*_STORED).where(
        message.c.account_id == account_id, message.c.id > after, message.c.unreadable == 0
    )
    rows = connection.execute(query.order_by(message.c.id).limit(limit)).all()
    found = (_stored(connection, account_id, row) for row in rows)
    return [each for each in found if each is not None]


def is_readable(connection: Connection, account_id: int, message_id: int) -> bool:
    """Whether a message was read when it was filed, so that a revision of it can be made."""
    own = (message.c.account_id == account_id, message.c.id == message_id, message.c.unreadable == 0)
    return connection.execute(select(message.c.id).where(*own)).first() is not None


def find_stored(connection: Connection, account_id: int, message_id: int) -> Stored | None:
    """One readable message; None when there is none, or no raw bytes of it."""
    own = (message.c.account_id == account_id, message.c.id == message_id, message.c.unreadable == 0)
    row = connection.execute(select(*_STORED).where(*own)).one_or_none()
    return _stored(connection, account_id, row) if row else None


_STORED = (
    message.c.id,
    message.c.ticket_id,
    message.c.authentication,
    message.c.redacted_at,
    *(message.c[name] for name in DERIVED),
)


def _stored(connection: Connection, account_id: int, row: Any) -> Stored | None:
    raw = read(connection, account_id, row.id)
    if raw is None:
        return None

    return Stored(
        id=row.id,
        ticket_id=row.ticket_id,
        raw=raw,
        mail_from=_mail_from(connection, account_id, row.id),
        authentication=row.authentication,
        redacted_at=row.redacted_at,
        derived={name: row._mapping[name] for name in DERIVED},
    )


def _mail_from(connection: Connection, account_id: int, message_id: int) -> str | None:
    """The reverse path of the first delivery; '' for a message that was never delivered in (ours)."""
    query = select(intake.c.mail_from).where(
        intake.c.account_id == account_id, intake.c.message_id == message_id
    )
    row = connection.execute(query.order_by(intake.c.id).limit(1)).one_or_none()
    return "" if row is None else row.mail_from


def change_derived(
    connection: Connection, account_id: int, message_id: int, derived: Mapping[str, Any]
) -> None:
    """Write derived columns anew. Needs a write transaction."""
    own = (message.c.account_id == account_id, message.c.id == message_id)
    connection.execute(update(message).where(*own).values(**derived))


def change_reference(
    connection: Connection, account_id: int, message_id: int, ticket_id: int, id_hash: bytes | None
) -> None:
    """The Message-ID a message bears, as a keyed hash; None when it bears none."""
    own = (message_reference.c.account_id == account_id, message_reference.c.message_id == message_id)
    connection.execute(delete(message_reference).where(*own))
    if id_hash is not None:
        row = {"account_id": account_id, "id_hash": id_hash, "message_id": message_id, "ticket_id": ticket_id}
        connection.execute(insert(message_reference).values(row))


def lock_unredacted(
    connection: Connection, account_id: int, message_id: int, redacted_at: int | None
) -> bool:
    """Whether the message is still there in the revision that was read. Needs a write transaction."""
    own = (message.c.account_id == account_id, message.c.id == message_id)
    row = connection.execute(select(message.c.redacted_at).where(*own).with_for_update()).one_or_none()
    return row is not None and row.redacted_at == redacted_at


def redacted_since(connection: Connection, account_id: int, since: int) -> Sequence[int]:
    """Ids of messages from which somebody was erased since then."""
    own = (message.c.account_id == account_id, message.c.redacted_at >= since)
    return connection.execute(select(message.c.id).where(*own).order_by(message.c.id)).scalars().all()

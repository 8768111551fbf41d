"""Rows of sessions: the hash, never what opens them. Functions take a connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, or_, select, update

from storage.engine.by_date import Over
from storage.schema import session


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login. Instants are microseconds since the epoch, UTC."""

    hash: bytes = field(repr=False)
    id: int
    account_id: int
    user_id: int
    peer: str
    created_at: int
    last_used_at: int
    expires_at: int
    fresh_until: int | None = None
    revoked_at: int | None = None


_COLUMNS = tuple(session.c[name] for name in Session.__slots__)


def add_session(connection: Connection, row: Session) -> None:
    """Insert a session."""
    connection.execute(insert(session).values({name: getattr(row, name) for name in Session.__slots__}))


def find_session(connection: Connection, hash_: bytes) -> Session | None:
    """The session with this hash, in force or not."""
    row = connection.execute(select(*_COLUMNS).where(session.c.hash == hash_)).one_or_none()
    return Session(**row._mapping) if row else None


def list_sessions(
    connection: Connection, account_id: int, user_id: int, *, now: int, after: int = 0, limit: int = 100
) -> Sequence[Session]:
    """Sessions of a user that were not ended and have not come to their end, by id, ascending."""
    own = (session.c.account_id == account_id, session.c.user_id == user_id, session.c.id > after)
    query = select(*_COLUMNS).where(*own, session.c.revoked_at.is_(None), session.c.expires_at > now)
    return [Session(**row._mapping) for row in connection.execute(query.order_by(session.c.id).limit(limit))]


def touch_session(connection: Connection, hash_: bytes, at: int) -> None:
    """Note that a session opened the door."""
    connection.execute(update(session).where(session.c.hash == hash_).values(last_used_at=at))


def refresh_session(
    connection: Connection, account_id: int, session_id: int, *, user_id: int, until: int
) -> None:
    """The second factor was shown in this session: it counts as fresh until then."""
    own = (session.c.account_id == account_id, session.c.user_id == user_id, session.c.id == session_id)
    connection.execute(update(session).where(*own).values(fresh_until=until))


def revoke_sessions(
    connection: Connection,
    account_id: int,
    user_id: int,
    at: int,
    *,
    only: int | None = None,
    but: int | None = None,
) -> Sequence[int]:
    """End sessions of a user now: all, ``only`` one, or all ``but`` one; ids of those that were in force."""
    own = [session.c.account_id == account_id, session.c.user_id == user_id, session.c.revoked_at.is_(None)]
    if only is not None:
        own.append(session.c.id == only)
    if but is not None:
        own.append(session.c.id != but)
    ended = connection.execute(select(session.c.id).where(*own).order_by(session.c.id)).scalars().all()
    if ended:
        connection.execute(update(session).where(*own).values(revoked_at=at))
    return ended


def sessions_over(before: int) -> Over:
    """Sessions that ended before then."""
    return Over(session, or_(session.c.expires_at < before, session.c.revoked_at < before))

"""Rows of links that set a password (invitation, reset): the hash, never the link. Commit nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, select, update

from .schema import link


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link. ``used_at`` is also set when a newer link ended it."""

    hash: bytes = field(repr=False)
    id: int
    account_id: int
    user_id: int
    kind: str  # invitation or reset
    created_at: int
    expires_at: int
    used_at: int | None = None


_COLUMNS = tuple(link.c[name] for name in Link.__slots__)


def add_link(connection: Connection, row: Link) -> None:
    """Insert a link."""
    connection.execute(insert(link).values({name: getattr(row, name) for name in Link.__slots__}))


def is_in_force(connection: Connection, hash_: bytes, at: int) -> bool:
    """Whether the link with this hash can be used."""
    valid = (link.c.hash == hash_, link.c.used_at.is_(None), link.c.expires_at > at)
    return connection.execute(select(link.c.id).where(*valid)).first() is not None


def use_link(connection: Connection, hash_: bytes, at: int) -> Link | None:
    """Use the link with this hash up; the row as it was, None unless it was in force: of two users of it, one wins."""
    valid = (link.c.hash == hash_, link.c.used_at.is_(None), link.c.expires_at > at)
    if connection.execute(update(link).where(*valid).values(used_at=at)).rowcount != 1:
        return None
    return Link(**connection.execute(select(*_COLUMNS).where(link.c.hash == hash_)).one()._mapping)


def end_links(connection: Connection, account_id: int, user_id: int, at: int) -> None:
    """No link of the user works any more."""
    own = (link.c.account_id == account_id, link.c.user_id == user_id, link.c.used_at.is_(None))
    connection.execute(update(link).where(*own).values(used_at=at))


def sweep_links(connection: Connection, *, before: int, limit: int) -> int:
    """Delete links that ended before then, at most ``limit``; how many went."""
    old = select(link.c.hash).where(link.c.expires_at < before).limit(limit)
    return connection.execute(delete(link).where(link.c.hash.in_(old))).rowcount

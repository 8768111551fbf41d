"""Rows of links that a user is sent: to set a password (invitation, reset) or to have the account deleted (deletion).

The hash is kept, never the link. Functions take a connection and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from storage.engine.by_date import Over
from storage.schema import link


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link. ``used_at`` is also set when a newer link ended it."""

    hash: bytes = field(repr=False)
    id: int
    account_id: int
    user_id: int
    kind: str  # invitation, reset or deletion
    created_at: int
    expires_at: int
    used_at: int | None = None


_COLUMNS = tuple(link.c[name] for name in Link.__slots__)


def add_link(connection: Connection, row: Link) -> None:
    """Insert a link."""
    connection.execute(insert(link).values({name: getattr(row, name) for name in Link.__slots__}))


PASSWORD = ("invitation", "reset")  # kinds that set a password


def find_link(
    connection: Connection, hash_: bytes, at: int, *, kinds: Sequence[str] = PASSWORD
) -> Link | None:
    """The link with this hash, if it can be used for what these kinds are for."""
    row = connection.execute(select(*_COLUMNS).where(*_in_force(hash_, at, kinds))).one_or_none()
    return Link(**row._mapping) if row else None


def use_link(
    connection: Connection, hash_: bytes, at: int, *, kinds: Sequence[str] = PASSWORD
) -> Link | None:
    """Use the link with this hash up; the row as it was, None unless it was in force: of two users of it, one wins."""
    valid = _in_force(hash_, at, kinds)
    if connection.execute(update(link).where(*valid).values(used_at=at)).rowcount != 1:
        return None
    return Link(**connection.execute(select(*_COLUMNS).where(link.c.hash == hash_)).one()._mapping)


def _in_force(hash_: bytes, at: int, kinds: Sequence[str]) -> tuple[Any, ...]:
    return link.c.hash == hash_, link.c.kind.in_(kinds), link.c.used_at.is_(None), link.c.expires_at > at


def end_links(connection: Connection, account_id: int, user_id: int, at: int) -> None:
    """No link of the user works any more."""
    own = (link.c.account_id == account_id, link.c.user_id == user_id, link.c.used_at.is_(None))
    connection.execute(update(link).where(*own).values(used_at=at))


def links_over(before: int) -> Over:
    """Links that ended before then."""
    return Over(link, link.c.expires_at < before)

"""Rows that count attempts to log in, by a keyed hash of what is counted. Functions commit nothing.

Not here: how long who has to wait (``mailhub.access.attempts``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, insert, or_, select, update

from storage.engine.by_date import Over
from storage.schema import login_attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """What is known of one name at one address, one name, or one address. Instants in microseconds, UTC."""

    digest: bytes = field(repr=False)
    failures: int = 0
    last_at: int = 0
    next_at: int = 0
    succeeded_at: int | None = None


_COLUMNS = tuple(login_attempt.c[name] for name in Attempts.__slots__)


def lock_attempts(connection: Connection, digests: Iterable[bytes]) -> Mapping[bytes, Attempts]:
    """The rows of these digests, as far as there are any, locked in key order until the commit (PostgreSQL)."""
    query = select(*_COLUMNS).where(login_attempt.c.digest.in_(sorted(digests)))
    rows = connection.execute(query.order_by(login_attempt.c.digest).with_for_update())
    return {row.digest: Attempts(**row._mapping) for row in rows}


def put_attempts(connection: Connection, row: Attempts, *, known: bool) -> None:
    """Store a row; ``known``: there is one of this digest. IntegrityError when another node was first: run again."""
    values = {name: getattr(row, name) for name in Attempts.__slots__}
    if known:
        connection.execute(update(login_attempt).where(login_attempt.c.digest == row.digest).values(values))
    else:
        connection.execute(insert(login_attempt).values(values))


def attempts_over(*, failed_before: int, succeeded_before: int) -> Over:
    """Rows that say nothing any more."""
    succeeded = login_attempt.c.succeeded_at
    unfamiliar = or_(succeeded.is_(None), succeeded < succeeded_before)
    return Over(login_attempt, and_(login_attempt.c.last_at < failed_before, unfamiliar))

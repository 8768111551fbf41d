"""Rows of requests that may be sent twice, and their answers. Functions take a connection of the caller's transaction.

A row is added in the transaction of the act it stands for, so that it is there exactly when something was
done; the answer follows in a transaction of its own, and is sealed: it may hold personal data, or a password
shown once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from storage.engine.by_date import Over
from storage.schema import idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """Which request this is: whose, where, and what they call it."""

    account_id: int
    actor: str
    route: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What is known of a request that was carried out. ``answer`` None: not what was answered."""

    request: bytes
    answer: bytes | None


def _same(key: RequestKey) -> tuple[Any, ...]:
    return tuple(idempotency.c[name] == getattr(key, name) for name in RequestKey.__slots__)


def find_done(connection: Connection, key: RequestKey, *, since: int) -> Done | None:
    """The request with this key, if it was carried out since then."""
    query = select(idempotency.c.request, idempotency.c.answer).where(
        *_same(key), idempotency.c.created_at >= since
    )
    row = connection.execute(query).one_or_none()
    return Done(request=row.request, answer=row.answer) if row else None


def add_done(connection: Connection, key: RequestKey, request: bytes, *, at: int, since: int) -> bool:
    """Say that the request is carried out in this transaction; False when it was already, since then."""
    connection.execute(delete(idempotency).where(*_same(key), idempotency.c.created_at < since))
    if find_done(connection, key, since=since):
        return False
    values = {name: getattr(key, name) for name in RequestKey.__slots__}
    connection.execute(insert(idempotency).values(**values, request=request, created_at=at))
    return True


def keep_answer(connection: Connection, key: RequestKey, answer: bytes) -> None:
    """Add the answer to a request that was carried out."""
    connection.execute(update(idempotency).where(*_same(key)).values(answer=answer))


def forget_answers(connection: Connection, account_id: int) -> None:
    """Forget what an account's requests were answered, not that they were carried out: for removals."""
    with_answer = (idempotency.c.account_id == account_id, idempotency.c.answer.is_not(None))
    connection.execute(update(idempotency).where(*with_answer).values(answer=None))


def requests_over(before: int) -> Over:
    """Rows from before then."""
    return Over(idempotency, idempotency.c.created_at < before)

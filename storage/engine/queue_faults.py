"""Rows of queues that failed: why, how often, when they are tried again. Gone with the first success.

Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    delete,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from storage.engine.by_date import Over
from storage.schema import erasure, imap_todo, outbox, queue_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFault:
    """One row of a queue that failed. ``item`` is its id there; instants are microseconds since the epoch, UTC."""

    account_id: int
    queue: str
    item: int
    attempts: int
    first_at: int
    next_attempt_at: int
    reason: str


_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_COLUMNS = tuple(queue_fault.c[name] for name in QueueFault.__slots__)


def put_fault(connection: Connection, fault: QueueFault) -> None:
    """Note a failed try, in place of what was known of the row."""
    values = {name: getattr(fault, name) for name in QueueFault.__slots__}
    key = [column.name for column in queue_fault.primary_key]
    add = _INSERT[connection.dialect.name](queue_fault).values(values)
    later = {name: value for name, value in values.items() if name not in key}
    connection.execute(add.on_conflict_do_update(index_elements=key, set_=later))  # nodes may fail alike


def forget_fault(connection: Connection, account_id: int, queue: str, item: int) -> None:
    """The row is done, or is none any more."""
    own = (queue_fault.c.account_id == account_id, queue_fault.c.queue == queue, queue_fault.c.item == item)
    connection.execute(delete(queue_fault).where(*own))


def list_faults(connection: Connection, queue: str) -> Sequence[QueueFault]:
    """All of one queue, of every account."""
    query = select(*_COLUMNS).where(queue_fault.c.queue == queue)
    return [QueueFault(**row._mapping) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A row of any queue that failed and is tried again. ``item`` is its id there, in IMAP the UID of a mail."""

    account_id: int
    queue: str
    item: int
    attempts: int
    next_attempt_at: int
    reason: str


def list_failing(connection: Connection, account_id: int | None, *, limit: int) -> Sequence[Failing]:
    """Rows of every queue that failed and are tried again, those that were tried most first.

    Of one account, or with None of all and of the operator's own. Erasures, the outbox and owed IMAP acts
    keep that in columns of their own.
    """
    queues = (
        _failing(queue_fault, queue_fault.c.queue, "item"),
        _failing(erasure, "erasures", "id").where(
            erasure.c.state.in_(["pending", "held"]), erasure.c.attempts > 0
        ),
        _failing(outbox, "outbox", "id", reason=func.coalesce(outbox.c.reply, "")).where(
            outbox.c.state == literal_column("'queued'"), outbox.c.attempts > 0
        ),
        _failing(imap_todo, "imap", "uid", tries="tries", at="next_at", reason=imap_todo.c.act).where(
            imap_todo.c.tries > 0
        ),
    )
    own = [
        each if account_id is None else each.where(each.selected_columns.account_id == account_id)
        for each in queues
    ]
    rows = union_all(*own).subquery()
    query = select(rows).order_by(rows.c.attempts.desc(), rows.c.account_id, rows.c.item).limit(limit)
    return [Failing(**row._mapping) for row in connection.execute(query)]


def _failing(
    table: Table,
    queue: ColumnElement[str] | str,
    item: str,
    *,
    tries: str = "attempts",
    at: str = "next_attempt_at",
    reason: ColumnElement[str] | None = None,
) -> Select[Any]:
    """The rows of a queue in the shape of ``Failing``."""
    return select(
        table.c.account_id,
        (literal(queue) if isinstance(queue, str) else queue).label("queue"),
        table.c[item].label("item"),
        table.c[tries].label("attempts"),
        table.c[at].label("next_attempt_at"),
        (table.c.reason if reason is None else reason).label("reason"),
    )


def count_faults(connection: Connection) -> int:
    """Of every account."""
    return connection.execute(select(func.count()).select_from(queue_fault)).scalar_one()


def faults_over(before: int) -> Over:
    """Those whose next try is long over: their rows went some other way."""
    return Over(queue_fault, queue_fault.c.next_attempt_at < before)

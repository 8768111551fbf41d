"""Rows of queues that failed: why, how often, when they are tried again. Gone with the first success.

Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from storage.schema import queue_fault


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


_COLUMNS = tuple(queue_fault.c[name] for name in QueueFault.__slots__)


def put_fault(connection: Connection, fault: QueueFault) -> None:
    """Note a failed try, in place of what was known of the row."""
    values = {name: getattr(fault, name) for name in QueueFault.__slots__}
    own = (
        queue_fault.c.account_id == fault.account_id,
        queue_fault.c.queue == fault.queue,
        queue_fault.c.item == fault.item,
    )
    if not connection.execute(update(queue_fault).where(*own).values(values)).rowcount:
        connection.execute(insert(queue_fault).values(values))


def forget_fault(connection: Connection, account_id: int, queue: str, item: int) -> None:
    """The row is done, or is none any more."""
    own = (queue_fault.c.account_id == account_id, queue_fault.c.queue == queue, queue_fault.c.item == item)
    connection.execute(delete(queue_fault).where(*own))


def list_faults(connection: Connection, queue: str) -> Sequence[QueueFault]:
    """All of one queue, of every account."""
    query = select(*_COLUMNS).where(queue_fault.c.queue == queue)
    return [QueueFault(**row._mapping) for row in connection.execute(query)]


def faults_of(connection: Connection, account_id: int, *, limit: int) -> Sequence[QueueFault]:
    """Of one account, those that have waited longest first."""
    query = select(*_COLUMNS).where(queue_fault.c.account_id == account_id).order_by(queue_fault.c.first_at)
    return [QueueFault(**row._mapping) for row in connection.execute(query.limit(limit))]


def count_faults(connection: Connection) -> int:
    """Of every account."""
    return connection.execute(select(func.count()).select_from(queue_fault)).scalar_one()


def sweep_faults(connection: Connection, *, before: int, limit: int) -> int:
    """Forget those whose next try is long over: their rows went some other way. At most ``limit``; how many."""
    old = connection.execute(
        select(queue_fault.c.account_id, queue_fault.c.queue, queue_fault.c.item)
        .where(queue_fault.c.next_attempt_at < before)
        .limit(limit)
    ).all()
    for account_id, queue, item in old:
        forget_fault(connection, account_id, queue, item)
    return len(old)

"""Rows of erasures. Functions take a connection of the caller's transaction and commit nothing.

Durable states of ``erasure.state``: running (a step is under way, or the process was stopped in it), pending
(it waits for ``next_attempt_at`` and goes on by itself), held (a hold forbids it), done (with its receipt).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from storage.schema import erasure

UNDER_WAY = ("running", "pending", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One erasure. ``counts`` are opaque numbers and digests, by name; ``person`` is sealed."""

    account_id: int
    id: int
    node: int
    state: str
    step: str
    position: int
    actor: str
    begun_at: int
    cut_at: int
    person: bytes | None
    commitment: str
    counts: Mapping[str, Any]
    reason: str = ""
    attempts: int = 0
    next_attempt_at: int = 0
    done_at: int | None = None
    receipt: str | None = None
    backups_gone_at: int | None = None
    second_receipt: str | None = None
    copies_deleted: int = 0
    copies_marked: int = 0


def add_erasure(connection: Connection, row: Erasure) -> None:
    """Insert one."""
    values = {name: getattr(row, name) for name in Erasure.__slots__}
    connection.execute(insert(erasure).values(values | {"counts": json.dumps(row.counts)}))


def change_erasure(connection: Connection, account_id: int, erasure_id: int, **values: Any) -> None:
    """Set columns of one."""
    if "counts" in values:
        values["counts"] = json.dumps(values["counts"], sort_keys=True)
    own = (erasure.c.account_id == account_id, erasure.c.id == erasure_id)
    connection.execute(update(erasure).where(*own).values(**values))


def count_copies(
    connection: Connection, account_id: int, erasure_id: int, *, deleted: int, marked: int
) -> None:
    """Count what became of mails at providers that it asked to delete; by whichever node fetches them."""
    values = {
        "copies_deleted": erasure.c.copies_deleted + deleted,
        "copies_marked": erasure.c.copies_marked + marked,
    }
    own = (erasure.c.account_id == account_id, erasure.c.id == erasure_id)
    connection.execute(update(erasure).where(*own).values(values))


def find_erasure(connection: Connection, account_id: int, erasure_id: int) -> Erasure | None:
    """One, by id."""
    query = select(erasure).where(erasure.c.account_id == account_id, erasure.c.id == erasure_id)
    row = connection.execute(query).one_or_none()
    return _erasure(row) if row else None


def list_erasures(
    connection: Connection, account_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[Erasure]:
    """Of one account, the oldest first."""
    query = select(erasure).where(erasure.c.account_id == account_id, erasure.c.id > after)
    return [_erasure(row) for row in connection.execute(query.order_by(erasure.c.id).limit(limit))]


def list_under_way(connection: Connection, node: int) -> Sequence[Erasure]:
    """Every one that this node has not finished, of all accounts, the oldest first."""
    query = select(erasure).where(erasure.c.node == node, erasure.c.state.in_(UNDER_WAY))
    return [_erasure(row) for row in connection.execute(query.order_by(erasure.c.id))]


def list_due(connection: Connection, node: int, *, now: int) -> Sequence[Erasure]:
    """Those of this node, of all accounts, that may go on now, the oldest first."""
    mine = (erasure.c.node == node, erasure.c.state.in_(UNDER_WAY), erasure.c.next_attempt_at <= now)
    return [_erasure(row) for row in connection.execute(select(erasure).where(*mine).order_by(erasure.c.id))]


def list_in_backups(connection: Connection) -> Sequence[Erasure]:
    """Every one that is done while a backup that held the person may be left, of all accounts, the oldest first."""
    query = select(erasure).where(erasure.c.state == "done", erasure.c.backups_gone_at.is_(None))
    return [_erasure(row) for row in connection.execute(query.order_by(erasure.c.id))]


def settle_backups(connection: Connection, account_id: int, erasure_id: int, *, at: int) -> bool:
    """No backup holds the person any more; False when that is known already."""
    own = (
        erasure.c.account_id == account_id,
        erasure.c.id == erasure_id,
        erasure.c.backups_gone_at.is_(None),
    )
    return connection.execute(update(erasure).where(*own).values(backups_gone_at=at)).rowcount == 1


def drop_under_way(connection: Connection) -> int:
    """Delete those that are not done; how many. For a restored database, which has not the keys they need."""
    return connection.execute(delete(erasure).where(erasure.c.state.in_(UNDER_WAY))).rowcount


def _erasure(row: Any) -> Erasure:
    values = dict(row._mapping)
    return Erasure(**values | {"counts": json.loads(values["counts"])})

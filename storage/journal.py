"""The append-only record of acts: who did what to which object, with opaque ids and words only, enough to undo it.

Durable state: table journal, numbered 1, 2, ... for each account and node without a gap; a node's writer alone appends
to its part. Erasing a person never touches it, so no address, name or text may get into ``detail``.
Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from .schema import journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One act. ``object`` is ``ticket:ID`` and the like; ``at`` in microseconds since the epoch."""

    node: int
    sequence: int
    at: int
    actor: str
    verb: str
    object: str
    detail: Mapping[str, Any]


def append(
    connection: Connection,
    account_id: int,
    node: int,
    *,
    at: int,
    actor: str,
    verb: str,
    object_: str,
    detail: Mapping[str, Any],
) -> int:
    """Record an act; its sequence number."""
    last = select(func.max(journal.c.sequence)).where(journal.c.account_id == account_id, journal.c.node == node)
    sequence = (connection.execute(last).scalar_one() or 0) + 1
    row = {"at": at, "actor": actor, "verb": verb, "object": object_, "detail": _text(detail)}
    connection.execute(insert(journal).values(account_id=account_id, node=node, sequence=sequence, **row))
    return sequence


def append_all(
    connection: Connection,
    account_id: int,
    node: int,
    acts: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    at: int,
    actor: str,
    verb: str,
) -> None:
    """Record one kind of act on many objects, (object, detail) each, in two statements."""
    last = select(func.max(journal.c.sequence)).where(journal.c.account_id == account_id, journal.c.node == node)
    first = (connection.execute(last).scalar_one() or 0) + 1
    common = {"account_id": account_id, "node": node, "at": at, "actor": actor, "verb": verb}
    rows = [
        common | {"sequence": first + place, "object": object_, "detail": _text(detail)}
        for place, (object_, detail) in enumerate(acts)
    ]
    if rows:
        connection.execute(insert(journal), rows)


def _text(detail: Mapping[str, Any]) -> str:
    return json.dumps(detail, separators=(",", ":"), sort_keys=True)


def of_object(connection: Connection, account_id: int, object_: str) -> Sequence[Entry]:
    """All acts on one object, oldest first."""
    query = select(journal).where(journal.c.account_id == account_id, journal.c.object == object_)
    rows = connection.execute(query.order_by(journal.c.at, journal.c.node, journal.c.sequence))
    return [_entry(row) for row in rows]


def find_last(connection: Connection, account_id: int, object_: str, verb: str) -> Entry | None:
    """The latest act of this kind on the object."""
    query = select(journal).where(
        journal.c.account_id == account_id, journal.c.object == object_, journal.c.verb == verb
    )
    latest = query.order_by(journal.c.at.desc(), journal.c.node.desc(), journal.c.sequence.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    return _entry(row) if row else None


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        node=row.node,
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        verb=row.verb,
        object=row.object,
        detail=json.loads(row.detail),
    )

"""Rows that are over by their dates, as a value, and how they are found and deleted: in the order of their keys, so that
one that cannot be deleted is passed over. Any table, whatever its key is. Commits nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, select, tuple_

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """The rows of one table for which the condition holds."""

    table: Table
    condition: ColumnElement[bool]


def old_keys(connection: Connection, over: Over, *, after: Key | None, limit: int) -> Sequence[Key]:
    """Primary keys of rows that are over, in order, from the one after ``after``."""
    columns = [*over.table.primary_key.columns]
    query = select(*columns).where(over.condition).order_by(*columns).limit(limit)
    if after is not None:
        query = query.where(tuple_(*columns) > tuple_(*after))
    return [tuple(row) for row in connection.execute(query)]


def delete_keys(connection: Connection, over: Over, keys: Sequence[Key]) -> int:
    """Delete rows by their keys, unless they are over no more; how many went."""
    columns = [*over.table.primary_key.columns]
    chosen = columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)
    return connection.execute(delete(over.table).where(chosen, over.condition)).rowcount


def item_of(over: Over, key: Key) -> int:
    """What a queue calls a row whose key is no number: 63 bits that tell nothing of it."""
    digest = sha256(repr((over.table.name, key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1

"""Every text of an account, whatever the catalogue says of it: for the witness, who believes no list.

Read page by page, by primary key. Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, Text, select, tuple_

from storage.schema import metadata

Key = tuple[Any, ...]
READ_ELSEWHERE = frozenset({"raw"})  # compressed: the witness reads messages as such


@dataclass(frozen=True, slots=True)
class Written:
    """What a row says: its key, and (column, value) of what is not NULL, text or bytes."""

    key: Key
    values: Sequence[tuple[str, str | bytes]]


@cache
def texts_of_accounts() -> Sequence[Table]:
    """Every table of an account that holds text or bytes."""
    return [
        table
        for table in metadata.sorted_tables
        if "account_id" in table.c and table.name not in READ_ELSEWHERE and _columns(table)
    ]


def written_after(
    connection: Connection, table: Table, account_id: int, after: Key | None, limit: int
) -> Sequence[Written]:
    """The next rows of an account's table."""
    key = list(table.primary_key.columns)
    columns = _columns(table)
    query = (
        select(*key, *(table.c[name].label(f"value_{name}") for name in columns)).order_by(*key).limit(limit)
    )
    query = query.where(table.c.account_id == account_id)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))

    return [
        Written(
            tuple(row[: len(key)]),
            [
                (name, value)
                for name, value in zip(columns, row[len(key) :], strict=True)
                if value is not None
            ],
        )
        for row in connection.execute(query)
    ]


def _columns(table: Table) -> list[str]:
    return [column.name for column in table.columns if isinstance(column.type, Text | LargeBinary)]

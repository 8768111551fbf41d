"""Columns that hold personal data, as the catalogue says, whatever the table: read page by page, changed by key.

So a table that is added later is searched and redacted without a word about it elsewhere. Functions take a
connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    delete,
    select,
    tuple_,
    update,
)

from storage.schema import metadata

__all__ = [
    "Found",
    "Key",
    "Table",
    "change_row",
    "delete_row",
    "everything",
    "identifies",
    "rows_after",
    "spoken_of",
]

Key = tuple[Any, ...]
SPOKEN = ("name", "email", "address", "content")  # categories that can name a person
OUR_PEOPLE = frozenset(
    {"user", "api_token", "session", "second_factor", "login_attempt"}
)  # users, not contacts


@dataclass(frozen=True, slots=True)
class Found:
    """One row: its primary key, and the values asked for that are not NULL."""

    key: Key
    values: Mapping[str, Any]


@cache
def spoken_of() -> Sequence[tuple[Table, tuple[str, ...]]]:
    """Tenants' tables with the text columns that may name a contact."""
    found = []
    for table in metadata.sorted_tables:
        named = tuple(
            c.name for c in table.columns if isinstance(c.type, Text) and c.info["personal"] in SPOKEN
        )
        if named and next(iter(table.columns)).name == "account_id" and table.name not in OUR_PEOPLE:
            found.append((table, named))
    return found


@cache
def everything() -> Sequence[tuple[Table, tuple[str, ...]]]:
    """Every table with all its columns of text or bytes."""
    found = []
    for table in metadata.sorted_tables:
        named = tuple(c.name for c in table.columns if isinstance(c.type, Text | LargeBinary))
        if named:
            found.append((table, named))
    return found


def rows_after(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    after: Key | None,
    limit: int,
    account: int | None,
) -> Sequence[Found]:
    """The next rows by primary key, of one account or of all."""
    key = _key(table)
    query = (
        select(*key, *(table.c[name].label(f"value_{name}") for name in columns)).order_by(*key).limit(limit)
    )
    if account is not None:
        query = query.where(table.c.account_id == account)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))

    return [
        Found(
            tuple(row[: len(key)]),
            {name: value for name, value in zip(columns, row[len(key) :], strict=True) if value is not None},
        )
        for row in connection.execute(query)
    ]


def change_row(connection: Connection, table: Table, key: Key, values: Mapping[str, Any]) -> None:
    """Set columns of one row."""
    connection.execute(update(table).where(*_is(table, key)).values(**values))


def delete_row(connection: Connection, table: Table, key: Key) -> None:
    """Delete one row."""
    connection.execute(delete(table).where(*_is(table, key)))


def identifies(table: Table, column: str) -> bool:
    """Whether the column is part of the primary key or of a unique one, so that two rows cannot get the same value."""
    unique = [each.columns for each in table.indexes if each.unique]
    unique += [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    return column in table.primary_key.columns or any(column in columns for columns in unique)


def _key(table: Table) -> list[Column[Any]]:
    return list(table.primary_key.columns)


def _is(table: Table, key: Key) -> list[Any]:
    return [column == value for column, value in zip(_key(table), key, strict=True)]

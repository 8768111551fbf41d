"""What the rolling key file carries, read in one transaction: rows that no backup holds, and the stages of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, select

from storage.backups.backups import find_recovery_key
from storage.schema import (
    account,
    backup,
    backup_target,
    person_key,
    person_tombstone,
    recovery_key,
    redaction,
    tombstone,
)

CARRIED: tuple[Table, ...] = (
    person_key,
    tombstone,
    person_tombstone,
    redaction,
    backup,
    backup_target,
    recovery_key,
)
STAGES = (
    "id",
    "stage",
    "stage_entered_at",
    "stage_reason",
    "stage_before",
    "term_began_at",
    "deletion_asked_at",
)


def recovery_public(connection: Connection) -> bytes | None:
    """The public half of the operator's recovery key; None when none was made."""
    return find_recovery_key(connection)


def carried(connection: Connection) -> Iterator[tuple[str, list[str], Sequence[Sequence[Any]]]]:
    """(table, columns, rows) of each, a contact's key among them only while it is in force."""
    for table in CARRIED:
        rows = connection.execute(select(table)).all()
        yield table.name, list(table.columns.keys()), [tuple(row) for row in rows]
    stages = connection.execute(select(*(account.c[name] for name in STAGES))).all()
    yield "account", list(STAGES), [tuple(row) for row in stages]

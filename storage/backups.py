"""The ledger of backups, and the public half of the operator's recovery key. Needs transactions of its callers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from .schema import backup, recovery_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup as the ledger has it; what is None is not known yet."""

    id: int
    name: str
    targets: tuple[str, ...]
    made_at: int
    expires_at: int
    finished_at: int | None
    gone_at: int | None
    digest: bytes | None
    counts: Mapping[str, int] | None


def _of(row: Row[Any]) -> Backup:
    values = dict(row._mapping)
    counts = values["counts"]
    return Backup(**values | {"targets": tuple(json.loads(values["targets"])), "counts": counts and json.loads(counts)})


def add_backup(connection: Connection, row: Backup) -> None:
    """Enter a backup that is being made: before its first byte is written."""
    connection.execute(insert(backup).values(to_row(row)))


def to_row(row: Backup) -> dict[str, Any]:
    """The row as the table has it."""
    names = ("id", "name", "made_at", "expires_at", "finished_at", "gone_at", "digest")
    counts = None if row.counts is None else json.dumps(row.counts)
    return {name: getattr(row, name) for name in names} | {"targets": json.dumps(row.targets), "counts": counts}


def finish(connection: Connection, id_: int, *, at: int, digest: bytes, counts: Mapping[str, int]) -> None:
    """It is whole at every target."""
    values = {"finished_at": at, "digest": digest, "counts": json.dumps(counts)}
    connection.execute(update(backup).where(backup.c.id == id_).values(values))


def mark_gone(connection: Connection, id_: int, *, at: int) -> None:
    """It is deleted at every target."""
    connection.execute(update(backup).where(backup.c.id == id_).values(gone_at=at))


def drop_unfinished(connection: Connection, id_: int) -> None:
    """It never became whole, and nothing of it is left."""
    connection.execute(delete(backup).where(backup.c.id == id_, backup.c.finished_at.is_(None)))


def list_backups(connection: Connection) -> Sequence[Backup]:
    """Every backup that is whole and there, oldest first."""
    query = select(backup).where(backup.c.finished_at.is_not(None), backup.c.gone_at.is_(None))
    return [_of(row) for row in connection.execute(query.order_by(backup.c.made_at))]


def unfinished(connection: Connection) -> Sequence[Backup]:
    """Backups that are being made, or whose making was cut short."""
    return [_of(row) for row in connection.execute(select(backup).where(backup.c.finished_at.is_(None)))]


def holding(connection: Connection, *, before: int) -> Sequence[Backup]:
    """Backups, also one in the making, that hold what was there before an instant: older, or equal."""
    query = select(backup).where(backup.c.made_at <= before, backup.c.gone_at.is_(None))
    return [_of(row) for row in connection.execute(query.order_by(backup.c.made_at))]


def gone_at(connection: Connection, ids: Collection[int]) -> Mapping[int, int]:
    """When these went, by id; one that never became whole is absent."""
    query = select(backup.c.id, backup.c.gone_at).where(backup.c.id.in_(ids), backup.c.gone_at.is_not(None))
    return {row.id: row.gone_at for row in connection.execute(query)}


def set_recovery_key(connection: Connection, public: bytes, *, at: int) -> None:
    """Keep the public half of the recovery key, in place of an earlier one."""
    connection.execute(delete(recovery_key))
    connection.execute(insert(recovery_key).values(name="operator", public=public, made_at=at))


def find_recovery_key(connection: Connection) -> bytes | None:
    """The public half of the recovery key; None when none was made."""
    found: bytes | None = connection.execute(select(recovery_key.c.public)).scalar_one_or_none()
    return found

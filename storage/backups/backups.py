"""The ledger of backups, and the public half of the operator's recovery key. Needs transactions of its callers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from storage.schema import backup, recovery_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """One backup as the ledger has it; what is None is not known yet."""

    id: int
    name: str
    targets: tuple[str, ...]
    made_at: int
    expires_at: int
    node: int | None = 0
    begun_at: int | None = None
    rows_done: int | None = None
    rows_total: int | None = None
    bytes_done: int | None = None
    finished_at: int | None = None
    failed_at: int | None = None
    failure: str | None = None
    gone_at: int | None = None
    digest: bytes | None = None
    counts: Mapping[str, int] | None = None

    @property
    def state(self) -> str:
        """waiting, running, whole, partial (some target lacks it), failed or gone."""
        if self.gone_at is not None and self.finished_at is not None:
            return "gone"
        if self.failed_at is not None:
            return "failed"
        if self.finished_at is None:
            return "waiting" if self.begun_at is None else "running"
        return "whole" if self.failure is None else "partial"


_UNFINISHED = (backup.c.finished_at.is_(None), backup.c.failed_at.is_(None))


def _of(row: Row[Any]) -> Backup:
    values = dict(row._mapping)
    counts = values["counts"]
    return Backup(
        **values | {"targets": tuple(json.loads(values["targets"])), "counts": counts and json.loads(counts)}
    )


def add_backup(connection: Connection, row: Backup) -> None:
    """Enter a backup that is being made: before its first byte is written."""
    connection.execute(insert(backup).values(to_row(row)))


def to_row(row: Backup) -> dict[str, Any]:
    """The row as the table has it."""
    counts = None if row.counts is None else json.dumps(row.counts)
    plain = {name: getattr(row, name) for name in Backup.__slots__}
    return plain | {"targets": json.dumps(row.targets), "counts": counts}


def begin(connection: Connection, id_: int, *, at: int, expires_at: int) -> None:
    """Its snapshot is about to be taken."""
    _change(connection, id_, made_at=at, begun_at=at, expires_at=expires_at)


def note_progress(connection: Connection, id_: int, *, rows: int, of: int, file_bytes: int) -> None:
    """How far it is."""
    _change(connection, id_, rows_done=rows, rows_total=of, bytes_done=file_bytes)


def finish(
    connection: Connection,
    id_: int,
    *,
    at: int,
    targets: Sequence[str],
    failure: str | None,
    digest: bytes,
    counts: Mapping[str, int],
) -> None:
    """It is whole at these targets; ``failure`` says why not at others."""
    values = {
        "targets": json.dumps(targets),
        "failure": failure,
        "digest": digest,
        "counts": json.dumps(counts),
    }
    _change(connection, id_, finished_at=at, **values)


def fail(connection: Connection, id_: int, *, at: int, failure: str) -> None:
    """Its making failed, for the reason that is told."""
    connection.execute(
        update(backup).where(backup.c.id == id_, *_UNFINISHED).values(failed_at=at, failure=failure)
    )


def _change(connection: Connection, id_: int, **values: Any) -> None:
    connection.execute(update(backup).where(backup.c.id == id_).values(values))


def mark_gone(connection: Connection, id_: int, *, at: int) -> None:
    """Nothing of it is left at any target."""
    _change(connection, id_, gone_at=at)


def forget_failed(connection: Connection, *, before: int) -> None:
    """Drop the rows of failed ones of which nothing is left, when their term is over."""
    over = (backup.c.failed_at.is_not(None), backup.c.gone_at.is_not(None), backup.c.expires_at <= before)
    connection.execute(delete(backup).where(*over))


def list_backups(connection: Connection) -> Sequence[Backup]:
    """Every backup that is whole and there, oldest first."""
    query = select(backup).where(backup.c.finished_at.is_not(None), backup.c.gone_at.is_(None))
    return [_of(row) for row in connection.execute(query.order_by(backup.c.made_at))]


def list_all(connection: Connection, *, after: int = 0) -> Sequence[Backup]:
    """Every backup but the expired, by id: those in the making and those that failed among them."""
    query = select(backup).where(
        or_(backup.c.gone_at.is_(None), backup.c.finished_at.is_(None)), backup.c.id > after
    )
    return [_of(row) for row in connection.execute(query.order_by(backup.c.id))]


def find_backup(connection: Connection, id_: int) -> Backup | None:
    """The backup with this id."""
    row = connection.execute(select(backup).where(backup.c.id == id_)).one_or_none()
    return None if row is None else _of(row)


def find_unfinished(connection: Connection, node: int) -> Backup | None:
    """The one that this node is to make, is making, or whose making was cut off."""
    own = func.coalesce(backup.c.node, node) == node
    row = connection.execute(
        select(backup).where(*_UNFINISHED, own).order_by(backup.c.id).limit(1)
    ).one_or_none()
    return None if row is None else _of(row)


def failed_with_remains(connection: Connection) -> Sequence[Backup]:
    """Those that failed and of which something may be left at a target."""
    query = select(backup).where(backup.c.failed_at.is_not(None), backup.c.gone_at.is_(None))
    return [_of(row) for row in connection.execute(query)]


def targets_in_use(connection: Connection) -> frozenset[str]:
    """Directories at which backups must be lying."""
    return frozenset(target for row in list_backups(connection) for target in row.targets)


def holding(connection: Connection, *, before: int) -> Sequence[Backup]:
    """Backups, also one in the making, that hold what was there before an instant: older, or equal."""
    query = select(backup).where(backup.c.made_at <= before, backup.c.gone_at.is_(None))
    return [_of(row) for row in connection.execute(query.order_by(backup.c.made_at))]


def gone_at(connection: Connection, ids: Collection[int]) -> Mapping[int, int]:
    """When these went, by id; one that is there, or failed long ago, is absent."""
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

"""A plain consistent copy of the database, until the real backups come. Durable state: the file it is asked to write.

SQLite: the backup API in one step, which is one snapshot (a step by step copy begins anew at every commit beside it, so
under load it would never end); in WAL mode it holds up no writer. The copy is complete or not there.
PostgreSQL: pg_dump is the tool, and the command says so.
"""

from __future__ import annotations

import os
from pathlib import Path

import pysqlite3.dbapi2 as sqlite

from .database import Database
from .errors import StorageError

ALL_PAGES = -1


class NotHere(StorageError):
    """This engine is copied with its own tool."""

    temporary = False


def copy_to(database: Database, path: Path) -> int:
    """Copy a SQLite database to a new file, mode 0600, synced; its size in bytes. Leaves nothing half-written."""
    if not database.is_sqlite or database.url.database is None:
        raise NotHere("on PostgreSQL use its own tool: pg_dump --format=custom")
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        _copy(database.url.database, part)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return path.stat().st_size


def _copy(source: str, target: Path) -> None:
    reading, writing = sqlite.connect(source), sqlite.connect(target)
    try:
        reading.backup(writing, pages=ALL_PAGES)
        writing.commit()
    finally:
        writing.close()
        reading.close()
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

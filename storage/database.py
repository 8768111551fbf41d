"""Open the database: SQLite in one file, or PostgreSQL. The only place that knows how the two engines are set up.

Durable states: the database file, its ``-wal`` and ``-shm`` (SQLite, WAL, synchronous=FULL: NORMAL lost 16 of 1,011
acknowledged rows in a simulated power cut, FULL none); the server's own (PostgreSQL).
Everything that writes goes through ``writer.Writer``; ``Database.read`` gives connections that cannot write.
Not here: DDL (``migrations/``), queries.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from .errors import answering, opening

__all__ = ["Connection", "Database"]

BUSY_TIMEOUT_MS = 5_000  # how long a statement waits for another process before it is a temporary error
READ_TIMEOUT_MS = 30_000  # a reader older than this would block a truncating checkpoint

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",  # a temporary file would be one more place to erase
    "PRAGMA cache_size=-65536",
    "PRAGMA mmap_size=0",  # a truncated mapped file would be a SIGBUS
)

_OLD_SNAPSHOTS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
    " AND datname = current_database() AND backend_type = 'client backend'"
)


class Database:
    """An open database. ``url`` is a SQLAlchemy URL, or a path, which means SQLite; StorageError if it is neither."""

    def __init__(self, url: str | Path) -> None:
        with opening():
            self.url = _url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            self.writing = self._engine(read_only=False)
            self._reading = self._engine(read_only=True)

    def _engine(self, *, read_only: bool) -> Engine:
        make = _sqlite_engine if self.is_sqlite else _postgresql_engine
        engine = make(self.url, read_only=read_only)
        _say_savepoints_plainly(engine)
        return engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in one read-only snapshot; refuses every write. Keep it short: it holds back checkpoints."""
        with answering(), self._reading.connect() as connection, connection.begin():
            yield connection

    def empty_log(self) -> bool:
        """Write the write-ahead log into the database and cut it to nothing; False while an open reader needs it.

        SQLite only, True elsewhere. Waits for nobody: whoever waited here would hold up the writer.
        """
        if not self.is_sqlite or self.url.database is None:
            return True
        connection = sqlite.connect(self.url.database, timeout=0, isolation_level=None)
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")  # the long part, beside the writer
            busy, left, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite.OperationalError:  # the writer is in a turn
            return False
        finally:
            connection.close()
        return bool(not busy and left <= 0)

    def vacuum(self) -> bool:
        """PostgreSQL: drop dead rows and what statistics say of them; False while a reader still sees them."""
        if self.is_sqlite:
            return True
        with self.writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (ANALYZE)")
            return bool(connection.exec_driver_sql(_OLD_SNAPSHOTS).scalar_one() == 0)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """``read`` for a backup: one snapshot on PostgreSQL, too, for as many statements as it takes.

        While it is open no truncating checkpoint comes through (SQLite), and no vacuum removes what it may see.
        """
        with answering(), self._reading.connect() as connection:
            if not self.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close every pooled connection. The database itself needs no goodbye."""
        self._reading.dispose()
        self.writing.dispose()


def _url(url: str | Path) -> URL:
    if isinstance(url, Path):
        return URL.create("sqlite", database=str(url))
    return make_url(url)


def _sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    engine = create_engine(
        url,
        module=sqlite,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin behind our back: savepoints and DDL need it
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(url: URL, *, read_only: bool) -> Engine:
    waiting = f"-c lock_timeout={BUSY_TIMEOUT_MS}"  # else one lock of an administrator holds the writer for ever
    reading = f"-c statement_timeout={READ_TIMEOUT_MS} -c default_transaction_read_only=on"
    options = f"{waiting} {reading}" if read_only else waiting
    return create_engine(url, hide_parameters=True, connect_args={"options": options}, pool_pre_ping=True)


def _say_savepoints_plainly(engine: Engine) -> None:
    """SQLAlchemy compiles these three statements anew each time, which takes 40 us each; the names are its own."""
    for method, words in (
        ("do_savepoint", "SAVEPOINT"),
        ("do_release_savepoint", "RELEASE SAVEPOINT"),
        ("do_rollback_to_savepoint", "ROLLBACK TO SAVEPOINT"),
    ):

        def say(connection: Connection, name: str, words: str = words) -> None:
            connection.exec_driver_sql(f"{words} {name}")

        setattr(engine.dialect, method, say)

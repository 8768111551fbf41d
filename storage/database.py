"""Open the database: SQLite in one file, or PostgreSQL. The only place that knows how the two engines are set up.

Durable states: the database file, its ``-wal`` and ``-shm`` (SQLite, WAL, synchronous=FULL: NORMAL lost 16 of 1,011
acknowledged rows in a simulated power cut, FULL none); the server's own (PostgreSQL).
Everything that writes goes through ``writer.Writer``; ``Database.read`` gives connections that cannot write.
A database that was watched (``watch``) and is not the one that was opened any more is refused from then on: ``Gone``.
Not here: DDL (``migrations/``), queries.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import pysqlite3.dbapi2 as sqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from storage.engine.hints import write_hints
from storage.engine.open_files import WatchedFiles
from storage.engine.same_server import SameServer
from storage.errors import Gone, StorageError, answering, opening

__all__ = ["Connection", "Database"]

BUSY_TIMEOUT_MS = 5_000  # how long a statement waits for another process before it is a temporary error
READ_TIMEOUT_MS = 30_000  # a reader older than this would block a truncating checkpoint

TICK_STEPS = 10_000  # of SQLite's virtual machine between two looks at the clock: about a millisecond
# of a reading connection, by the monotonic clock
_SECONDS = "statement_seconds"
_ENDS_AT = "statement_ends_at"

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",  # a temporary file would be one more place to erase
    "PRAGMA cache_size=-32768",  # KiB, of the one writer
    "PRAGMA mmap_size=0",  # a truncated mapped file would be a SIGBUS
)
READER_CACHE = (
    "PRAGMA cache_size=-8192"  # KiB, for each of some ten readers: what a large mail leaves there stays
)

WITH_FILES = (
    "Before this process ends, bring the files back under their names, or copy out of /proc/PID/fd those that are"
    " marked (deleted): they hold what was acknowledged. Then restart mailhub"
)
WITH_A_SERVER = "See which data the server behind storage.url serves, then restart mailhub"

_OLD_SNAPSHOTS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
    " AND datname = current_database() AND backend_type = 'client backend'"
)

log = logging.getLogger("mailhub.database")


class Database:
    """An open database. ``url`` is a SQLAlchemy URL, or a path, which means SQLite; StorageError if it is neither."""

    def __init__(self, url: str | Path) -> None:
        with opening():
            self.url = _url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            self.writing = self._engine(read_only=False)
            self._reading = self._engine(read_only=True)
        self._anchor: sqlite.Connection | None = (
            None  # keeps the files open, so that no others come to be made
        )
        self._watched: WatchedFiles | None = None
        self._server: SameServer | None = None
        self._fault = ""

    def within(self, seconds: float) -> Database:
        """The same database for those whose every question may take so long and no longer: ``TookTooLong`` then.

        What reads for long on purpose (jobs, backups) asks this one.
        """
        return _Within(self, seconds)

    def _engine(self, *, read_only: bool) -> Engine:
        make = _sqlite_engine if self.is_sqlite else _postgresql_engine
        engine = make(self.url, read_only=read_only)
        event.listen(engine, "connect", self._connected, insert=True)  # before anything is written by it
        _say_savepoints_plainly(engine)
        return engine

    def _connected(self, connection: Any, _record: Any) -> None:
        """A new connection may lead to another database than those before it."""
        if self._server is not None and (fault := self._server.compare(connection)):
            self._give_up(fault)
        self.require_same()

    # --- the database that was opened ---------------------------------------------------------------------------------

    def file_paths(self) -> tuple[Path, ...]:
        """The database and its log, where they are files; nobody but the engine may open them."""
        if not self.is_sqlite or self.url.database in (None, "", ":memory:"):
            return ()
        main = Path(str(self.url.database)).absolute()
        return main, main.with_name(main.name + "-wal"), main.with_name(main.name + "-shm")

    def watch(self) -> None:
        """From here on a database that is not this one any more is refused. ``StorageError`` when there is none."""
        if not self.is_sqlite:
            self._watch_server()
        elif self.file_paths() and self._anchor is None:
            self._watch_files()

    def _watch_server(self) -> None:
        self._server = SameServer()
        with opening(), self.writing.connect() as connection:
            self._server.compare(connection.connection.dbapi_connection)

    def _watch_files(self) -> None:
        try:
            self._anchor = sqlite.connect(self.url.database, isolation_level=None, check_same_thread=False)
            self._anchor.execute(
                "SELECT count(*) FROM sqlite_schema"
            ).fetchone()  # now all its files are there
            self._watched = WatchedFiles(self.file_paths()[0])
        except (sqlite.Error, OSError) as error:
            raise StorageError(f"the database cannot be opened: {error}") from error

    def require_same(self) -> None:
        """Raise ``Gone`` if the database is not the one that was opened: asked in each turn, and before each answer."""
        if not self._fault and self._watched is not None and (lost := _lost(self._watched)):
            self._give_up(
                f"{', '.join(map(str, lost))} was renamed, deleted or replaced while mailhub ran",
                self._watched,
            )
        if self._fault:
            raise Gone(self._fault)

    def look(self) -> None:
        """``require_same``, and what is too dear for each turn; to be called each second, by one thread."""
        self.require_same()
        if self._watched is not None and self._watched.is_overwritten():
            self._give_up(f"another program wrote over {self.file_paths()[0]} while mailhub ran")
        if self._server is not None:
            with answering(), self._reading.connect() as connection:
                self._server.note(connection.connection.dbapi_connection)
        self.require_same()

    def _give_up(self, fault: str, lost: WatchedFiles | None = None) -> None:
        cure = WITH_FILES if self.is_sqlite else WITH_A_SERVER
        self._fault = f"{fault}: no mail is taken any more. {cure}"
        if lost is not None:
            self._save_log(lost)
        log.critical("the database is not the one that was opened", extra={"fault": self._fault})

    def _save_log(self, watched: WatchedFiles) -> None:
        """What was acknowledged and stands in a log that lost its name goes into the database, if that kept its own."""
        if self._anchor is None or not watched.can_save_log():
            return
        try:
            self._anchor.execute("PRAGMA wal_checkpoint(FULL)")
        except sqlite.Error as error:
            log.warning("the log could not be saved", extra={"error": type(error).__name__})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in one read-only snapshot; refuses every write. Keep it short: it holds back checkpoints."""
        if self._fault:
            raise Gone(self._fault)
        with answering(), self._reading.connect() as connection, connection.begin():
            yield connection

    def empty_log(self) -> bool:
        """Write the write-ahead log into the database and cut it to nothing; False while an open reader needs it.

        SQLite only, True elsewhere. Waits for nobody: whoever waited here would hold up the writer.
        """
        if not self.is_sqlite or self.url.database is None:
            return True

        self.require_same()  # else SQLite would make an empty file where the lost one is to be brought back
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
        """Close every connection. The database itself needs no goodbye."""
        self._reading.dispose()
        self.writing.dispose()
        if self._anchor is not None:
            self._anchor.close()
            self._anchor = self._watched = None


class _Within(Database):
    """A database whose readers have a deadline. All else is the whole one's: connections, and whether it is gone."""

    def __init__(self, whole: Database, seconds: float) -> None:
        self._whole = whole
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._whole.read() as connection, _deadline(connection, self._seconds):
            yield connection

    def watch(self) -> None:
        self._whole.watch()

    def require_same(self) -> None:
        self._whole.require_same()

    def look(self) -> None:
        self._whole.look()

    def close(self) -> None:
        self._whole.close()


@contextmanager
def _deadline(connection: Connection, seconds: float) -> Iterator[None]:
    """Cut off each statement that takes longer, while this lasts."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}")
        yield  # the transaction's end takes it back
        return

    connection.info[_SECONDS] = seconds
    try:
        yield
    finally:
        connection.info[_SECONDS] = inf
        connection.info[_ENDS_AT] = inf


def _keep_deadlines(engine: Engine) -> None:
    """SQLite: look, every ``TICK_STEPS`` of a reader's work, whether its statement's time is over (progress handler).

    What the full-text index does inside of itself makes no steps: a search is bounded before it runs.
    """

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        info = record.info
        info[_SECONDS] = info[_ENDS_AT] = inf
        connection.set_progress_handler(lambda: time.monotonic() >= info[_ENDS_AT], TICK_STEPS)

    @event.listens_for(engine, "before_cursor_execute")
    def _begin_statement(connection: Connection, *_: Any) -> None:
        connection.info[_ENDS_AT] = time.monotonic() + connection.info[_SECONDS]


def _lost(watched: WatchedFiles) -> tuple[Path, ...]:
    """A disk that does not answer for a moment has lost nothing yet; meanwhile nothing is acknowledged."""
    try:
        return watched.lost()
    except OSError as error:
        raise StorageError(f"the database's files cannot be looked at: {error.strerror}") from error


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
    write_hints(engine)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = (
            None  # the driver must not begin behind our back: savepoints and DDL need it
        )
        cursor = connection.cursor()
        for pragma in _SQLITE_PRAGMAS:
            cursor.execute(pragma)
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
            cursor.execute(READER_CACHE)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    if read_only:
        _keep_deadlines(engine)
    return engine


def _postgresql_engine(url: URL, *, read_only: bool) -> Engine:
    waiting = (
        f"-c lock_timeout={BUSY_TIMEOUT_MS}"  # else one lock of an administrator holds the writer for ever
    )
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

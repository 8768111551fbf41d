"""The files of an open database are read without being opened, and a database that is another one is refused."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import psycopg
import pytest

from storage.database import Database
from storage.engine.open_files import WatchedFiles, reading
from storage.engine.same_server import SameServer
from storage.errors import Gone, StorageError
from storage.writer import WritingThread

if TYPE_CHECKING:
    from collections.abc import Iterator

TAKES = (
    "import fcntl, sys; file = open(sys.argv[1], 'rb+');"
    "print('free' if not fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB) else '')"
)


def is_locked(path: Path) -> bool:
    """Whether another process is kept from locking the file."""
    done = subprocess.run([sys.executable, "-c", TAKES, str(path)], capture_output=True, check=False)
    return done.returncode != 0


def test_reading_keeps_the_locks_of_the_process(tmp_path: Path) -> None:
    """A file that is open already is read by whatever name, and the process's lock on it stays."""
    path, alias = tmp_path / "locked", tmp_path / "alias"
    path.write_bytes(b"0123456789")
    alias.hardlink_to(path)
    descriptor = os.open(path, os.O_RDWR)
    fcntl.lockf(descriptor, fcntl.LOCK_EX)

    for name in (path, alias):
        with reading(name) as read:
            assert read(4, 3) == b"3456"
        assert is_locked(path)

    os.close(descriptor)
    with reading(path) as read:
        assert read(4, 3) == b"3456"
    assert not is_locked(path)


def test_what_was_deleted_is_still_searched(sqlite_database: Database) -> None:
    """The pages read are those of the file: also those that are free, and those that stand in the log alone."""
    writer = WritingThread(sqlite_database)
    writer.start()
    writer.run(lambda tx: tx.connection.exec_driver_sql("PRAGMA secure_delete=OFF").fetchall())
    writer.run(lambda tx: tx.connection.exec_driver_sql("CREATE TABLE t (x)"))
    writer.run(lambda tx: tx.connection.exec_driver_sql("INSERT INTO t SELECT 'canary' || zeroblob(9000)"))
    writer.run(lambda tx: tx.connection.exec_driver_sql("DELETE FROM t"))
    assert any(b"canary" in content(path) for path in sqlite_database.file_paths())
    assert sqlite_database.empty_log()
    assert b"canary" in content(sqlite_database.file_paths()[0])
    writer.close()


def test_a_disk_that_does_not_say_is_no_loss(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the names cannot be looked at every turn fails; afterwards the writer goes on, and a loss is final."""
    writer = WritingThread(sqlite_database)
    writer.start()
    with monkeypatch.context() as silent, pytest.raises(StorageError, match="cannot be looked at") as refused:
        silent.setattr(WatchedFiles, "lost", Mock(side_effect=PermissionError(13, "Permission denied")))
        writer.run(lambda tx: tx.new_id())
    assert not isinstance(refused.value, Gone)
    before = writer.run(lambda tx: tx.new_id())

    log = sqlite_database.file_paths()[1]
    log.rename(log.with_name("elsewhere"))
    with pytest.raises(Gone, match="renamed, deleted or replaced"):
        writer.run(lambda tx: tx.new_id())
    log.with_name("elsewhere").rename(log)
    with pytest.raises(Gone, match="renamed, deleted or replaced"):
        writer.run(lambda tx: tx.new_id())
    assert before > 0
    writer.close()


def content(path: Path) -> bytes:
    """All of a file."""
    with reading(path) as read:
        return read(path.stat().st_size, 0)


def test_another_database_of_the_same_name_is_refused(postgresql_database: Database) -> None:
    """Dropped and made again on the same server, it is not the one that was opened: nothing is written there."""
    writer = WritingThread(postgresql_database)
    writer.start()
    name = postgresql_database.url.database
    address = postgresql_database.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as administrator:
        administrator.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        administrator.execute(f'CREATE DATABASE "{name}"'.encode())

    for _ in range(2):  # the first finds the cut connection
        with pytest.raises(Exception, match=r"another database|cannot be written"):
            writer.run(lambda tx: tx.connection.exec_driver_sql("CREATE TABLE t (x integer)"))
    with pytest.raises(Gone, match="another database"):
        postgresql_database.look()
    writer.close()


class Server:
    """A server that says what it is told to say."""

    def __init__(self, identity: Sequence[Any], position: int | None) -> None:
        self.answers: list[Sequence[Any]] = [identity, (position,)]

    @contextmanager
    def cursor(self) -> Iterator[Server]:
        yield self

    def execute(self, query: str) -> None:
        self.asked = "system_identifier" in query

    def fetchone(self) -> Sequence[Any]:
        return self.answers[0 if self.asked else 1]

    def rollback(self) -> None:
        """Nothing was begun."""


@pytest.mark.parametrize(
    ("identity", "position", "said"),
    [
        ((1, 2), 100, ""),
        ((1, 2), 99, "older"),
        ((1, 2), None, ""),
        ((9, 2), 500, "another"),
        ((1, 9), 500, "another"),
    ],
)
def test_a_server_with_older_data_is_not_the_same(
    identity: tuple[int, int], position: int | None, said: str
) -> None:
    """A replica that has every commit is the same database, one that lacks any is not, nor is another cluster."""
    same = SameServer()
    assert same.compare(Server((1, 2), 50)) == ""
    same.note(Server((1, 2), 100))
    assert said in same.compare(Server(identity, position))
    assert bool(same.compare(Server(identity, position))) is bool(said)

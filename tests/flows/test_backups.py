"""Backups and restores by the command line of a real daemon that is killed on the way."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy.engine import URL

from mailhub import house, keys
from mailhub.backups.making import CUT_OFF
from mailhub.backups.restoring import restore
from mailhub.config import Config, Storage
from mailhub.errors import ConfigurationError, InsufficientStorage, Unavailable
from storage.database import Database
from storage.migrate import is_empty
from tests.houses.small_disk import mounted, resize

if TYPE_CHECKING:
    from tests.houses.hub import Hub

MAIL = (
    b"From: kim@customer.example\r\nTo: support@example.com\r\nSubject: zanzibar\r\n"
    b"Message-ID: <z@customer.example>\r\n\r\nhello\r\n"
)


def placed(made: dict[str, Any]) -> Path:
    return Path(str(made["targets"][0]), str(made["name"]))


def cut_off(hub: Hub, made: dict[str, Any], into: Database) -> None:
    """A restore that ended after its transaction, before who was erased since is erased again."""
    file = placed(made)
    root = keys.Keys(keys.load_root(hub.directory))
    restore(file, file.with_name("mailhub.keys"), root, into, lambda _: None)
    into.close()


def test_killed_in_the_middle_it_has_failed(own_hub: Hub) -> None:
    """kill -9 after the spool is written: the row says failed, no half file is left, and the next one is made."""
    own_hub.send(MAIL)
    target = own_hub.directory / "backups"
    target.mkdir(exist_ok=True)
    holding = os.open(target, os.O_RDONLY)
    fcntl.flock(holding, fcntl.LOCK_EX)  # its key file waits for that
    asked = own_hub.json("backup", "create", "--no-wait")
    assert (asked["state"], asked["digest"]) == ("waiting", "")
    part = target / f"{asked['name']}.part"

    def is_spooled() -> bool:
        shown = own_hub.json("backup", "show", str(asked["id"]))
        return bool(shown["rows_done"] and shown["rows_done"] == shown["rows_total"])

    own_hub.wait_until(is_spooled)
    assert part.exists()
    assert own_hub.run("backup", "create").returncode == 65  # one at a time
    own_hub.stop(signal.SIGKILL)
    os.close(holding)
    own_hub.start()
    own_hub.wait_until(lambda: own_hub.json("backup", "show", str(asked["id"]))["state"] == "failed")
    made = own_hub.json("backup", "create")
    assert {each["id"]: each["state"] for each in own_hub.json("backup", "list")} == {
        asked["id"]: "failed",
        made["id"]: "whole",
    }
    assert own_hub.json("backup", "show", str(asked["id"]))["failure"] == CUT_OFF
    assert sorted(each.name for each in target.iterdir()) == sorted(
        ["mailhub.keys", "mailhub.lock", made["name"]]
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_a_restore_that_was_cut_off_is_not_served(
    own_hub: Hub, tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    """serve refuses the database and says why; the same restore begins anew on it, and then it is served."""
    own_hub.send(MAIL)
    made = own_hub.json("backup", "create")
    own_hub.stop()
    if engine == "postgresql":
        emptied: Database = request.getfixturevalue("postgresql_database")
        with emptied.writing.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        into = emptied.url.render_as_string(hide_password=False)
        cut_off(own_hub, made, Database(into))
        where = {"MAILHUB_STORAGE__URL": into}
    else:
        restored = tmp_path / "restored"
        restored.mkdir()
        into = str(restored)
        cut_off(own_hub, made, Database(restored / "mailhub.sqlite3"))
        for name in ("models", "erasures"):  # made while who was erased since is erased again
            (restored / name).mkdir()
            (restored / name / "half").write_bytes(b"half")
        where = {"MAILHUB_STORAGE__DIRECTORY": into}
    kept = Storage(directory=tmp_path / "restored", url=into if engine == "postgresql" else "")
    with pytest.raises(ConfigurationError, match="a restore into this database was cut off"):
        house.build(Config(storage=kept), keys.Keys(keys.load_root(own_hub.directory)))
    again = own_hub.run("backup", "restore", str(placed(made)), "--into", into)
    assert again.returncode == 0, again.stderr
    own_hub.environment |= where
    own_hub.start()
    assert own_hub.call("GET", "/v1/tickets")["items"][0]["subject"] == "zanzibar"
    assert own_hub.run("backup", "restore", str(placed(made)), "--into", into).returncode == 65


TRIES = 16  # each with twice the room of the one before


@pytest.fixture
def small_directory(
    tmp_path: Path, require_service: Callable[[bool, str], None]
) -> Iterator[tuple[Path, str, int]]:
    """A data directory on a disk of its own, what --into says of it, and the first try's room."""
    where = tmp_path / "small"
    where.mkdir()
    with mounted(where, require_service, size=4096) as disk:
        yield disk, str(disk), 4096


@pytest.fixture
def small_tablespace(
    postgresql_url: URL, require_service: Callable[[bool, str], None]
) -> Iterator[tuple[Path, str, int]]:
    """An empty PostgreSQL database on a disk of its own, what --into says of it, the first try's room."""
    name, owner = f"small_{os.getpid()}", Path(str(postgresql_url.query["host"])).stat().st_uid
    server = postgresql_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        tempfile.TemporaryDirectory(prefix="mailhub-small-") as outer,
        psycopg.connect(server, autocommit=True) as connection,
    ):
        Path(outer).chmod(0o711)
        where = Path(outer) / "disk"
        where.mkdir()
        with mounted(where, require_service, size=1 << 26, owner=owner) as disk:
            connection.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'".encode())
            connection.execute(f"CREATE DATABASE {name} TABLESPACE {name}".encode())
            into = postgresql_url.set(database=name).render_as_string(hide_password=False)
            assert nothing_in(disk, into)  # the server writes a file of its own at the first connection
            yield disk, into, 1 << 18  # below that nobody can connect
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
            connection.execute(f"DROP TABLESPACE {name}".encode())


def used_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@pytest.mark.parametrize("small", ["small_directory", "small_tablespace"])
def test_a_restore_onto_a_full_disk_leaves_nothing(
    own_hub: Hub, small: str, request: pytest.FixtureRequest
) -> None:
    """With a little more room each time it fails at another place, each time with a text that says what to do
    and nothing left that could be served; the first one that has room is whole.
    """
    for number in range(12):
        noise = b64encode(Random(number).randbytes(40_000))
        own_hub.send(MAIL.replace(b"<z@", b"<z%d@" % number).replace(b"hello", noise))
    made = own_hub.json("backup", "create")
    own_hub.stop()
    disk, into, first = request.getfixturevalue(small)
    room, said = used_bytes(disk), list[str]()
    while len(said) < TRIES:
        resize(disk, room + (first << len(said)))
        try:
            done = own_hub.json("backup", "restore", str(placed(made)), "--into", into)
            break
        except Unavailable as error:
            said.append(f"{type(error).__name__}: {error}")
            assert nothing_in(disk, into), said
    else:
        pytest.fail(f"it never had room: {said[-1]}")
    assert done["rows"]["message"] == 12
    assert len(said) > 3, said
    where = "the database of --into" if "://" in into else into
    assert f"{InsufficientStorage.__name__}: {where}: no room for what the backup holds" in said[-1]


def nothing_in(disk: Path, into: str) -> bool:
    """Whether an empty directory, or a database without a table, is all there is; the server gets its room back."""
    if "://" not in into:
        return not list(disk.iterdir())
    database = Database(into)
    try:
        return is_empty(database) and database.vacuum()
    finally:
        database.close()

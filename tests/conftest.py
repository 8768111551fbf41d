"""What every test may use: an empty, migrated database on each engine, and a writer for it.

``database`` runs a test twice: on SQLite (a copy of a file migrated once per worker) and on PostgreSQL (a copy of a
template migrated once per worker, emptied and used again, in one server per run: ``postgresql_server.py``). Without
PostgreSQL's package the second one skips; with MAILHUB_REQUIRE_SERVICES=1 it fails.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy.engine import URL, make_url

from storage.database import Database
from storage.migrate import HEAD, migrate
from storage.schema import FIRST_ID
from storage.writer import WritingThread

if TYPE_CHECKING:
    from mailhub.tickets.reply import Replied
    from tests.houses.desk import Desk
    from tests.houses.postroom import PostRoom

# on a build server the same examples every time; at a desk new ones
settings.register_profile("mailhub", deadline=None, derandomize="MAILHUB_REQUIRE_SERVICES" in os.environ)
settings.load_profile("mailhub")

_STARTER = Path(__file__).parent / "houses" / "postgresql_server.py"


def _require_service(present: bool, reason: str) -> None:
    if present:
        return
    if os.environ.get("MAILHUB_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_service() -> Callable[[bool, str], None]:
    """Call with (is it there, what is missing): skips the test, or fails it when services are required."""
    return _require_service


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """The server of this run, shared by all workers; it goes when the last of them has."""
    found = any(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    _require_service(found, "PostgreSQL is not installed (Debian: postgresql)")
    base = tmp_path_factory.getbasetemp()
    state = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "postgresql"
    state.mkdir(exist_ok=True)
    with (state / "users").open("w") as users:
        with (state / "starting").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(
                users, fcntl.LOCK_SH
            )  # waits while a server that nobody used any more is being stopped
            _start_once(state)
        yield make_url((state / "url").read_text(encoding="utf-8")).set(drivername="postgresql+psycopg")


def _start_once(state: Path) -> None:
    if (state / "url").exists():
        return
    with (state / "log").open("w") as log:
        done = subprocess.run([sys.executable, _STARTER, state], stdout=log, stderr=log, check=False)
    if done.returncode:
        pytest.fail(f"PostgreSQL did not start:\n{(state / 'log').read_text()}")


def _administer(url: URL, statement: str) -> None:
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statement.encode())


_EMPTY = """
SET lock_timeout = '2s';
DO $$
DECLARE name text; filled boolean;
BEGIN
    IF (SELECT md5(string_agg(table_name || column_name, ',' ORDER BY table_name, ordinal_position))
        FROM information_schema.columns WHERE table_schema = 'public') <> '{schema}' THEN
        RAISE EXCEPTION 'the test changed the schema';
    END IF;
    IF (SELECT version_num FROM alembic_version) <> '{head}' THEN
        RAISE EXCEPTION 'the test changed the revision';
    END IF;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
        IF filled THEN EXECUTE format('TRUNCATE %I', name); END IF;
    END LOOP;
    INSERT INTO id_block(name, next_id) VALUES ('id', {first});
END $$
"""  # creating a database anew costs 20 times as much


def _empty(url: URL, schema: str) -> bool:
    """Make a test's database as good as new; False when it cannot be: schema changed, or somebody holds a lock."""
    try:
        _administer(url, _EMPTY.format(schema=schema, first=FIRST_ID, head=HEAD))
    except psycopg.Error:
        return False
    return True


def _schema(url: URL) -> str:
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    query = (
        b"SELECT md5(string_agg(table_name || column_name, ',' ORDER BY table_name, ordinal_position))"
        b" FROM information_schema.columns WHERE table_schema = 'public'"
    )
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return str(row[0])


@contextmanager
def _opened(url: URL | Path) -> Iterator[Database]:
    database = Database(url if isinstance(url, Path) else url.render_as_string(hide_password=False))
    try:
        yield database
    finally:
        database.close()


@pytest.fixture(scope="session")
def postgresql_copies(postgresql_url: URL) -> Callable[[], Iterator[URL]]:
    """Gives out empty migrated databases: a generator function that yields one URL and takes it back afterwards."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    template = postgresql_url.set(database=f"template_{worker}")
    _administer(postgresql_url, f"CREATE DATABASE {template.database}")
    with _opened(template) as database:
        migrate(database)
    schema, numbers, free = _schema(template), count(), list[URL]()

    def copies() -> Iterator[URL]:
        if free:
            url = free.pop()
        else:
            url = postgresql_url.set(database=f"test_{worker}_{next(numbers)}")
            _administer(postgresql_url, f"CREATE DATABASE {url.database} TEMPLATE {template.database}")
        yield url
        if _empty(url, schema):
            free.append(url)
        else:
            _administer(postgresql_url, f"DROP DATABASE {url.database} WITH (FORCE)")

    return copies


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "mailhub.sqlite3"
    with _opened(path) as database:
        migrate(database)
    return path


@pytest.fixture
def sqlite_path(sqlite_template: Path, tmp_path: Path) -> Path:
    """A fresh migrated SQLite file."""
    return Path(shutil.copy(sqlite_template, tmp_path / "mailhub.sqlite3"))


@pytest.fixture
def postgresql_database(postgresql_copies: Callable[[], Iterator[URL]]) -> Iterator[Database]:
    """An empty, migrated PostgreSQL database."""
    for url in postgresql_copies():
        with _opened(url) as database:
            yield database


@pytest.fixture
def sqlite_database(sqlite_path: Path) -> Iterator[Database]:
    """An empty, migrated SQLite database."""
    with _opened(sqlite_path) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty, migrated database: the test runs once on each engine."""
    opened = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(opened, Database)
    return opened


@pytest.fixture
def writer(database: Database) -> Iterator[WritingThread]:
    """A running writer on ``database``."""
    started = WritingThread(database)
    started.start()
    yield started
    started.close()


@pytest.fixture
def desk(database: Database, writer: WritingThread, tmp_path: Path) -> Desk:
    """An account at work on ``database``, with the real filing of mail."""
    from tests.houses.desk import open_desk  # imports the whole house: only where it is needed

    return open_desk(database, writer, tmp_path)


@pytest.fixture
def room(database: Database, writer: WritingThread, tmp_path: Path) -> Iterator[PostRoom]:
    """Two tenants on ``database`` and the real way in; checked afterwards (``tests/houses/postroom.py``)."""
    from tests.houses.postroom import open_room  # imports the whole house: only where it is needed

    with open_room(database, writer, tmp_path) as opened:
        yield opened


@pytest.fixture
def kims_ticket(room: PostRoom) -> int:
    """Kim's ticket in ``room``, number 1: one mail."""
    from tests.houses.postroom import MINE, filed, mail

    return filed(room.deliver(mail(id=MINE)))


@pytest.fixture
def anas_answer(room: PostRoom, kims_ticket: int) -> Replied:
    """Ana's answer in Kim's ticket."""
    return room.answer(kims_ticket)

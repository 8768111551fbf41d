"""Migrations: from nothing to the newest schema, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text
from sqlalchemy.engine import URL

from storage import migrate as migrations
from storage.database import Database
from storage.errors import SchemaTooNew
from storage.mail.search import find_messages
from storage.migrate import HEAD, build, is_empty, known_revisions, migrate, revision
from storage.proof import journal
from storage.schema import FIRST_ID, id_block, metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table, on each engine."""
    if request.param == "sqlite":
        database = Database(tmp_path / "empty.sqlite3")
        yield database
        database.close()
        return
    copies: Callable[[], Iterator[URL]] = request.getfixturevalue("postgresql_copies")
    for url in copies():
        database = Database(url.render_as_string(hide_password=False))
        with database.writing.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        yield database
        database.close()


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def test_an_empty_database_gets_exactly_the_schema(empty: Database) -> None:
    """After migrating an empty database, alembic finds no difference to the metadata except the index of texts."""
    assert migrate(empty) is True
    with empty.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    changed = [d for d in differences if not str(d).count("message_index")]
    assert changed == []


def test_the_first_id_is_above_every_ticket_number(empty: Database) -> None:
    """A fresh schema begins its ids where no ticket number comes."""
    migrate(empty)
    with empty.read() as connection:
        assert connection.execute(select(id_block.c.name, id_block.c.next_id)).all() == [("id", FIRST_ID)]


def test_a_database_without_a_schema_is_empty(empty: Database) -> None:
    """A database says that it is empty until it was migrated."""
    assert is_empty(empty) is True
    migrate(empty)
    assert is_empty(empty) is False


def test_migrating_again_changes_nothing(empty: Database) -> None:
    """A second run says that there was nothing to do."""
    migrate(empty)
    before = tables(empty)
    assert migrate(empty) is False
    assert tables(empty) == before


def test_a_database_of_the_baseline_is_brought_on_with_its_data(empty: Database) -> None:
    """What was stored under the first schema that was released is there after whatever migrations come later."""
    with empty.writing.begin() as connection:
        build(connection, "0001")
        row = {"id": 1, "name": "first", "stage": "active", "billing": "none", "created_at": 1}
        row |= {"stage_entered_at": 1, "next_ticket_number": 1, "stage_reason": ""}
        names = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO account ({names}) VALUES ({values})"), row)
        for sequence in (1, 2):
            journal.append(
                connection,
                1,
                0,
                at=5,
                actor="user:7",
                verb="ticket.close",
                object_=f"ticket:{sequence}",
                detail={},
            )

    migrate(empty)

    with empty.read() as connection:
        assert revision(connection) == HEAD
        assert connection.execute(text("SELECT name FROM account")).scalars().all() == ["first"]
        rows = journal.list_chain(connection, after=(-1, -1, -1), account_id=None, limit=9)
    digest = journal.GENESIS
    for act in rows:
        digest = journal.chained(digest, dict(act._mapping))
        assert act.hash == digest
    assert len(rows) == 2


def test_a_newer_schema_is_refused(database: Database) -> None:
    """A revision this version does not know is refused by name, and nothing is changed."""
    with database.writing.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = tables(database)
    with pytest.raises(SchemaTooNew, match="9999"):
        migrate(database)
    assert tables(database) == before
    with database.read() as connection:
        assert revision(connection) == "9999"


def test_a_failure_in_the_middle_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails after it made tables leaves no table and no revision; the next run succeeds."""
    read = Path.read_text

    def broken(path: Path, encoding: str | None = None) -> str:
        return read(path, encoding=encoding) + (
            "SELECT nonsense FROM nowhere;\n" if path.suffix == ".sql" else ""
        )

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", broken)
        with pytest.raises(Exception, match="nowhere"):
            migrate(empty)
    assert tables(empty) == set()
    assert migrate(empty) is True


def test_head_is_the_newest_script() -> None:
    """The revision the code asks for is the one head of the scripts, and every script is known."""
    configuration = Config()
    configuration.set_main_option("script_location", str(migrations._SCRIPTS))
    scripts = ScriptDirectory.from_config(configuration)
    assert scripts.get_heads() == [HEAD]
    assert known_revisions() == {script.revision for script in scripts.walk_revisions()}


def test_the_index_of_texts_is_made_anew_with_beginnings(tmp_path: Path) -> None:
    """What was found before the migration is found after it, by the whole word and by its beginning; a word of a message
    that is gone is in no page of the new index.
    """
    database = Database(tmp_path / "old.sqlite3")
    insert = "INSERT INTO message_index(rowid, words) VALUES(:id, :words)"
    texts = {7: "account·1 kanone café 票 発票", 8: "account·1 kanal zebra", 9: "account·1 kasse"}
    with database.writing.begin() as connection:
        build(connection, "0004")
        connection.execute(text(insert), [{"id": id, "words": words} for id, words in texts.items()])
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        columns = connection.execute(
            text("SELECT name, type FROM pragma_table_info('message') WHERE \"notnull\"")
        ).all()
        values = {
            name: (b"" if kind == "BLOB" else "") if kind in ("BLOB", "TEXT") else 1 for name, kind in columns
        }
        for id in (7, 8):
            row = values | {"id": id, "identity": id.to_bytes(16, "big")}
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO message ({names}) VALUES ({marks})"), row)
        assert find_messages(connection, 1, "ka*", before=99, limit=9) == [9, 8, 7]

    migrate(database)

    with database.read() as connection:
        found = {
            each: find_messages(connection, 1, each, before=99, limit=9)
            for each in ("ka*", "kan*", "kanal", "票", "kasse")
        }
        words = connection.execute(text("SELECT count(*) FROM message_index_docsize")).scalar_one()
    database.close()
    assert found == {"ka*": [8, 7], "kan*": [8, 7], "kanal": [8], "票": [7], "kasse": []}
    assert words == 2

"""A backup is made and restored on both engines; what went since does not come back, all else does, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.engine import URL

from mailhub.backups import container
from mailhub.backups.container import Damaged
from mailhub.backups.erasing import destroy_person_keys, rewrite_key_files
from mailhub.backups.expiring import expire
from mailhub.backups.holder_keys import TURN_KEYS
from mailhub.backups.key_file import NAME
from mailhub.backups.making import create
from mailhub.backups.restoring import Restored, restore, verify
from mailhub.backups.vault import Vault
from mailhub.errors import BadRequest, Conflict
from mailhub.keys import Keys
from storage.backups import person_keys
from storage.backups.dumping import LEFT_OUT
from storage.backups.person_keys import Holder
from storage.database import Database
from storage.mail.search import find_messages
from storage.migrate import is_empty
from storage.people.links import Link, add_link
from storage.people.sessions import Session, add_session
from storage.proof.journal import MACHINE
from storage.schema import contact, journal, link, message, metadata, session
from storage.writer import WritingThread
from tests.houses.postroom import PostRoom, mail

CANARY = "zanzibarcanary"


@pytest.fixture
def vault(room: PostRoom, database: Database, writer: WritingThread, tmp_path: Path) -> Vault:
    return Vault(
        database=database,
        writer=writer,
        keys=Keys(bytes(range(32))),
        targets=(tmp_path / "backups",),
        retention=1,
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a schema, on each engine."""
    if request.param == "sqlite":
        opened = Database(tmp_path / "restored.sqlite3")
        yield opened
        opened.close()
        return
    copies: Callable[[], Iterator[URL]] = request.getfixturevalue("postgresql_copies")
    for url in copies():
        opened = Database(url.render_as_string(hide_password=False))
        with opened.writing.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        yield opened
        opened.close()


def rows(database: Database) -> dict[str, list[Any]]:
    """Every row of every table that a backup holds."""
    with database.read() as connection:
        return {
            table.name: sorted(map(repr, (tuple(row) for row in connection.execute(select(table)))))
            for table in metadata.sorted_tables
            if table.name not in LEFT_OUT and table.name != "id_block"
        }


def made(vault: Vault) -> tuple[Path, Path]:
    row = create(vault, actor="operator")
    return Path(row.targets[0]) / row.name, vault.targets[0] / NAME


def restored(vault: Vault, backup: Path, keys_at: Path, into: Database) -> Restored:
    return restore(backup, keys_at, vault.keys, into, lambda _: None)


def test_everything_is_there_bit_for_bit(
    room: PostRoom, vault: Vault, kims_ticket: int, empty: Database
) -> None:
    """Each row of each table, on whichever engine it is restored, is what it was; and mail is found again."""
    room.answer(kims_ticket)
    files = made(vault)
    whole = rows(vault.database)
    done = restored(vault, *files, empty)
    assert rows(empty) == whole
    assert not done.unreadable
    with vault.database.read() as before, empty.read() as after:
        for account in {row.account_id for row in before.execute(select(message.c.account_id))}:
            found = [find_messages(each, account, "h*", before=1 << 60, limit=99) for each in (before, after)]
            assert found[0] == found[1]


def test_what_let_people_in_then_lets_nobody_in(vault: Vault, kims_ticket: int, empty: Database) -> None:
    """A link that was used, and a session that was ended, since the backup do not come back with it."""
    sent = Link(hash=b"l" * 32, id=5, account_id=1, user_id=2, kind="reset", created_at=1, expires_at=1 << 60)
    opened = Session(
        hash=b"s" * 32,
        id=6,
        account_id=1,
        user_id=2,
        peer="",
        created_at=1,
        last_used_at=1,
        expires_at=1 << 60,
    )
    vault.writer.run(lambda tx: add_link(tx.connection, sent))
    vault.writer.run(lambda tx: add_session(tx.connection, opened))
    restored(vault, *made(vault), empty)
    with empty.read() as connection:
        assert connection.execute(select(link.c.id).union(select(session.c.id))).all() == []


def test_a_database_that_is_not_empty_is_refused(vault: Vault, kims_ticket: int) -> None:
    """Nothing is restored over what is there."""
    with pytest.raises(Conflict):
        restored(vault, *made(vault), vault.database)


def test_a_destroyed_person_is_gone(room: PostRoom, vault: Vault, kims_ticket: int, tmp_path: Path) -> None:
    """Whose key was destroyed after the backup is in no row and no byte; who wrote beside them is there unchanged."""
    room.deliver(mail(f"the {CANARY} sings", id="other@else.example", sender="Zoe <zoe@else.example>"))
    with vault.database.read() as connection:
        query = select(message.c.account_id, message.c.contact_id).where(
            message.c.from_address == "zoe@else.example"
        )
        account, contact = connection.execute(query).one()
    backup, keys_at = made(vault)
    whole = rows(vault.database)
    vault.writer.run(lambda tx: destroy_person_keys(tx.connection, account, [contact]))
    assert rewrite_key_files(vault) == []
    into = Database(tmp_path / "again.sqlite3")
    done = restored(vault, backup, keys_at, into)
    assert done.unreadable["message"] == 1
    left = rows(into)
    into.close()
    assert all(set(left[name]) <= set(whole[name]) for name in left)
    assert not any("zoe" in row or CANARY in row for found in left.values() for row in found)
    assert {name: len(whole[name]) - len(left[name]) for name in ("message", "ticket", "contact", "raw")} == {
        "message": 1, "ticket": 1, "contact": 1, "raw": 1
    }  # fmt: skip
    files = b"".join(path.read_bytes() for path in tmp_path.glob("again.sqlite3*"))
    assert b"zoe@else.example" not in files and CANARY.encode() not in files


def test_any_flipped_byte_is_found(vault: Vault, kims_ticket: int, tmp_path: Path) -> None:
    """Whichever byte is flipped, and wherever the file is cut, verify says so, and nothing is left of the
    restore; whole it passes. Every byte is tried in test_damage.py.
    """
    backup, keys_at = made(vault)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert verify(backup, keys_at, vault.keys, scratch, lambda _: None).rows["message"] == 1
    data, changed, into = backup.read_bytes(), tmp_path / "changed", Database(tmp_path / "into.sqlite3")
    for position in range(0, len(data), max(1, len(data) // 40)):
        for damaged in (
            data[:position],
            data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :],
        ):
            changed.write_bytes(damaged)
            with pytest.raises(Damaged):
                restored(vault, changed, keys_at, into)
            assert is_empty(into)
    into.close()
    changed.write_bytes(data + b"x")
    (tmp_path / "more").mkdir()
    with pytest.raises(Damaged):
        verify(changed, keys_at, vault.keys, tmp_path / "more", lambda _: None)


def test_chunks_in_another_order_are_found(
    vault: Vault, kims_ticket: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two whole chunks that change places are found, as is one that stands there twice."""
    monkeypatch.setattr(container, "CHUNK_BYTES", 256)
    backup, keys_at = made(vault)
    head, _, rest = backup.read_bytes().partition(b"\n")
    chunks = []
    while rest:
        end = 4 + int.from_bytes(rest[:4], "big")
        chunks.append(rest[:end])
        rest = rest[end:]
    assert len(chunks) > 3
    orders = {"swapped": [1, 0, *range(2, len(chunks))], "twice": [0, 0, *range(1, len(chunks))]}
    for name, order in orders.items():
        changed = tmp_path / name
        changed.write_bytes(head + b"\n" + b"".join(chunks[index] for index in order))
        with pytest.raises(Damaged, match="wrong place"):
            restored(vault, changed, keys_at, Database(tmp_path / f"{name}.sqlite3"))


def test_an_older_key_file_is_refused(room: PostRoom, vault: Vault, kims_ticket: int, tmp_path: Path) -> None:
    """A key file from before the backup is told from one that lost an erased person's key: it is an error."""
    _, keys_at = made(vault)
    old = tmp_path / "old.keys"
    old.write_bytes(keys_at.read_bytes())
    room.deliver(mail("later", id="later@else.example", sender="Zoe <zoe@else.example>"))
    backup, keys_at = made(vault)
    with pytest.raises(BadRequest, match="older than the backup"):
        restored(vault, backup, old, Database(tmp_path / "old.sqlite3"))
    assert not restored(vault, backup, keys_at, Database(tmp_path / "new.sqlite3")).unreadable


def test_keys_of_many_are_made_in_few_turns(
    vault: Vault, kims_ticket: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first backup makes the keys of a step in turns of the writer for many at once."""
    with vault.database.read() as connection:
        account = connection.execute(select(message.c.account_id).limit(1)).scalar_one()
    people = [
        {"account_id": account, "id": id_, "name": "", "created_at": 1}
        for id_ in range(1 << 40, (1 << 40) + 250)
    ]
    vault.writer.run(lambda tx: tx.connection.execute(contact.insert(), people))
    turns: list[int] = []
    add_keys = person_keys.add_keys

    def counted(connection: Connection, made: Mapping[Holder, bytes]) -> dict[Holder, bytes]:
        turns.append(len(made))
        return add_keys(connection, made)

    monkeypatch.setattr(person_keys, "add_keys", counted)
    made(vault)
    assert sum(turns) > 250
    assert max(turns) <= TURN_KEYS
    assert len(turns) < 20


def test_acts_on_backups_are_in_the_journal(vault: Vault, kims_ticket: int) -> None:
    """Who made a backup, and who let it expire, stands in the operator's chain."""
    made(vault)
    gone = expire(vault, actor="system", now=1 << 60)
    with vault.database.read() as connection:
        query = select(journal.c.actor, journal.c.verb, journal.c.object).where(
            journal.c.account_id == MACHINE
        )
        found = [tuple(row) for row in connection.execute(query) if row.verb.startswith("backup.")]
    named = f"backup:{gone[0].id}"
    assert found == [("operator", "backup.create", named), ("system", "backup.expire", named)]

"""A backup from before an erasure is restored: the person is still gone, and everything else is there."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from mailhub import erasure
from mailhub.backups.expiring import expire
from mailhub.backups.key_file import NAME as KEY_FILE
from mailhub.backups.making import create
from mailhub.restoring import restore
from storage.backups import list_backups
from storage.database import Database
from storage.erasures import list_under_way
from storage.schema import person_tombstone, redaction, tombstone
from storage.writer import Writer
from tests.erasing import scene as scenes
from tests.erasing import witness
from tests.erasing.scene import KEYS, KIM, NAME, Scene

KINDS = (tombstone, person_tombstone, redaction)


def raws(directory: Path) -> dict[str, bytes]:
    """Every stored message, by the witness."""
    return {place: content for place, content in witness.places(directory) if place.startswith("raw:")}


def test_who_was_erased_is_still_gone_after_a_restore(scene: Scene, tmp_path: Path) -> None:
    """His own mail cannot be read; address, name and quotes in others' mail go again; others' mail is as it was."""
    before = raws(tmp_path)
    made = create(scene.parts.vault, actor="operator")
    assert scene.erase().state == "done"
    after = raws(tmp_path)
    into = tmp_path.parent / f"{tmp_path.name}-restored"
    into.mkdir()
    database = Database(into / "mailhub.sqlite3")
    folder = Path(made.targets[0])
    done = restore(folder / made.name, folder / KEY_FILE, KEYS, database, lambda _: None)
    assert witness.holding(into, KIM.encode())  # what others quoted and copied came back
    writer = Writer(database)
    writer.start()
    parts = scenes.reopened(database, writer, into)
    parts.directory.refresh()
    erasure.reapply(parts, since=done.made_at)
    writer.close()
    database.close()
    for wanted in (KIM, NAME, "canaryown", "canarysubject", "canaryreply", "canarybytes"):
        assert witness.holding(into, wanted.encode()) == set(), wanted
    assert raws(into) == after != before  # redacted and untouched alike, to the byte


def test_an_erasure_under_way_is_not_gone_on_with_elsewhere(scene: Scene, tmp_path: Path) -> None:
    """Its key stays in the data directory: a restore drops the row and says that there was one to ask for anew."""
    erasure.begin(scene.parts, "user:1", scene.desk.account, [KIM], now=scene.desk.now)
    made = create(scene.parts.vault, actor="operator")
    database = Database(tmp_path.parent / f"{tmp_path.name}-restored.sqlite3")
    folder = Path(made.targets[0])
    done = restore(folder / made.name, folder / KEY_FILE, KEYS, database, lambda _: None)
    with database.read() as connection:
        assert list_under_way(connection, 0) == []
    database.close()
    assert done.unfinished_erasures == 1


def test_tombstones_end_with_the_last_backup_that_needs_them(scene: Scene) -> None:
    """While a backup from before the erasure is there they stay; when it is gone they and the changes go, too."""
    vault, database = scene.parts.vault, scene.parts.database
    create(vault, actor="system")
    assert scene.erase().state == "done"
    create(vault, actor="system")

    def left() -> dict[str, int]:
        with database.read() as connection:
            return {table.name: len(connection.execute(select(table)).all()) for table in KINDS}

    assert expire(vault, actor="system", now=0) == []
    assert min(left().values()) > 0
    with database.read() as connection:
        first, second = list_backups(connection)
    assert expire(vault, actor="system", now=first.expires_at) == [first]
    assert second.made_at > first.made_at
    assert set(left().values()) == {0}

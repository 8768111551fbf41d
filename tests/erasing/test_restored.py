"""A backup from before an erasure is restored: the person is still gone, and everything else is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub import erasure
from mailhub.backups.key_file import NAME as KEY_FILE
from mailhub.backups.making import create
from mailhub.restoring import restore
from storage.database import Database
from storage.schema import message
from storage.writer import Writer
from tests.desk import Desk
from tests.erasing import scene as scenes
from tests.erasing import witness
from tests.erasing.scene import KEYS, KIM, NAME, Scene


@pytest.fixture
def scene(desk: Desk, database: Database, tmp_path: Path) -> Scene:
    if not database.is_sqlite:
        pytest.skip("the witness reads files: only SQLite has them in the data directory")
    return scenes.set_up(desk, tmp_path)


def raws(directory: Path) -> dict[str, bytes]:
    """Every stored message, by the witness."""
    return {place: content for place, content in witness.places(directory) if place.startswith("raw:")}


def test_who_was_erased_is_still_gone_after_a_restore(scene: Scene, tmp_path: Path) -> None:
    """His own mail cannot be read; address, name and quotes in others' mail go again; others' mail is as it was."""
    scene.desk.do(lambda tx: tx.connection.execute(message.update().values(received_at=1)))  # the desk lives in 2027
    before = raws(tmp_path)
    made = create(scene.parts.vault)
    assert scene.erase().state == "done"
    after = raws(tmp_path)
    into = tmp_path.parent / f"{tmp_path.name}-restored"
    into.mkdir()
    database = Database(into / "mailhub.sqlite3")
    folder = Path(made.targets[0])
    restore(folder / made.name, folder / KEY_FILE, KEYS, database, lambda _: None)
    assert witness.holding(into, KIM.encode())  # what others quoted and copied came back
    writer = Writer(database)
    writer.start()
    parts = scenes.reopened(database, writer, into)
    parts.directory.refresh()
    assert erasure.reapply(parts) == 1
    writer.close()
    database.close()
    for wanted in (KIM, NAME, "canaryown", "canarysubject", "canaryreply", "canarybytes"):
        assert witness.holding(into, wanted.encode()) == set(), wanted
    untouched = {place for place, content in before.items() if after.get(place) == content}
    restored = raws(into)
    assert restored.keys() == after.keys()
    assert {place: restored[place] for place in untouched} == {place: before[place] for place in untouched}

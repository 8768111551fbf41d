"""The proof on PostgreSQL: every canary is there before, and afterwards in nothing that a program reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.writer import WritingThread
from tests.houses.desk import open_desk
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing import witness_postgresql as witness
from tests.privacy.erasing.scene import KIM, NAME, Scene
from tests.privacy.erasing.test_proof import canaries, own_features
from tests.privacy.erasing.witness import counted, found_in


@pytest.fixture
def on_postgresql(postgresql_database: Database, tmp_path: Path) -> Iterator[Scene]:
    """The scene on PostgreSQL, filled, with statistics of what is in it."""
    writer = WritingThread(postgresql_database)
    writer.start()
    scene = scenes.set_up(open_desk(postgresql_database, writer, tmp_path), tmp_path)
    with witness.connect(postgresql_database.url) as connection:
        connection.execute("ANALYZE")
    yield scene
    writer.close()


def test_nothing_is_left_that_a_program_reaches(on_postgresql: Scene, tmp_path: Path) -> None:
    """Rows, statistics, index words, model and files: all canaries before, none at the moment "done" is said."""
    scene, url = on_postgresql, on_postgresql.desk.database.url
    planted = canaries(scene)
    before = list(witness.places(url, tmp_path))
    for what, content, exactly, where in planted:
        found = found_in(before, content, exactly=exactly)
        assert found, what
        assert where <= found, (what, where - found)
    assert any("pg_statistic" in each for each in found_in(before, KIM.encode()))
    words = [b"zanzibari", b"canaryown", b"sandwort", b"canaryreply"]
    assert all("column:message_index.words" in found_in(before, word) for word in words)
    done = scene.erase()
    assert (done.state, done.reason) == ("done", "")
    after = list(witness.places(url, tmp_path))
    assert len(after) > len(planted)
    for what, content, exactly, _ in planted:
        assert found_in(after, content, exactly=exactly) == set(), what
    assert all(found_in(after, word) == set() for word in words)
    assert (
        counted(scene.desk.filing.models.snapshot(scene.desk.writer, scene.desk.account), own_features()) == 0
    )


def test_what_the_servers_files_keep_is_freed_space_and_nothing_else(on_postgresql: Scene) -> None:
    """Written anew by VACUUM FULL, the database's own files hold none of it: no row, index or statistic does."""
    url = on_postgresql.desk.database.url
    wanted = [KIM.encode(), NAME.encode(), b"canarysubject", b"canarynote", b"zanzibari", b"canarytrace"]
    assert witness.in_relation_files(url, wanted) == set(wanted)
    assert on_postgresql.erase().state == "done"
    with witness.connect(url) as connection:
        connection.execute("VACUUM (FULL)")
    assert witness.in_relation_files(url, wanted) == set()

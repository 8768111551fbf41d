"""A desk with a person to erase, in a data directory of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.writer import WritingThread
from tests.houses.desk import Desk, open_desk
from tests.privacy.erasing import scene as scenes
from tests.privacy.erasing.scene import Scene


@pytest.fixture
def scene(sqlite_database: Database, tmp_path: Path) -> Iterator[Scene]:
    """A desk on SQLite whose data directory holds everything, filled."""
    writer = WritingThread(sqlite_database)
    writer.start()
    desk: Desk = open_desk(sqlite_database, writer, tmp_path)
    yield scenes.set_up(desk, tmp_path)
    writer.close()

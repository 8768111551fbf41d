"""Whole houses: after an erasure everybody else's words are there, the person's are not, and its plan had said so."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.database import Database
from storage.writer import WritingThread
from tests.houses import town as towns
from tests.houses.desk import open_desk
from tests.privacy.erasing.scene import parts_of


@pytest.mark.parametrize("seed", range(4))
def test_everybody_else_keeps_their_words(seed: int, sqlite_database: Database, tmp_path: Path) -> None:
    """Of a town of seven, three are erased one after the other, each as its plan had counted.

    ``scripts/campaign erasing`` is the long form.
    """
    writer = WritingThread(sqlite_database)
    writer.start()
    desk = open_desk(sqlite_database, writer, tmp_path)
    town = towns.found(desk, parts_of(desk, tmp_path), seed, people=7, mails=30)
    try:
        for _ in range(3):
            assert towns.erase_one(town) == []
    finally:
        writer.close()
    assert town.tally["own sentences"] > 20

"""A question that takes too long is cut off, on both engines, and only for those who asked within a time."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from storage import database as module
from storage.database import Database
from storage.errors import Gone, TookTooLong

HEAVY = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT sum(i) FROM n"
)
SUM = 300_000 * 300_001 // 2


def test_a_question_is_cut_off_at_its_deadline(database: Database) -> None:
    """A question over its time raises ``TookTooLong``; the connection answers the next, and others have no deadline."""
    bounded = database.within(0.000_001)
    with pytest.raises(TookTooLong, match="ask for less"), bounded.read() as connection:
        connection.execute(HEAVY)
    with database.read() as connection:
        assert connection.execute(HEAVY).scalar_one() == SUM
    with database.within(600).read() as connection:
        assert connection.execute(HEAVY).scalar_one() == SUM


def test_a_question_is_cut_off_at_the_first_look_after_its_end(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite looks at the clock every so many steps of its machine, and stops at the first look past the deadline."""
    looks, now = [0], [0.0]

    class Clock:
        """Goes a second further at each look."""

        @staticmethod
        def monotonic() -> float:
            looks[0] += 1
            now[0] += 1.0
            return now[0]

    monkeypatch.setattr(module, "time", Clock)
    with pytest.raises(TookTooLong), sqlite_database.within(5).read() as connection:
        looks[0] = 0
        connection.execute(HEAVY)
    assert looks[0] == 1 + 5  # one when it began; the fifth after is at the deadline


def test_each_question_has_the_whole_time(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request of many short questions is not cut off, however long all of them take."""
    now = [0.0]

    class Clock:
        """Stands still within a question."""

        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(module, "time", Clock)
    with sqlite_database.within(5).read() as connection:
        for _ in range(5):
            assert connection.execute(HEAVY).scalar_one() == SUM
            now[0] += 4.0


def test_a_database_that_is_gone_is_gone_for_who_has_a_deadline(sqlite_database: Database) -> None:
    """Whoever asks within a time hears at once that the files were taken away, as everybody does."""
    bounded = sqlite_database.within(600)
    sqlite_database.watch()
    for path in sqlite_database.file_paths():
        path.rename(path.with_name(path.name + ".away"))
    with pytest.raises(Gone):
        bounded.require_same()
    with pytest.raises(Gone), bounded.read():
        pass

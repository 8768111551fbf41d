"""The two engines behave alike where the code relies on it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError

from storage.database import Database
from storage.schema import refusal
from storage.writer import Transaction, WritingThread

ROW = {"hour": 1, "peer": "192.0.2.1", "reason": "unknown-recipient", "count": 1}


def test_fresh_ids_are_distinct_and_rise(writer: WritingThread) -> None:
    """Ids a writer gives never repeat and grow."""
    ids = [writer.run(Transaction.new_id) for _ in range(5)]
    assert ids == sorted(set(ids))


def test_a_reader_cannot_write(database: Database) -> None:
    """A reading connection refuses an insert, on both engines."""
    with database.read() as connection, pytest.raises(DBAPIError):
        connection.execute(insert(refusal).values(ROW))


def test_what_a_failed_function_wrote_is_gone(database: Database, writer: WritingThread) -> None:
    """A function that raises leaves nothing behind."""

    def fails(transaction: Transaction) -> None:
        transaction.connection.execute(insert(refusal).values(ROW))
        raise ValueError("after the insert")

    with pytest.raises(ValueError, match="after the insert"):
        writer.run(fails)
    with database.read() as connection:
        assert connection.execute(select(refusal)).all() == []

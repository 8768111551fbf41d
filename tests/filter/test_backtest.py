"""What mail would have become with another threshold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from mailhub.filter.backtest import backtest
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from storage.database import Database
from storage.filter import labels
from storage.filter.labels import Scored
from storage.schema import message
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, NOW, Inbox

NOW_IN_FORCE = FilterSettings()


def scored(
    probability: float, verdict: str, *, reason: str | None = None, label: str | None = None
) -> Scored:
    return Scored(id=1, probability=probability, verdict=verdict, verdict_reason=reason, label=label)


def test_moves_and_confusions_are_counted() -> None:
    """Each message counts once among the moves, and where it has a label, by both settings."""
    rows = [
        scored(0.95, "spam", label="spam"),
        scored(0.92, "spam", label="ham"),
        scored(0.92, "unsure"),
        scored(0.1, "ham", label="ham"),
        scored(0.99, "ham", reason="allow-list"),
    ]
    found = backtest(rows, now=NOW_IN_FORCE, tried=replace(NOW_IN_FORCE, spam_probability=0.94))
    assert found.messages == 5
    assert found.moves == {
        ("spam", "spam"): 1,
        ("spam", "unsure"): 1,
        ("unsure", "unsure"): 1,
        ("ham", "ham"): 2,
    }
    assert found.labelled_now == {("spam", "spam"): 1, ("ham", "spam"): 1, ("ham", "ham"): 1}
    assert found.labelled_then == {("spam", "spam"): 1, ("ham", "unsure"): 1, ("ham", "ham"): 1}


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_rows_tell_what_was_said_when_they_came(inbox: Inbox, limit: int) -> None:
    """The verdict is that before any label, the label the one in force, in whatever portions they are read."""
    one, two, three = inbox.messages
    inbox.writer.run(lambda tx: tx.connection.execute(update(message).values(probability=0.5)))
    inbox.mark([one, two], "spam")
    inbox.unmark([two])
    found: list[Scored] = []
    with inbox.database.read() as connection:
        while portion := labels.scored_messages(
            connection, ACCOUNT, since=NOW, after=found[-1].id if found else 0, limit=limit
        ):
            found += portion
        assert labels.scored_messages(connection, ACCOUNT, since=NOW + 1, after=0, limit=9) == []
    assert [(row.id, row.verdict, row.label) for row in found] == [
        (one, "unsure", "spam"),
        (two, "unsure", None),
        (three, "unsure", None),
    ]


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """Three messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(3)
    return made

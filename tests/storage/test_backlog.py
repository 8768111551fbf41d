"""What waits, counted over all accounts."""

from __future__ import annotations

from mailhub.tickets.reply import Replied
from storage.database import Database
from storage.engine.backlog import Backlog, backlog
from tests.houses.postroom import PostRoom


def test_empty_database_has_no_backlog(database: Database) -> None:
    """Nothing waits where nothing is."""
    with database.read() as connection:
        found = backlog(connection)
    assert found == Backlog(queued=0, oldest_queued_at=None, unreadable=0, newest_delivery_at=None)


def test_queued_answer_and_newest_delivery_are_counted(room: PostRoom, anas_answer: Replied) -> None:
    """An answer that was not sent yet waits; the newest delivery is the one that came last."""
    assert anas_answer is not None
    with room.database.read() as connection:
        found = backlog(connection)
    assert (found.queued, found.unreadable) == (1, 0)
    assert found.newest_delivery_at is not None
    assert found.oldest_queued_at is not None
    assert found.oldest_queued_at > found.newest_delivery_at  # Kim's mail came, then it was answered

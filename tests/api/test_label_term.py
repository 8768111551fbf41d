"""The job that lets old labels go, on a whole house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailhub import clock
from mailhub.service.jobs import sweep_labels
from storage.privacy.holds import Hold, add_hold
from tests.houses.inbox import NOW, Inbox, file_message

if TYPE_CHECKING:
    from tests.api.conftest import Home


def test_the_job_takes_what_is_due_and_passes_over_what_is_held(home: Home) -> None:
    """More labels than a turn takes go at the end of their term, none before, and a held one not at all."""
    house = home.house
    inbox = Inbox(
        database=house.database,
        writer=house.writing,
        models=house.models,
        directory=house.config.storage.directory,
    )
    messages = list(range(5_001, 5_041))
    for each in messages:
        house.writer.run(file_message, message_id=each)
    inbox.mark(messages[:20], "spam")
    inbox.mark(messages[20:], "ham")
    order = Hold(
        account_id=1,
        id=1,
        kind="ticket",
        object_id=messages[3],
        reason="",
        actor="operator:0",
        created_at=NOW,
    )
    house.writer.run(lambda tx: add_hold(tx.connection, order))
    term = house.config.spam.keep_labels_days * clock.DAY
    assert sweep_labels(house, now=NOW + term) == 0
    assert sweep_labels(house, now=NOW + term + 100) == 39
    assert sweep_labels(house, now=NOW + term + 100) == 0
    assert inbox.labels() == {messages[3]: "spam"}
    assert inbox.digest() == inbox.ledger_digest()

"""/v1/spam/backtest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from storage.schema import message
from tests.houses.asking import Asker
from tests.houses.inbox import file_message

if TYPE_CHECKING:
    from tests.api.conftest import Home


def test_thresholds_are_tried_and_nothing_changes(home: Home) -> None:
    """The answer counts what would move within the time asked for; bad thresholds are refused in words."""
    agent = Asker(app=home.app(), token=home.token(12))
    home.house.writer.run(file_message, 7_001)
    home.house.writer.run(lambda tx: tx.connection.execute(update(message).values(probability=0.93)))
    found = agent("GET", "/v1/spam/backtest?threshold=0.92&days=3660").json
    assert (found["messages"], found["complete"], found["labelled_now"]) == (1, True, [])
    assert found["moves"] == [{"was": "unsure", "becomes": "spam", "messages": 1}]
    assert agent("GET", "/v1/spam/backtest?threshold=0.92").json["messages"] == 0
    assert agent("GET", "/v1/spam/backtest?threshold=0.6&ham_threshold=0.7").status == 400
    assert agent("GET", "/v1/spam/backtest?threshold=2").status == 400

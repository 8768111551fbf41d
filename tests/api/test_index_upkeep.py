"""The job that writes the full-text index anew after mail went for good, on a whole house."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailhub.service.jobs import rewrite_index
from storage.mail.search import add_to_index, holds_removed_words, remove_from_index

if TYPE_CHECKING:
    from tests.api.conftest import Home


def test_the_index_is_written_anew_once_after_something_went(home: Home) -> None:
    """Nothing gone, nothing done; after a removal once; stopped in between, the next time."""
    house = home.house
    rows = [(1, id, [f"w{id}"]) for id in range(1, 200)]
    house.writer.run(lambda tx: add_to_index(tx.connection, rows))
    assert not rewrite_index(house, bool)
    house.writer.run(lambda tx: remove_from_index(tx.connection, 1, [17]))
    assert not rewrite_index(house, lambda: True)
    assert rewrite_index(house, bool)
    with house.database.read() as connection:
        assert not holds_removed_words(connection)
    assert not rewrite_index(house, bool)

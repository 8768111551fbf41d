"""The table of counts: what was put in is found, however it grows, and no growth is long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import table
from classifier.table import Table
from classifier.tokens import Features

IDS = st.lists(st.integers(0, 2**32 - 2), max_size=200, unique=True).map(sorted)
_UNSPREAD = pow(0x9E3779B1, -1, 2**32)
LATE = sorted(
    spread * _UNSPREAD % 2**32 for spread in range(2**32 - 900, 2**32)
)  # at home in the last bucket


def features(ids: list[int]) -> Features:
    return np.array(ids, dtype=np.uint32)


def contents(counted: Table) -> dict[int, tuple[int, int]]:
    ids, spam, ham = counted.entries()
    assert (np.diff(ids.astype(np.int64)) > 0).all()
    return {int(i): (int(s), int(h)) for i, s, h in zip(ids, spam, ham, strict=True)}


@given(st.lists(st.tuples(IDS, st.booleans(), st.booleans()), max_size=30), st.sampled_from([1, 7, 2_048]))
def test_a_growing_table_counts_like_a_dictionary(
    acts: list[tuple[list[int], bool, bool]], pace: int
) -> None:
    """Added to and subtracted from while it grows, with any pace, it holds what a dictionary holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "MOVED_AT_LEAST", pace)
        patch.setattr(table, "MOVED_FOR_EACH", 0)
        counted, expected = Table(), dict[int, list[int]]()
        for number, (ids, column, taken_back) in enumerate(acts):
            found = features(ids)
            counted.add(found, int(column), largest=number + 1)
            for each in ids:
                expected.setdefault(each, [0, 0])[column] += 1
            if taken_back:
                assert counted.subtract(found, int(column)) is not None
                for each in ids:
                    expected[each][column] -= 1
            slots = counted.find(features([each for each, amounts in expected.items() if any(amounts)]))
            assert (slots >= 0).all()
    assert contents(counted) == {each: tuple(amounts) for each, amounts in expected.items() if any(amounts)}


@pytest.mark.parametrize("pace", [1, 2_048])
def test_what_does_not_fit_at_the_end_is_found(monkeypatch: pytest.MonkeyPatch, pace: int) -> None:
    """Ids that are all at home in the last bucket lie behind it, and stay there when the table grows."""
    monkeypatch.setattr(table, "MOVED_AT_LEAST", pace)
    monkeypatch.setattr(table, "MOVED_FOR_EACH", 0)
    counted = Table()
    for start in range(0, len(LATE), 90):
        counted.add(features(LATE[start : start + 90]), 0, largest=1)
        assert (counted.find(features(LATE[: start + 90])) >= 0).all()
    assert contents(counted) == dict.fromkeys(LATE, (1, 0))


class Watched(Table):
    """Records how many buckets each step of a growth has moved."""

    __slots__ = ("moved",)

    def __init__(self) -> None:
        super().__init__()
        self.moved: list[int] = []

    def _lay_out(self, first: int, last: int) -> None:
        self.moved.append(last - first)
        super()._lay_out(first, last)


def test_no_growth_is_long() -> None:
    """A table that grows to 400,000 ids never moves more than some thousand buckets at once."""
    chance = np.random.default_rng(1)
    counted = Watched()
    for _ in range(400):
        counted.add(np.unique(chance.integers(0, 2**32 - 2, 1_000, dtype=np.uint32)), 0, largest=1)
    assert len(counted.moved) > 40
    assert max(counted.moved) <= table.MOVED_FOR_EACH * 1_000 + 64
    assert len(counted.entries()[0]) > 399_000

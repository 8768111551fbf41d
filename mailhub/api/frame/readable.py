"""Pages of what the caller may read, full as long as there is more: where one ends tells nothing of what is held."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol, TypeVar

R = TypeVar("R")
R_out = TypeVar("R_out", covariant=True)
R_both = TypeVar("R_both")


class FindRows(Protocol[R_out]):
    """The next rows behind a place; None is the beginning."""

    def __call__(self, place: int | None, limit: int, /) -> Sequence[R_out]: ...


class KeepRows(Protocol[R_both]):
    """Those of the rows that the caller may read, in order."""

    def __call__(self, rows: Sequence[R_both], /) -> list[R_both]: ...


def readable_page(
    find: FindRows[R], keep: KeepRows[R], *, start: int | None, limit: int, place: str = "id"
) -> list[R]:
    """``limit`` rows that may be read, or all there are. ``place``: by which attribute a page goes on."""
    kept: list[R] = []
    while len(kept) < limit:
        found = find(start, limit)
        kept += keep(found)
        if len(found) < limit:
            break
        start = attrgetter(place)(found[-1])
    return kept[:limit]

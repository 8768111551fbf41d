"""A hash table from feature ids to two counts, in three arrays: small for a small account, fast in bulk.

Job: find and insert thousands of ids with a handful of numpy calls. Ids live in buckets of eight (half a cache line);
an id whose bucket is full goes to the next one that is not. Nothing is deleted: an id whose counts are zero keeps its
slot until the next growth (``entries`` skips it, so what is written out never shows it). Counts are as wide as the
largest number of documents makes necessary (a count never exceeds it): 6 bytes a slot up to 255 documents, 8 up to
65,535.

Must not: know labels, scores or formats. Not safe for two threads at once.

Measured (2 shared cores): looking up 3,000 ids of a million costs about 60 us; probing single slots
takes 200. At a load of 0.8 the search for buckets with room took a third longer, at 0.5 the memory grew by as much.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifier.tokens import Features

WIDTH: Final = 8
LOAD: Final = 0.7
GROWTH: Final = 1.2
_SMALLEST: Final = 64
_SPREAD = np.uint32(0x9E3779B1)  # odd: a bijection of the ids, so that neighbours part
# Eight flags read as one little-endian word, at most one set, 2**(8 n): times this, the top three bits are n.
_PLACE: Final = np.uint64(sum(place << (61 - 8 * place) for place in range(WIDTH)))
_PLACE_SHIFT: Final = np.uint64(61)
_WIDTHS = (np.uint8, np.uint16, np.uint32, np.int64)

Slots = NDArray[np.int64]
Tally = NDArray[np.int64]


class Table:
    """Ids and their counts in two columns."""

    __slots__ = ("_columns", "_keys", "_used")

    def __init__(self, *, room: int = 0) -> None:
        self._used = 0
        self._keys = np.zeros((_buckets(room), WIDTH), dtype=np.uint32)
        self._columns = [np.zeros(self._keys.size, dtype=np.uint8) for _ in range(2)]

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return self._keys.nbytes + sum(column.nbytes for column in self._columns)

    def find(self, ids: Features) -> Slots:
        """Slot of each id, -1 where it was never seen."""
        slots = np.full(ids.size, -1, dtype=np.int64)
        keys = ids + np.uint32(1)
        rows = self._home(ids)
        pending = None  # the first round looks at all ids
        while rows.size:
            held = self._keys.take(rows, axis=0)
            equal = (held == keys[:, None]).view("<u8").ravel()
            hits = np.flatnonzero(equal)
            places = (equal[hits] * _PLACE >> _PLACE_SHIFT).astype(np.int64)
            slots[hits if pending is None else pending[hits]] = rows[hits] * WIDTH + places
            further = np.flatnonzero((held[:, -1] != 0) & (equal == 0))
            pending = further if pending is None else pending[further]
            keys, rows = keys[further], (rows[further] + 1) % len(self._keys)
        return slots

    def counts(self, slots: Slots, column: int) -> Tally:
        """Counts at known slots (none of them -1)."""
        return self._columns[column][slots].astype(np.int64)

    def add(self, ids: Features, column: int, amounts: Tally | int, *, largest: int) -> None:
        """Add to the counts of distinct ids, inserting what is new. ``largest``: no count will exceed it."""
        self._widen(largest)
        slots = self.find(ids)
        while (new := ids[slots < 0]).size:  # again when growth dropped an id that was found with counts of zero
            self._insert(new)
            slots = self.find(ids)
        self._columns[column][slots] += np.asarray(amounts).astype(self._columns[column].dtype)

    def subtract(self, ids: Features, column: int) -> bool:
        """Take one from the count of each distinct id; False, and nothing changed, if any is not above zero."""
        slots = self.find(ids)
        counts = self._columns[column]
        if (slots < 0).any() or not counts[slots].all():
            return False
        counts[slots] -= 1
        return True

    def entries(self) -> tuple[Features, Tally, Tally]:
        """Ids in ascending order with their counts, without those that count nothing: independent of history."""
        keys = self._keys.ravel()
        first, second = self._columns
        places = np.flatnonzero((first != 0) | (second != 0))
        places = places[np.argsort(keys[places], kind="stable")]
        return keys[places] - np.uint32(1), first[places].astype(np.int64), second[places].astype(np.int64)

    def _home(self, ids: Features) -> Slots:
        return ((ids * _SPREAD).astype(np.uint64) * np.uint64(len(self._keys)) >> np.uint64(32)).astype(np.int64)

    def _widen(self, largest: int) -> None:
        width = next(np.dtype(kind) for kind in _WIDTHS if largest <= np.iinfo(kind).max)
        if width.itemsize > self._columns[0].dtype.itemsize:
            self._columns = [column.astype(width) for column in self._columns]

    def _insert(self, ids: Features) -> None:
        """Put distinct ids that are not there into free slots, with counts of zero."""
        if self._used + ids.size > LOAD * self._keys.size:
            self._grow(self._used + ids.size)
        self._used += ids.size
        rows = self._home(ids)
        while ids.size:
            order = np.argsort(rows, kind="stable")
            rows, ids = rows[order], ids[order]
            taken = np.count_nonzero(self._keys[rows], axis=1)
            place = taken + np.arange(ids.size) - np.searchsorted(rows, rows)
            fits = place < WIDTH
            self._keys[rows[fits], place[fits]] = ids[fits] + np.uint32(1)
            ids, rows = ids[~fits], (rows[~fits] + 1) % len(self._keys)

    def _grow(self, room: int) -> None:
        """Move what counts into larger arrays. A million ids take about a quarter of a second, once per growth of a
        fifth.
        """
        ids, first, second = self.entries()
        kind = self._columns[0].dtype
        self._keys = np.zeros((_buckets(int(room * GROWTH)), WIDTH), dtype=np.uint32)
        self._columns = [np.zeros(self._keys.size, dtype=kind) for _ in range(2)]
        self._used = 0
        self._insert(ids)
        slots = self.find(ids)
        self._columns[0][slots], self._columns[1][slots] = first, second


def _buckets(room: int) -> int:
    return max(_SMALLEST, int(room / (LOAD * WIDTH)) + 1)

"""A hash table from feature ids to two counts, in three arrays: small for a small account, fast in bulk.

Job: find and insert thousands of ids with a handful of numpy calls. Ids live in buckets of eight (half a cache line);
an id whose bucket is full goes to the next one that is not. Nothing is deleted: an id whose counts are zero keeps its
slot until the next growth (``entries`` skips it, so what is written out never shows it). Counts are as wide as the
largest number of documents makes necessary (a count never exceeds it): 6 bytes a slot up to 255 documents, 8 up to
65,535.

Must not: know labels, scores or formats. Not safe for two threads at once.

Measured (2 shared cores, 2,600 ids in a table of 1.2 million slots): finding them takes 81 us at a load of 0.65, 85 at
0.7 and 102 at 0.8, since more of the buckets are full.
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
_ONE = np.ones(1, dtype=np.bool_)
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

    def add(self, ids: Features, column: int, *, largest: int) -> Slots:
        """Add one to the count of each distinct id, inserting what is new; their slots. ``largest``: no count will
        exceed it.
        """
        self._widen(largest)
        slots = self.find(ids)
        new = np.flatnonzero(slots < 0)
        if new.size:
            if self._used + new.size > LOAD * self._keys.size:
                self._grow(self._used + new.size)
                slots = self.find(ids)
                new = np.flatnonzero(slots < 0)  # growth has dropped ids that were found with counts of zero
            slots[new] = self._insert(ids[new])
        self.increase(slots, column)
        return slots

    def increase(self, slots: Slots, column: int) -> None:
        """Add one at known slots."""
        self._columns[column][slots] += 1

    def fill(self, ids: Features, counts: tuple[Tally, Tally], *, largest: int) -> None:
        """Put distinct ids with their counts into a table made with room for them."""
        self._widen(largest)
        slots = self._insert(ids)
        for column, amounts in zip(self._columns, counts, strict=True):
            column[slots] = amounts

    def copy(self) -> Table:
        """An equal table that shares nothing: some milliseconds for a million ids."""
        other = Table()
        other._used = self._used
        other._keys = self._keys.copy()
        other._columns = [column.copy() for column in self._columns]
        return other

    def subtract(self, ids: Features, column: int) -> Slots | None:
        """Take one from the count of each distinct id; their slots. None, and nothing changed, if any is zero."""
        slots = self.find(ids)
        counts = self._columns[column]
        if (slots < 0).any() or not counts[slots].all():
            return None
        counts[slots] -= 1
        return slots

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

    def _insert(self, ids: Features) -> Slots:
        """Put distinct ids that are not there into free slots, with counts of zero; there must be room."""
        self._used += ids.size
        slots = np.empty(ids.size, dtype=np.int64)
        flat = self._keys.reshape(-1)
        rows = self._home(ids)
        left = np.argsort(rows, kind="stable")
        rows = rows[left]
        while left.size:
            # rows ascend (but for one that went round to the first), so those for one bucket are neighbours
            first = np.flatnonzero(np.concatenate([_ONE, rows[1:] != rows[:-1]]))
            length = np.diff(first, append=left.size)
            taken = np.count_nonzero(self._keys[rows[first]], axis=1)
            place = np.arange(left.size) + np.repeat(taken - first, length)
            fits = place < WIDTH
            found = rows[fits] * WIDTH + place[fits]
            flat[found] = ids[left[fits]] + np.uint32(1)
            slots[left[fits]] = found
            left, rows = left[~fits], (rows[~fits] + 1) % len(self._keys)
        return slots

    def _grow(self, room: int) -> None:
        """Move what counts into larger arrays, once per growth of a fifth: some 100 ms for a million ids.

        A home is the leading part of the spread id, so ids come in the order of their old rows nearly as they will lie
        in the new ones, which makes the sort in ``_insert`` cheap.
        """
        keys = self._keys.reshape(-1)
        places = np.flatnonzero((self._columns[0] != 0) | (self._columns[1] != 0))
        ids, counts = keys[places] - np.uint32(1), [column[places] for column in self._columns]
        self._keys = np.zeros((_buckets(int(room * GROWTH)), WIDTH), dtype=np.uint32)
        self._used = 0
        slots = self._insert(ids)
        self._columns = [np.zeros(self._keys.size, dtype=column.dtype) for column in counts]
        for column, amounts in zip(self._columns, counts, strict=True):
            column[slots] = amounts


def _buckets(room: int) -> int:
    return max(_SMALLEST, int(room / (LOAD * WIDTH)) + 1)

"""A hash table from feature ids to two counts, in three arrays: small for a small account, fast in bulk.

Job: find and insert thousands of ids with a handful of numpy calls. Ids live in buckets of eight (half a
cache line); an id whose bucket is full goes to the next one that is not. Nothing is deleted: an id whose
counts are zero keeps its slot until the next growth (``entries`` skips it, so what is written out never shows
it). Counts are as wide as the largest number of documents makes necessary (a count never exceeds it): 6 bytes
a slot up to 255 documents, 8 up to 65,535.

Growth: a home is the leading part of the spread id, so in a larger table everything lies further back, in the
same order. The arrays grow where they are, and their contents move from the end on, some buckets with every
``add``:

    0 .......... bound ......... old end ............. new end
    as in the old table | gap |  as in the new one

Whoever knows the bound knows where an id is at home. What is moved is a run of buckets between two that are
not full: no id lies beyond a bucket that is not full, seen from its home.

Must not: know labels, scores or formats. Not safe for two threads at once.

Measured (2 shared cores, 2,600 ids in a table of 1.2 million slots): finding them takes 81 us at a load of
0.65, 85 at 0.7 and 102 at 0.8, since more of the buckets are full.
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
_SPARE: Final = (
    4  # buckets behind the last home, for what does not fit there; the very last one is never full
)
MOVED_AT_LEAST: Final = 2_048  # buckets in one go: a table of so many grows at once
MOVED_FOR_EACH: Final = 4  # new id; the growth is done long before the next one begins
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

    __slots__ = ("_bound", "_buckets", "_columns", "_keys", "_old", "_used")

    def __init__(self, *, room: int = 0) -> None:
        self._used = 0
        self._buckets = self._old = _buckets(room)  # homes of the table, and of the one it grows from
        self._bound = 0  # ids at home below it in the old table have not been moved yet
        self._keys = np.zeros((self._buckets + _SPARE, WIDTH), dtype=np.uint32)
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
            keys = keys[further]
            rows = rows[further] + 1

        return slots

    def counts(self, slots: Slots, column: int) -> Tally:
        """Counts at known slots (none of them -1)."""
        return self._columns[column][slots].astype(np.int64)

    def add(self, ids: Features, column: int, *, largest: int) -> Slots:
        """Add one to the count of each distinct id, inserting what is new; their slots. ``largest``: no count
        will exceed it.
        """
        self._widen(largest)
        slots = self.find(ids)

        new = np.flatnonzero(slots < 0)
        if new.size:
            if self._grow(new.size):
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
        other._bound = self._bound
        other._old = self._old
        other._buckets = self._buckets
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
        spread = (ids * _SPREAD).astype(np.uint64)
        rows = spread * np.uint64(self._buckets) >> np.uint64(32)
        if self._bound:
            unmoved = spread < np.uint64(-(-(self._bound << 32) // self._old))
            rows = np.where(unmoved, spread * np.uint64(self._old) >> np.uint64(32), rows)
        return rows.astype(np.int64)

    def _widen(self, largest: int) -> None:
        width = next(np.dtype(kind) for kind in _WIDTHS if largest <= np.iinfo(kind).max)
        if width.itemsize > self._columns[0].dtype.itemsize:
            self._columns = [column.astype(width) for column in self._columns]

    def _insert(self, ids: Features) -> Slots:
        """Put distinct ids that are not there into free slots, with counts of zero; there must be room."""
        self._used += ids.size
        slots = np.empty(ids.size, dtype=np.int64)
        rows = self._home(ids)
        left = np.argsort(rows, kind="stable")
        rows = rows[left]

        while left.size:
            self._extend(int(rows[-1]) + 2)
            # rows ascend, so those for one bucket are neighbours
            first = np.flatnonzero(np.concatenate([_ONE, rows[1:] != rows[:-1]]))
            length = np.diff(first, append=left.size)
            taken = np.count_nonzero(self._keys[rows[first]], axis=1)
            place = np.arange(left.size) + np.repeat(taken - first, length)
            fits = place < WIDTH
            found = rows[fits] * WIDTH + place[fits]
            self._keys.reshape(-1)[found] = ids[left[fits]] + np.uint32(1)
            slots[left[fits]] = found
            left = left[~fits]
            rows = rows[~fits] + 1

        return slots

    def _grow(self, new: int) -> bool:
        """Make room for so many new ids, or go on with what was begun; whether anything has moved."""
        if self._used + new > LOAD * self._buckets * WIDTH:
            self._move(self._bound)
            self._old, self._buckets = self._buckets, _buckets(int((self._used + new) * GROWTH))
            self._bound = self._old
            self._extend(self._buckets + _SPARE)
        elif not self._bound:
            return False
        self._move(max(MOVED_AT_LEAST, MOVED_FOR_EACH * new))
        return True

    def _extend(self, rows: int) -> None:
        """Have at least so many buckets, those at the end empty. The memory grows where it lies: nothing is copied."""
        if rows > len(self._keys):
            self._keys.resize((rows, WIDTH), refcheck=False)  # nobody holds a view of it meanwhile
            for column in self._columns:
                column.resize(rows * WIDTH, refcheck=False)

    def _move(self, buckets: int) -> None:
        """Lay at least so many of the old buckets out as the grown table wants them, the last ones first."""
        last = self._bound
        first = max(0, self._bound - buckets)
        while first and self._is_full(first - 1):
            first -= 1
        while last and self._is_full(last - 1):
            last += 1
        self._bound = first
        if first < last:
            self._lay_out(first, last)

    def _is_full(self, bucket: int) -> bool:
        return bool(self._keys[bucket, -1])

    def _lay_out(self, first: int, last: int) -> None:
        """Take what counts out of these buckets, and put it where it is at home now."""
        places = slice(first * WIDTH, last * WIDTH)
        keys = self._keys.reshape(-1)[places].copy()
        counts = [column[places].copy() for column in self._columns]
        kept = np.flatnonzero((counts[0] != 0) | (counts[1] != 0))
        self._used -= int(np.count_nonzero(keys))
        self._keys[first:last] = 0
        for column in self._columns:
            column[places] = 0
        slots = self._insert(keys[kept] - np.uint32(1))
        for column, amounts in zip(self._columns, counts, strict=True):
            column[slots] = amounts[kept]


def _buckets(room: int) -> int:
    return max(_SMALLEST, int(room / (LOAD * WIDTH)) + 1)

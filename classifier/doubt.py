"""How many labels are probably wrong, told by the counts alone.

Job: four integers that follow from the counts, kept up with every label, and the estimate they give. Adding and
subtracting in any order gives the same as counting anew, so nothing about them needs to be stored.

The idea: a feature of one class that was seen in n documents turns up once in the other class, by wrong labels alone,
``n e / (1 - e)`` times as often as never (binomial, e the share of wrong labels). Features that belong to both classes
do so too, but hardly more often for larger n (measured on two corpora, between 8 and 63 documents). So the growth of
(seen once) : (never seen) from features of 8 to 15 documents to those of 24 to 63 is e, by the method of moments.
docs/filter.md has the figures.

Must not: know labels, ids or scores.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FEW: Final = (8, 15)  # documents
MANY: Final = (24, 63)
APART: Final = 25.0  # documents between the means of the two, as they occur
CAUTION: Final = 8.0  # features more that are said to be pure: a handful proves nothing
LARGEST: Final = 0.1  # share beyond which nothing can be said
KNOWN: Final = 50  # documents of the smaller class at which the estimate counts half

Tally = NDArray[np.int64]


class Doubt:
    """Features of few and of many documents, by whether the other class never had them or had them once."""

    __slots__ = ("_few_never", "_few_once", "_many_never", "_many_once")

    def __init__(self) -> None:
        self._few_never = self._few_once = self._many_never = self._many_once = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Doubt) and self._all() == other._all()

    __hash__ = None  # type: ignore[assignment] # it changes

    def _all(self) -> tuple[int, int, int, int]:
        return self._few_never, self._few_once, self._many_never, self._many_once

    def copy(self) -> Doubt:
        """An equal one that shares nothing."""
        other = Doubt()
        other._few_never, other._few_once, other._many_never, other._many_once = self._all()
        return other

    def add(self, spam: Tally, ham: Tally) -> None:
        """Take features with these counts in."""
        self._change(spam, ham, 1)

    def subtract(self, spam: Tally, ham: Tally) -> None:
        """Take features with these counts out."""
        self._change(spam, ham, -1)

    def _change(self, spam: Tally, ham: Tally, sign: int) -> None:
        seen = spam + ham
        other = np.minimum(spam, ham)
        telling = np.flatnonzero((seen >= FEW[0]) & (seen <= MANY[1]) & (other <= 1))
        seen, once = seen[telling], other[telling]
        few, many = seen <= FEW[1], seen >= MANY[0]
        few_once, many_once = int(once[few].sum()), int(once[many].sum())
        self._few_once += sign * few_once
        self._many_once += sign * many_once
        self._few_never += sign * (int(few.sum()) - few_once)
        self._many_never += sign * (int(many.sum()) - many_once)

    def share(self, documents: int) -> float:
        """Share of wrong labels, 0 to ``LARGEST``; ``documents``: how many of the smaller class were trained."""
        few = self._few_once / (self._few_never + CAUTION)
        many = self._many_once / (self._many_never + CAUTION)
        growth = min(max((many - few) / APART, 0.0), LARGEST)
        return growth * documents / (documents + KNOWN)

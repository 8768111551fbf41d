"""How many labels are probably wrong, told by the counts alone.

Job: eight integers that follow from the counts, kept up with every label, and the estimate they give. Adding
and subtracting in any order gives the same as counting anew, so nothing about them needs to be stored.

The idea: of the features that belong to one class, those seen in n documents are without a stray in the other
class with probability ``(1 - e)^n``, e the share of wrong labels. Features that belong to both classes leave
strays too, but hardly more of them for larger n. So how much rarer features without a stray are among those
of many documents than among those of few is e, by the method of moments: ``ln(pure share of few / pure share
of many) / documents between``.

A spam that came through a mailing list has the headers of ham, a newsletter the words of spam; a mail with
the wrong label is strange in all it has. So two witnesses are asked, what the headers say and what the
content says, and the estimate is their geometric mean: one that sees nothing outweighs the other.
docs/filter.md has the figures.

Must not: know labels, ids or scores.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

FEW: Final = (4, 7)  # documents
MANY: Final = (12, 40)
APART: Final = 13.0  # documents between the means of the two, as they occur
STRAYS: Final = 2  # of the other class, beyond which a feature belongs to both
CAUTION: Final = 8.0  # features more that are said to be pure: a handful proves nothing
LARGEST: Final = 0.1  # share beyond which nothing can be said
KNOWN: Final = 40  # documents of the smaller class at which the estimate counts half
WITNESSES: Final = 2

Tally = NDArray[np.int64]

_NOTHING: Final = (
    4  # what a feature tells: (pure, with strays) of few documents, the same of many, or nothing
)
_COLUMNS: Final = STRAYS + 2
_LAST: Final = MANY[1] + 1


def _table() -> NDArray[np.int64]:
    """What is told by ``documents * _COLUMNS + strays``, the former up to ``_LAST``, the latter up to STRAYS + 1."""
    told = np.full((_LAST + 1, _COLUMNS), _NOTHING, dtype=np.int64)
    for place, (low, high) in enumerate((FEW, MANY)):
        told[low : high + 1, 0] = 2 * place
        told[low : high + 1, 1 : STRAYS + 1] = 2 * place + 1
    return told.ravel()


_TOLD = _table()


class Doubt:
    """For each witness: features of few and of many documents, without and with strays in the other class."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told = np.zeros((WITNESSES, _NOTHING + 1), dtype=np.int64)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Doubt) and np.array_equal(
            self._told[:, :_NOTHING], other._told[:, :_NOTHING]
        )

    __hash__ = None  # type: ignore[assignment] # it changes

    def copy(self) -> Doubt:
        """An equal one that shares nothing."""
        other = Doubt()
        other._told = self._told.copy()
        return other

    def add(self, spam: Tally, ham: Tally, second: int) -> None:
        """Take features with these counts in; those from place ``second`` on are the second witness's."""
        self._told += _read(spam, ham, second)

    def subtract(self, spam: Tally, ham: Tally, second: int) -> None:
        """Take features with these counts out."""
        self._told -= _read(spam, ham, second)

    def share(self, documents: float) -> float:
        """Share of wrong labels, 0 to ``LARGEST``; ``documents``: how many of the smaller class were trained."""
        witnesses = math.prod(_share(row) for row in self._told.tolist())
        return min(math.pow(witnesses, 1 / WITNESSES), LARGEST) * documents / (documents + KNOWN)


def _read(spam: Tally, ham: Tally, second: int) -> Tally:
    documents = np.minimum(spam + ham, _LAST)
    strays = np.minimum(np.minimum(spam, ham), STRAYS + 1)
    told = _TOLD[documents * _COLUMNS + strays]
    told[second:] += _NOTHING + 1
    return np.bincount(told, minlength=WITNESSES * (_NOTHING + 1)).reshape(WITNESSES, _NOTHING + 1)


def _share(told: list[int]) -> float:
    """What one witness says."""
    few_pure, few_strayed, many_pure, many_strayed = told[:_NOTHING]
    few = (few_pure + CAUTION) / (few_pure + few_strayed + CAUTION)
    many = (many_pure + CAUTION) / (many_pure + many_strayed + CAUTION)
    return max(math.log(few / many) / APART, 0.0)

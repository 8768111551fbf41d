"""What a feature's id stands for, in words, for people who ask why a message has its score.

An id is a hash: the document is looked through anew, and every place that gives the id is a name for it. Must
not: be on the way in, which has no use for names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from classifier.tokens import GROUPS, WINDOW, Document, Extracted, extract


@dataclass(frozen=True, slots=True)
class Named:
    """A feature in words."""

    group: str  # one of GROUPS
    field: str  # the header's name, "subject", "link", ...
    words: str


def _show(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _name(found: Extracted, piece: int, place: int) -> Named:
    """Where the id at ``place`` of ``piece`` came from."""

    def word(number: int) -> str:
        return _show(found.buffer[found.starts[number] : found.ends[number]])

    if piece < 2:
        number = place if piece == 0 else int(found.adjacent[place])
        line = found.lines[found.line_of_word[number]]
        words = word(number) if piece == 0 else f"{word(number - 1)} {word(number)}"
        return Named(GROUPS[line.group], line.field, words)
    if piece < 1 + WINDOW:
        distance = piece - 1
        first = found.tagged + place
        return Named(
            "content", "text", " ".join([word(first), *["…"] * (distance - 1), word(first + distance)])
        )
    letters = _show(found.grams[place : place + 4])
    if place < found.spellings:
        return Named("header-grams", "header letters", letters)
    return Named("text-grams", "text letters", letters)


def name_features(document: Document, wanted: Iterable[int], *, secret: int = 0) -> Mapping[int, Named]:
    """What each wanted id stands for in this document; an id the document does not hold is left out.

    Extracts anew and looks the ids up: about three times the cost of ``features``, meant for one explanation at a time.
    """
    asked = np.array(sorted(set(wanted)), dtype=np.uint32)
    found = extract([document], secret)
    named: dict[int, Named] = {}
    for piece, start, end in found.spans[0]:
        ids = found.pieces[piece][start:end]
        for place in np.flatnonzero(np.isin(ids, asked)).tolist():
            named.setdefault(int(ids[place]), _name(found, piece, start + place))
    return named

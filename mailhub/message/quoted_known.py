"""Which lines of an answer were in the ticket before: we know what we sent, and what they wrote. Pure, bounded.

Compared without white space and quote marks, so that wrapping and indenting change nothing: a line counts when all of it
stands in an earlier text in one piece. A short one ("Yes.", "Best regards") could stand in any; it counts only in one piece
with its neighbour.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

TEXTS = 5  # earlier messages that are compared with
TEXT_CHARACTERS = 32 * 1024  # of each
LINES = 1_000  # of the answer; a line takes two looks, each a search in the texts
LINE_CHARACTERS = 14  # of a line, squashed: fewer stand in many a text
_PROOF_LINES = (
    2  # of ours, one below the other, and so many characters: then they are a quote without any mark
)
_PROOF_CHARACTERS = 40
_MARKS = str.maketrans("", "", ">|*_")


def squash(text: str) -> str:
    """Without white space, quote marks and what stands for bold or italic."""
    return "".join(text.translate(_MARKS).split())


def known_lines(lines: Sequence[str], texts: Sequence[str]) -> bytearray:
    """1 for each line that stands in one of these texts, 0 for others, and for blank ones."""
    found = bytearray(len(lines))
    seen = [squash(text[:TEXT_CHARACTERS]) for text in texts[-TEXTS:]]
    if not any(seen):
        return found

    pieces = [squash(line[:TEXT_CHARACTERS]) for line in lines[:LINES]]
    for index, piece in enumerate(pieces):
        found[index] = len(piece) >= LINE_CHARACTERS and _stands(piece, seen)
    written = [index for index, piece in enumerate(pieces) if piece]
    for before, after in pairwise(written):
        if found[before] and not found[after]:
            found[after] = _stands(pieces[before] + pieces[after], seen)
    for before, after in reversed([*pairwise(written)]):
        if found[after] and not found[before]:
            found[before] = _stands(pieces[before] + pieces[after], seen)

    return found


def _stands(piece: str, seen: Sequence[str]) -> bool:
    return any(piece in text for text in seen)


def end_of_new(lines: Sequence[str], ours: bytearray) -> int | None:
    """Where the new text ends because all below it is a quote of ours; None when that is not proven, or nothing is new."""
    start = len(lines)
    while start > 0 and (ours[start - 1] or not lines[start - 1].strip()):
        start -= 1
    return start if start > 0 and _is_proof(lines[start:]) else None


def start_of_new(lines: Sequence[str], ours: bytearray) -> int | None:
    """Where the new text begins because all above it is a quote of ours; None when that is not proven."""
    end = 0
    while end < len(lines) and (ours[end] or not lines[end].strip()):
        end += 1
    return end if end < len(lines) and _is_proof(lines[:end]) else None


def _is_proof(lines: Sequence[str]) -> bool:
    sizes = [len(squash(line[:TEXT_CHARACTERS])) for line in lines]
    return sum(size >= LINE_CHARACTERS for size in sizes) >= _PROOF_LINES and sum(sizes) >= _PROOF_CHARACTERS

"""What mail that came would have become with another threshold: by the scores it had when it came. Reads only.

Scores are not computed anew: the filter of today has learned from that very mail and would flatter itself.
Nothing is known here of how much had been trained at the time, so mail that was unsure for want of marks is
counted by its score. Rules for senders win over any threshold, here as in life. Pure: rows in, counts out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from classifier.model import Score
from mailhub.filter.verdict import FilterSettings, decide
from storage.filter.labels import Scored

LISTED = frozenset({"allow-list", "deny-list"})
Pairs = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Counts of messages. ``moves``: (verdict when it came, the one it would have); the others: (label, verdict)."""

    messages: int
    moves: Pairs
    labelled_now: Pairs  # with the thresholds in force
    labelled_then: Pairs  # with those that are tried


def backtest(rows: Iterable[Scored], *, now: FilterSettings, tried: FilterSettings) -> Backtest:
    """Judge scored messages by the settings in force, and by those that are tried."""
    moves: Counter[tuple[str, str]] = Counter()
    labelled_now: Counter[tuple[str, str]] = Counter()
    labelled_then: Counter[tuple[str, str]] = Counter()

    for row in rows:
        then = _verdict(row, tried)
        moves[row.verdict, then] += 1
        if row.label is not None:
            labelled_now[row.label, _verdict(row, now)] += 1
            labelled_then[row.label, then] += 1

    return Backtest(
        messages=moves.total(), moves=moves, labelled_now=labelled_now, labelled_then=labelled_then
    )


def _verdict(row: Scored, settings: FilterSettings) -> str:
    """What the settings make of its score; what a rule decided stays."""
    if row.verdict_reason in LISTED:
        return row.verdict
    score = Score(row.probability, 0.0)
    return decide(score, spam=settings.minimum_spam, ham=settings.minimum_ham, settings=settings).value

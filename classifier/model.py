"""Integer counts of labelled documents, and the score that follows from them.

Job: ``Counts`` is the fold of the ledger: how many spam and ham documents were trained, and in how many of
each every feature occurred. ``train`` adds a row, ``untrain`` subtracts it: the regime is a pure sum, so the
model is *always exact* (byte-equal to the fold of the remaining rows), never stale, and a label has nothing
to record besides itself and the features.

    score(counts, features, evidence=0) -> Score        train(counts, features, label) -> None
    untrain(counts, features, label) -> None            fold(rows of (label, feature bytes)) -> Counts

The score (docs/filter.md has the experiments). With S, H documents trained, a feature seen in s spam and h ham weighs
``x = ln((s m/(S+1) + k) / (h m/(H+1) + k))``, ``m = sqrt((min(S,H)+1) ((S+H)/2+1))``: both classes are smoothed as if
they had the same number of documents, whatever the mix. Per field group the K most spammy and the K most hammy
features count; a group's vote is a power below one of their sum, since features of one kind repeat each other. Votes
add up; where headers and content agree, half of the weaker counts again. While one class is hardly known the sum is
drawn towards zero. The share e of labels that look wrong (``classifier.doubt``) is taken off all counts and discounts
what few documents say.

Threads: read and written by one thread; a fold may run in another and be swapped in whole. Must not import
scikit-learn.

Durable state: none. The caller stores rows and checkpoints (``classifier.checkpoint``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifier.doubt import Doubt
from classifier.errors import CountBelowZero, UnknownLabel
from classifier.table import Slots, Table, Tally
from classifier.tokens import (
    CONTENT,
    GROUP_BITS,
    GROUPS,
    HEADER,
    HEADER_GRAMS,
    Features,
    features_of_many,
)

SPAM: Final = "spam"
HAM: Final = "ham"
_COLUMNS: Final = {SPAM: 0, HAM: 1}

SMOOTHING: Final = 0.05
STRONGEST: Final = 9
SUBLINEAR: Final = 0.8  # power of a group's sum that is its vote
AGREEMENT: Final = 0.5  # of the weaker of headers and content, counted again where both say the same
TEMPERATURE: Final = 8.0
UNMIXING: Final = 0.5  # of the share of wrong labels, taken off the counts
DISCOUNT: Final = 10.0  # times that share: documents a feature must be seen in to count half
PRIOR_DOCUMENTS: Final = 200  # of each class that a prior counts for at most
PRIOR_FADES: Final = 100  # own documents of the smaller class at which a prior counts half
PRIOR_ENDS: Final = 0.02  # share below which it is not looked at any more
_BOUNDS = np.arange(len(GROUPS) + 1, dtype=np.uint32) << np.uint32(GROUP_BITS)  # first id of each group
_WITNESSES = _BOUNDS[
    [HEADER, CONTENT, CONTENT + 1]
]  # ids that tell of wrong labels: headers and subject, content

FOLDED_AT_ONCE: Final = 16  # rows: their features stay in the processor's cache
_ONE = np.uint32(1)  # of the cells' own type: adding another costs sixteen times as much


Weights = NDArray[np.float64]


class Counts:
    """Totals and per-feature counts of one account. ``doubt`` follows from the counts: no checkpoint holds it."""

    __slots__ = ("doubt", "ham", "spam", "table")

    def __init__(self, *, room: int = 0) -> None:
        self.spam = 0
        self.ham = 0
        self.table = Table(room=room)
        self.doubt = Doubt()

    @property
    def wrong_labels(self) -> float:
        """Estimated share of labels that are wrong, 0 to 0.1; near 0 while one class is hardly known."""
        return self.doubt.share(min(self.spam, self.ham))

    @property
    def size_bytes(self) -> int:
        """Memory held, in bytes."""
        return self.table.size_bytes

    def fill(self, ids: Features, tallies: tuple[Tally, Tally]) -> None:
        """Put all the counts (spam, ham) of ascending ids into an empty model that has its totals."""
        self.table.fill(ids, tallies, largest=max(self.spam, self.ham))
        first, second, last = ids.searchsorted(_WITNESSES).tolist()
        self.doubt.add(tallies[0][first:last], tallies[1][first:last], second - first)

    def copy(self) -> Counts:
        """An equal model that shares nothing, for a thread that writes the checkpoint while this one goes on."""
        other = Counts()
        other.spam, other.ham, other.table = self.spam, self.ham, self.table.copy()
        other.doubt = self.doubt.copy()
        return other


@dataclass(frozen=True, slots=True)
class Evidence:
    """One feature that counted: its id, its weight (positive: spammy) and the documents it was seen in."""

    feature: int
    weight: float
    spam: int
    ham: int


@dataclass(frozen=True, slots=True)
class Score:
    """What the counts say about a document. ``log_odds`` is the logit of ``probability`` (of spam), both finite."""

    probability: float
    log_odds: float
    evidence: tuple[Evidence, ...] = ()


def score(counts: Counts, features: Features, *, evidence: int = 0, prior: Counts | None = None) -> Score:
    """Probability that a document is spam; with ``evidence`` the that many features that weighed most, heaviest first.

    Any counts give a finite number in [0, 1]; an empty model, or a document of which nothing was seen, gives 0.5.
    ``prior``: counts of others that speak as long as these are few; they are read, never changed.
    """
    seen = _seen(counts, features, prior)
    wrong = counts.wrong_labels
    weights = _weights(seen, wrong)
    (log_odds,) = _log_odds(seen, weights, wrong, [features])
    return Score(probability(log_odds), log_odds, _evidence(seen, weights, evidence) if evidence else ())


def score_many(counts: Counts, documents: Sequence[Features], *, prior: Counts | None = None) -> list[Score]:
    """What ``score`` says of each document, to the bit, at two thirds of its cost from eight of them on."""
    if not documents:
        return []
    seen = _seen(counts, np.concatenate(documents), prior)
    wrong = counts.wrong_labels
    found = _log_odds(seen, _weights(seen, wrong), wrong, documents)
    return [Score(probability(log_odds), log_odds) for log_odds in found]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of some features: in how many spam and ham each was seen, of how many altogether."""

    known: NDArray[np.bool_]  # of those asked for; the arrays below hold only these
    ids: Features
    spam: Weights | Tally
    ham: Weights | Tally
    spam_total: float
    ham_total: float


def _seen(counts: Counts, features: Features, prior: Counts | None) -> _Seen:
    slots = counts.table.find(features)
    known = slots >= 0
    shares = prior_shares(counts, prior) if prior is not None else (0.0, 0.0)
    if prior is None or shares == (0.0, 0.0):
        spam, ham = (counts.table.counts(slots[known], column) for column in (0, 1))
        return _Seen(known, features[known], spam, ham, counts.spam, counts.ham)

    others = prior.table.find(features)
    known |= others >= 0
    slots = slots[known]
    others = others[known]
    spam_seen, ham_seen = (
        _tallies(counts, slots, column) + share * _tallies(prior, others, column)
        for column, share in enumerate(shares)
    )
    totals = counts.spam + shares[0] * prior.spam, counts.ham + shares[1] * prior.ham

    return _Seen(known, features[known], spam_seen, ham_seen, *totals)


def _tallies(counts: Counts, slots: Slots, column: int) -> Tally:
    """Counts at slots, 0 where a slot is -1."""
    found = np.zeros(slots.size, dtype=np.int64)
    there = np.flatnonzero(slots >= 0)
    found[there] = counts.table.counts(slots[there], column)
    return found


def prior_shares(counts: Counts, prior: Counts) -> tuple[float, float]:
    """What each of the prior's (spam, ham) documents still counts beside the account's own; (0, 0) in the end."""
    fading = PRIOR_FADES / (PRIOR_FADES + min(counts.spam, counts.ham))
    if fading < PRIOR_ENDS:
        return 0.0, 0.0
    spam, ham = (min(1.0, PRIOR_DOCUMENTS / max(1, each)) for each in (prior.spam, prior.ham))
    return fading * spam, fading * ham


def documents(counts: Counts, prior: Counts | None) -> tuple[int, int]:
    """(spam, ham) that a score rests on: the account's own, and the prior's as far as they still count."""
    if prior is None:
        return counts.spam, counts.ham
    spam, ham = prior_shares(counts, prior)
    return counts.spam + int(spam * prior.spam), counts.ham + int(ham * prior.ham)


def _weights(seen: _Seen, wrong: float) -> Weights:
    """x of every known feature; 0 for one whose counts have gone back to zero."""
    spam_total, ham_total = _totals(seen, wrong)
    smaller = min(spam_total, ham_total)
    mean = (spam_total + ham_total) / 2
    scale = math.sqrt((smaller + 1) * (mean + 1))
    scales = scale / (spam_total + 1), scale / (ham_total + 1)
    if wrong == 0:
        return _ratio(seen.spam, seen.ham, scales, SMOOTHING)

    all_ = seen.spam + seen.ham
    mixed = UNMIXING * wrong
    spam, ham = (np.maximum(each - mixed * all_, 0) / (1 - 2 * mixed) for each in (seen.spam, seen.ham))

    return _ratio(spam, ham, scales, SMOOTHING + wrong) * (all_ / (all_ + DISCOUNT * wrong))


def _totals(seen: _Seen, wrong: float) -> tuple[float, float]:
    """Documents of each class without those that a wrong label put there: many of a class that is hardly known."""
    mixed = UNMIXING * wrong
    taken = mixed * (seen.spam_total + seen.ham_total)
    spam, ham = (max(each - taken, 0.0) / (1 - 2 * mixed) for each in (seen.spam_total, seen.ham_total))
    return spam, ham


def _ratio(
    spam: Weights | Tally, ham: Weights | Tally, scales: tuple[float, float], smoothing: float
) -> Weights:
    weights: Weights = np.log((spam * scales[0] + smoothing) / (ham * scales[1] + smoothing))
    return weights


def _log_odds(seen: _Seen, weights: Weights, wrong: float, documents: Sequence[Features]) -> list[float]:
    """Of each document; ``seen`` is of all of them, one after the other."""
    before = np.concatenate(
        [np.zeros(1, dtype=np.int64), seen.known.cumsum()]
    )  # known ones ahead of each place
    caution = _caution(seen, wrong)
    start = 0
    found = []
    for features in documents:
        bounds = before[features.searchsorted(_BOUNDS) + start].tolist()
        found.append(caution * together(_strongest(weights, bounds)) / TEMPERATURE)
        start += features.size
    return found


def _strongest(weights: Weights, bounds: list[int]) -> list[float]:
    """For each group the sum of the strongest weights of either sign."""
    sums = []
    for first, last in pairwise(bounds):
        group = np.sort(
            weights[first:last]
        )  # thrice as fast as a partition, and one order to add in everywhere
        low = group[:STRONGEST].tolist()
        high = group[-STRONGEST:].tolist()
        sums.append(sum([each for each in low if each < 0]) + sum([each for each in high if each > 0]))
    return sums


def together(sums: Sequence[float]) -> float:
    """What the groups' sums of weights come to: the sum of their votes, and more where headers and content agree."""
    votes = [math.copysign(abs(each) ** SUBLINEAR, each) for each in sums]
    headers = votes[HEADER] + votes[HEADER_GRAMS]
    content = sum(votes) - headers
    agreed = min(headers, content, key=abs) if headers * content > 0 else 0.0
    return headers + content + AGREEMENT * agreed


def _caution(seen: _Seen, wrong: float) -> float:
    """Factor towards zero while one of the classes is hardly known."""
    smaller = min(_totals(seen, wrong))
    return (smaller + 1) / (smaller + 2)


def probability(log_odds: float) -> float:
    """The probability of given log odds; never overflows."""
    if log_odds < 0:
        return 1.0 - probability(-log_odds)
    return 1.0 / (1.0 + math.exp(-log_odds))


def _evidence(seen: _Seen, weights: Weights, wanted: int) -> tuple[Evidence, ...]:
    """The heaviest of the features that took part in the sum."""
    chosen: list[int] = []
    ids = seen.ids
    groups = ids >> np.uint32(GROUP_BITS)

    for group in range(len(GROUPS)):
        members = np.flatnonzero(groups == group)
        order = members[np.argsort(weights[members], kind="stable")].tolist()
        chosen += [place for place in order[:STRONGEST] if weights[place] < 0]
        chosen += [place for place in order[-STRONGEST:] if weights[place] > 0]

    chosen.sort(key=lambda place: (-abs(float(weights[place])), int(ids[place])))
    places = np.array(chosen[:wanted], dtype=np.int64)
    spam = seen.spam[places].tolist()
    ham = seen.ham[places].tolist()

    return tuple(
        Evidence(int(ids[place]), float(weights[place]), int(s), int(h))
        for place, s, h in zip(places.tolist(), spam, ham, strict=True)
    )


def _column(label: str) -> int:
    column = _COLUMNS.get(label)
    if column is None:
        raise UnknownLabel("a label is spam or ham")
    return column


def train(counts: Counts, features: Features, label: str) -> None:
    """Add one labelled document. ``features`` are sorted and distinct, as ``tokens.features`` gives them."""
    column = _column(label)
    slots = counts.table.add(features, column, largest=max(counts.spam, counts.ham) + 1)
    _count(counts, column, 1)
    _doubt(counts, features, slots, column, 1)


def untrain(counts: Counts, features: Features, label: str) -> None:
    """Take one labelled document back, exactly. Raises ``CountBelowZero`` and changes nothing if it cannot
    have been trained.
    """
    column = _column(label)
    slots = counts.table.subtract(features, column) if (counts.spam, counts.ham)[column] else None
    if slots is None:
        raise CountBelowZero("these features were not trained with this label")
    _count(counts, column, -1)
    _doubt(counts, features, slots, column, -1)


def _doubt(counts: Counts, features: Features, slots: Slots, column: int, change: int) -> None:
    """Let the doubt follow what ``change`` did to the counts at these slots."""
    first, second, last = features.searchsorted(_WITNESSES).tolist()
    after = [counts.table.counts(slots[first:last], each) for each in (0, 1)]
    counts.doubt.add(after[0], after[1], second - first)
    after[column] -= change
    counts.doubt.subtract(after[0], after[1], second - first)


def _count(counts: Counts, column: int, amount: int) -> None:
    if column == 0:
        counts.spam += amount
    else:
        counts.ham += amount


def fold(rows: Iterable[tuple[str, bytes]]) -> Counts:
    """Counts of ledger rows (label, ``features_to_bytes``), in any order, whatever their number.

    Takes 80 MiB for the time of the fold (one cell per possible id). Raises ``ValueError`` on features that cannot be.
    """
    cells = [np.zeros(len(GROUPS) << GROUP_BITS, dtype=np.uint32) for _ in _COLUMNS]
    totals = [0, 0]
    gathered: tuple[list[bytes], list[bytes]] = ([], [])

    for label, found in rows:
        column = _column(label)
        totals[column] += 1
        gathered[column].append(found)
        if len(gathered[column]) == FOLDED_AT_ONCE:
            np.add.at(cells[column], features_of_many(gathered[column]), _ONE)
            gathered[column].clear()

    for column, rest in enumerate(gathered):
        np.add.at(cells[column], features_of_many(rest), _ONE)
    ids = np.flatnonzero(cells[0] | cells[1])
    counts = Counts(room=ids.size)
    counts.spam, counts.ham = totals
    tallies = (cells[0][ids].astype(np.int64), cells[1][ids].astype(np.int64))
    counts.fill(ids.astype(np.uint32), tallies)

    return counts

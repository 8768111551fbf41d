"""How good the filter is, measured as the TREC spam track defined it. Pure functions over scores and labels.

Job: run a stream of labelled documents through an empty model under a feedback protocol, and say in the
track's numbers what came of it. Scores are log odds of spam; a document is called spam when its score is
above the threshold.

    immediate   every label is trained before the next document is scored
    delayed:N   a label is trained when N more documents have been scored
    half        the first half is trained without being judged, the second half judged without being trained

    hm%, sm%    share of ham called spam, of spam called ham          lam%   logistic mean of the two
    1-ROCA%     share of (spam, ham) pairs in the wrong order, in percent, ties half; with a bootstrap interval
    caught      share of spam above the threshold that calls at most hm% of the ham spam

Must not: read files, know mail, print. Sources: Cormack, Lynam, "TREC 2005 Spam Track Overview" (measures,
protocols); Cormack, "TREC 2007 Spam Track Overview" (delayed feedback); Efron, Tibshirani, "An Introduction
to the Bootstrap", 1993.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from classifier import model
from classifier.tokens import Features

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]
Example = tuple[str, str, Features]  # name, label, features


@dataclass(frozen=True, slots=True)
class Judged:
    """One scored document of a run."""

    name: str
    label: str
    log_odds: float
    trained_spam: int  # what the model knew when it scored
    trained_ham: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run in the track's numbers; everything is in percent."""

    documents: int
    spam: int
    hm: float
    sm: float
    lam: float
    roca: float  # 1-ROCA%
    roca_low: float  # 95% bootstrap interval
    roca_high: float
    caught_at_tenth: float  # at hm = 0.1%
    caught_at_half: float  # at hm = 0.5%


def run(examples: Iterable[Example], feedback: str = "immediate") -> Iterator[Judged]:
    """Score a stream in order with an empty model, learning as ``feedback`` says. Raises ``ValueError`` on an
    unknown protocol.
    """
    if feedback == "half":
        return _half(list(examples))
    if feedback == "immediate":
        return _online(examples, 0)
    kind, _, number = feedback.partition(":")
    if kind != "delayed" or not number.isdecimal():
        raise ValueError("feedback is immediate, delayed:N or half")
    return _online(examples, int(number))


def _online(examples: Iterable[Example], delay: int) -> Iterator[Judged]:
    counts = model.Counts()
    waiting: deque[tuple[str, Features]] = deque()
    for name, label, features in examples:
        yield _judge(counts, name, label, features)
        waiting.append((label, features))
        if len(waiting) > delay:
            due, found = waiting.popleft()
            model.train(counts, found, due)


def _half(examples: Sequence[Example]) -> Iterator[Judged]:
    counts = model.Counts()
    middle = len(examples) // 2
    for _, label, features in examples[:middle]:
        model.train(counts, features, label)
    for name, label, features in examples[middle:]:
        yield _judge(counts, name, label, features)


def _judge(counts: model.Counts, name: str, label: str, features: Features) -> Judged:
    score = model.score(counts, features)
    return Judged(name, label, score.log_odds, counts.spam, counts.ham)


def roca(spam: Flags, scores: Scores) -> float:
    """1-ROCA%: share of pairs in the wrong order in percent, ties half. Without both classes there is no pair: 0."""
    positives = scores[spam]
    negatives = np.sort(scores[~spam])
    if positives.size == 0 or negatives.size == 0:
        return 0.0
    above = negatives.size - np.searchsorted(negatives, positives, side="right")
    equal = np.searchsorted(negatives, positives, side="right") - np.searchsorted(
        negatives, positives, side="left"
    )
    return 100.0 * float((above + equal / 2).sum()) / (positives.size * negatives.size)


def caught(spam: Flags, scores: Scores, misjudged: float) -> float:
    """Percent of spam above the lowest threshold at which at most the fraction ``misjudged`` of the ham is above it."""
    ham = np.sort(scores[~spam])[::-1]
    if not spam.any():
        return 0.0
    allowed = math.floor(misjudged * ham.size)
    threshold = ham[allowed] if allowed < ham.size else -math.inf
    return 100.0 * float((scores[spam] > threshold).mean())


def misjudged(spam: Flags, scores: Scores, threshold: float = 0.0) -> tuple[float, float]:
    """hm% and sm% at a threshold."""
    hm = float((scores[~spam] > threshold).mean()) if (~spam).any() else 0.0
    sm = float((scores[spam] <= threshold).mean()) if spam.any() else 0.0
    return 100.0 * hm, 100.0 * sm


def lam(hm: float, sm: float) -> float:
    """Logistic mean of hm% and sm%, in percent; 0 when either is 0."""
    if hm <= 0 or sm <= 0:
        return 0.0
    if hm >= 100 or sm >= 100:
        return 100.0
    odds = math.sqrt(hm / (100 - hm) * sm / (100 - sm))
    return 100.0 * odds / (1 + odds)


def bootstrap(
    spam: Flags,
    scores: Scores,
    measure: Callable[[Flags, Scores], float],
    *,
    rounds: int = 200,
    seed: int = 0,
) -> tuple[float, float]:
    """95% percentile interval of a measure under resampling of the documents. The same seed gives the same interval."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(rounds):
        chosen = random.integers(0, scores.size, scores.size)
        found.append(measure(spam[chosen], scores[chosen]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def report(judged: Sequence[Judged], *, threshold: float = 0.0) -> Report:
    """The track's numbers of a finished run."""
    spam = np.array([each.label == model.SPAM for each in judged], dtype=np.bool_)
    scores = np.array([each.log_odds for each in judged], dtype=np.float64)
    hm, sm = misjudged(spam, scores, threshold)
    low, high = bootstrap(spam, scores, roca) if scores.size else (0.0, 0.0)

    return Report(
        documents=len(judged),
        spam=int(spam.sum()),
        hm=hm,
        sm=sm,
        lam=lam(hm, sm),
        roca=roca(spam, scores),
        roca_low=low,
        roca_high=high,
        caught_at_tenth=caught(spam, scores, 0.001),
        caught_at_half=caught(spam, scores, 0.005),
    )


def learning_curve(
    judged: Sequence[Judged], *, step: int = 500, threshold: float = 0.0
) -> list[tuple[int, float]]:
    """(documents scored so far, percent misjudged within the last ``step`` of them), a point per step."""
    wrong = [(each.log_odds > threshold) != (each.label == model.SPAM) for each in judged]
    return [
        (
            min(start + step, len(wrong)),
            100.0 * sum(wrong[start : start + step]) / len(wrong[start : start + step]),
        )
        for start in range(0, len(wrong), step)
    ]


def reliability(judged: Sequence[Judged], *, bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean probability said, share that was spam, documents) for each tenth of [0, 1] that holds any."""
    said = np.array([model.probability(each.log_odds) for each in judged], dtype=np.float64)
    spam = np.array([each.label == model.SPAM for each in judged], dtype=np.float64)
    place = np.minimum((said * bins).astype(np.int64), bins - 1)
    return [
        (float(said[place == each].mean()), float(spam[place == each].mean()), int((place == each).sum()))
        for each in range(bins)
        if (place == each).any()
    ]

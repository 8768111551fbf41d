"""Wrong labels leave a trace in the counts, and the estimate of their share reads it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from classifier import checkpoint, model
from classifier.model import Counts
from classifier.tokens import CONTENT, GROUP_BITS, HEADER, Features, features_to_bytes

SEED = 20261124


def documents(count: int, wrong: float) -> list[tuple[Features, str]]:
    """Mails of two kinds with words of their own and words they share, some of them labelled wrongly."""
    dice = random.Random(SEED)
    made = []
    for _ in range(count):
        label = dice.choice(("spam", "ham"))
        first = 0 if label == "spam" else 5_000  # some words are common, most are rare
        own = [first + int(5_000 * dice.random() ** 1.5) for _ in range(60)]
        words = sorted({*own, *dice.sample(range(10_000, 11_000), 20)})
        other = "ham" if label == "spam" else "spam"
        made.append((of_both_views(words), other if dice.random() < wrong else label))
    return made


def of_both_views(words: list[int]) -> Features:
    """The same words in the headers and in the content."""
    header, content = (
        np.array(words, dtype=np.uint32) | np.uint32(group << GROUP_BITS) for group in (HEADER, CONTENT)
    )
    return np.concatenate([header, content])


def trained(rows: list[tuple[Features, str]]) -> Counts:
    counts = Counts()
    for features, label in rows:
        model.train(counts, features, label)
    return counts


@pytest.mark.parametrize(
    ("wrong", "low", "high"), [(0.0, 0.0, 0.003), (0.02, 0.01, 0.04), (0.05, 0.03, 0.08)]
)
def test_the_share_of_wrong_labels_is_found(wrong: float, low: float, high: float) -> None:
    """Without wrong labels the estimate is next to nothing; 2% and 5% are told within a factor of two."""
    assert low <= trained(documents(2_500, wrong)).wrong_labels <= high


def test_the_estimate_is_the_same_by_every_way() -> None:
    """Trained in any order, untrained again, folded or read from a checkpoint: the doubt follows from the counts."""
    rows = documents(400, 0.1)
    counts = trained(rows)
    for features, label in rows[:150]:
        model.untrain(counts, features, label)
    left = rows[150:]
    random.Random(SEED).shuffle(left)
    folded = model.fold((label, features_to_bytes(features)) for features, label in left)
    assert counts.doubt == folded.doubt == trained(left).doubt
    assert checkpoint.from_bytes(checkpoint.to_bytes(counts)).doubt == counts.doubt
    assert counts.copy().doubt == counts.doubt


def test_one_class_alone_raises_no_doubt() -> None:
    """What is of the other class for want of knowing it is no sign of wrong labels."""
    rows = [(features, "ham") for features, _ in documents(300, 0.0)]
    assert trained([*rows, (rows[0][0], "spam")]).wrong_labels < 0.003


def test_one_witness_alone_raises_no_doubt() -> None:
    """Spam with the headers of ham, as a mailing list passes it on, is no wrong label: its content is spam's."""
    rows = documents(2_000, 0.0)
    strays = [(headers_of(ham), "spam") for ham, label in rows if label == "ham"][:40]
    assert trained([*rows, *strays]).wrong_labels < 0.003


def headers_of(features: Features) -> Features:
    return features[: features.searchsorted(CONTENT << GROUP_BITS)]


def test_doubt_takes_weight_from_what_one_document_says() -> None:
    """With many wrong labels the same single document moves the score less."""
    sure, doubtful = trained(documents(2_000, 0.0)), trained(documents(2_000, 0.08))
    new = of_both_views([*range(20_000, 20_010)])
    for counts in (sure, doubtful):
        model.train(counts, new, "spam")
    assert 0 < model.score(doubtful, new).log_odds < 0.8 * model.score(sure, new).log_odds

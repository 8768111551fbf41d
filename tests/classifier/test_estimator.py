"""The filter and scikit-learn: the same counts, the same bulk interface."""

from __future__ import annotations

import numpy as np
import pytest

from classifier import checkpoint, model
from classifier.tokens import GROUP_BITS, GROUPS, Features

pytestmark = [pytest.mark.sklearn, pytest.mark.xdist_group("sklearn"), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def rows() -> tuple[list[Features], list[str]]:
    random = np.random.default_rng(5)
    documents, labels = [], []
    for number in range(120):
        shift = 0 if number % 3 else 60
        values = np.unique(random.integers(shift, 300 + shift, 40)).astype(np.uint32)
        documents.append(np.sort(values | (values % len(GROUPS)) << np.uint32(GROUP_BITS)))
        labels.append("spam" if number % 3 else "ham")
    return documents, labels


def test_the_counts_are_those_of_multinomial_naive_bayes(rows: tuple[list[Features], list[str]]) -> None:
    """Log odds computed from our integer counts equal scikit-learn's own MultinomialNB, before and after unlearning."""
    from sklearn.naive_bayes import MultinomialNB

    from classifier.estimator import COLUMNS, matrix, multinomial_log_odds

    documents, labels = rows
    counts = model.Counts()
    for found, label in zip(documents, labels, strict=True):
        model.train(counts, found, label)
    for found, label in zip(documents[100:], labels[100:], strict=True):
        model.untrain(counts, found, label)
    columns = np.unique(np.concatenate(documents))  # the full width would cost scikit-learn gigabytes
    peer = MultinomialNB(alpha=0.5).fit(matrix(documents[:100])[:, columns], labels[:100])
    expected = peer.predict_joint_log_proba(matrix(documents)[:, columns])
    ours = [multinomial_log_odds(counts, found, alpha=0.5, columns=columns.size) for found in documents]
    assert ours == pytest.approx((expected[:, 1] - expected[:, 0]).tolist(), rel=1e-9, abs=1e-9)
    assert int(columns[-1]) < COLUMNS


def test_the_estimator_is_the_model(rows: tuple[list[Features], list[str]]) -> None:
    """Fitted in bulk or in steps, its numbers are the model's own."""
    from classifier.estimator import FilterEstimator, matrix

    documents, labels = rows
    counts = model.Counts()
    for found, label in zip(documents, labels, strict=True):
        model.train(counts, found, label)
    whole = FilterEstimator().fit(matrix(documents), labels)
    steps = FilterEstimator().partial_fit(matrix(documents[:50]), labels[:50], classes=["ham", "spam"])
    steps.partial_fit(matrix(documents[50:]), labels[50:])
    scores = [model.score(counts, found) for found in documents]
    assert whole.decision_function(matrix(documents)).tolist() == [each.log_odds for each in scores]
    assert steps.predict_proba(matrix(documents))[:, 1].tolist() == [each.probability for each in scores]
    assert checkpoint.digest(counts) == checkpoint.digest(whole.counts_) == checkpoint.digest(steps.counts_)


def test_scikit_learn_accepts_the_estimator(rows: tuple[list[Features], list[str]]) -> None:
    """Cross-validation clones, fits and scores it like any classifier of its own."""
    from sklearn.model_selection import cross_val_score

    from classifier.estimator import FilterEstimator, matrix

    documents, labels = rows
    scores = cross_val_score(FilterEstimator(), matrix(documents), np.array(labels), cv=3)
    assert scores.min() > 0.8

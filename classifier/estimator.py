"""The model as a scikit-learn estimator, and the check that its counts are naive Bayes's own.

Job: let scikit-learn's tools (cross-validation, pipelines, calibration curves) drive the filter: ``partial_fit``,
``predict_proba``, ``decision_function`` over a sparse 0/1 matrix whose column is the feature id.
``multinomial_log_odds`` is plain multinomial naive Bayes computed from the same integer counts; a test holds it equal
to ``sklearn.naive_bayes.MultinomialNB`` to the last few bits.

The score of model.py departs from plain naive Bayes on purpose (docs/filter.md: 3.2 against 0.06 1-ROCA%);
what the two share, and what the test proves, is the counts.

Must not: be imported by model.py or by a command that only talks to the daemon: importing scikit-learn costs
seconds. Source: Manning, Raghavan, Schütze, "Introduction to Information Retrieval", 2008, 13.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, spmatrix  # type: ignore[import-untyped]
from sklearn.base import BaseEstimator, ClassifierMixin

from classifier import model
from classifier.tokens import GROUP_BITS, GROUPS, Features

COLUMNS: Final = len(GROUPS) << GROUP_BITS


class FilterEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Labels are "ham" and "spam"; rows are documents, columns feature ids, any non-zero cell is presence."""

    classes_ = np.array([model.HAM, model.SPAM])

    def __init__(self) -> None:
        self.counts_ = model.Counts()

    def fit(self, rows: spmatrix, labels: Sequence[str]) -> FilterEstimator:
        """Learn from nothing."""
        self.counts_ = model.Counts()
        return self.partial_fit(rows, labels)

    def partial_fit(self, rows: spmatrix, labels: Sequence[str], classes: Any = None) -> FilterEstimator:
        """Learn further rows. ``classes`` is accepted for scikit-learn's sake; there are always two."""
        for features, label in zip(_features(rows), labels, strict=True):
            model.train(self.counts_, features, str(label))
        return self

    def decision_function(self, rows: spmatrix) -> NDArray[np.float64]:
        """Log odds of spam, one a row."""
        return np.array([model.score(self.counts_, features).log_odds for features in _features(rows)])

    def predict_proba(self, rows: spmatrix) -> NDArray[np.float64]:
        """Probabilities in the order of ``classes_``."""
        spam = np.array([model.score(self.counts_, features).probability for features in _features(rows)])
        return np.column_stack([1.0 - spam, spam])

    def predict(self, rows: spmatrix) -> NDArray[np.str_]:
        """The likelier label of each row."""
        return np.asarray(self.classes_[(self.decision_function(rows) > 0).astype(np.int64)])


def matrix(documents: Sequence[Features]) -> csr_matrix:
    """Documents as the 0/1 matrix the estimator, and scikit-learn's naive Bayes, take."""
    ends = np.cumsum([0, *(features.size for features in documents)])
    columns = np.concatenate([*documents, np.empty(0, dtype=np.uint32)]).astype(np.int64)
    return csr_matrix((np.ones(columns.size), columns, ends), shape=(len(documents), COLUMNS))


def multinomial_log_odds(
    counts: model.Counts, features: Features, *, alpha: float, columns: int = COLUMNS
) -> float:
    """Log odds of spam by multinomial naive Bayes with smoothing ``alpha`` over ``columns`` features."""
    _, spam_counts, ham_counts = counts.table.entries()
    slots = counts.table.find(features)
    known = slots[slots >= 0]
    total = float(np.log(counts.spam) - np.log(counts.ham))
    for column, all_counts, sign in ((0, spam_counts, 1.0), (1, ham_counts, -1.0)):
        seen = np.zeros(features.size)
        seen[slots >= 0] = counts.table.counts(known, column)
        total += sign * float((np.log(seen + alpha) - np.log(all_counts.sum() + alpha * columns)).sum())
    return total


def _features(rows: spmatrix) -> Iterator[Features]:
    sparse = csr_matrix(rows)
    for row in range(sparse.shape[0]):
        columns = sparse.indices[sparse.indptr[row] : sparse.indptr[row + 1]]
        yield np.unique(columns).astype(np.uint32)

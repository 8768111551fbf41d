"""The measures of the TREC spam track, on streams small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import evaluation
from classifier.evaluation import (
    Judged,
    bootstrap,
    caught,
    lam,
    learning_curve,
    misjudged,
    reliability,
    report,
    roca,
    run,
)
from classifier.tokens import Document, Features, features

SPAM = features(Document(text="win a prize now", subject="prize"))
HAM = features(Document(text="meeting at noon tomorrow", subject="meeting"))


def stream(labels: str) -> list[tuple[str, str, Features]]:
    return [
        (str(n), "spam" if each == "s" else "ham", SPAM if each == "s" else HAM)
        for n, each in enumerate(labels)
    ]


@given(st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=1, max_size=40))
def test_roca_is_the_share_of_inverted_pairs(rows: list[tuple[bool, int]]) -> None:
    """1-ROCA% counts pairs of a spam not above a ham, ties half."""
    spam = np.array([row[0] for row in rows])
    scores = np.array([float(row[1]) for row in rows])
    pairs = [(s > h) + (s == h) / 2 for s in scores[~spam] for h in scores[spam]]
    assert roca(spam, scores) == pytest.approx(100 * float(np.mean(pairs)) if pairs else 0.0)


def test_caught_allows_the_share_of_ham_it_says() -> None:
    """With one of four ham allowed above the threshold, the threshold is the second highest ham."""
    spam = np.array([True, True, True, False, False, False, False])
    scores = np.array([9.0, 5.0, 1.0, 8.0, 4.0, 3.0, 2.0])
    assert caught(spam, scores, 0.25) == pytest.approx(200 / 3)
    assert caught(spam, scores, 0.0) == pytest.approx(100 / 3)


def test_misjudged_and_their_logistic_mean() -> None:
    """hm% and sm% are shares of their class; lam% is the logistic mean (TREC 2005, 3.1)."""
    spam = np.array([True, True, False, False, False, False])
    scores = np.array([1.0, -1.0, 1.0, -1.0, -2.0, 0.0])
    assert misjudged(spam, scores) == (25.0, 50.0)
    assert lam(1.0, 1.0) == pytest.approx(1.0)
    assert lam(0.1, 10.0) == pytest.approx(1.0433, abs=1e-3)
    assert (lam(0.0, 3.0), lam(100.0, 3.0)) == (0.0, 100.0)


def test_immediate_feedback_trains_before_the_next_document() -> None:
    """Each document is scored by a model of all before it."""
    judged = list(run(stream("shsh")))
    assert [(each.trained_spam, each.trained_ham) for each in judged] == [(0, 0), (1, 0), (1, 1), (2, 1)]


def test_delayed_feedback_trains_n_documents_later() -> None:
    """With delayed:2 the first label is known to the fourth document."""
    judged = list(run(stream("shshs"), "delayed:2"))
    assert [each.trained_spam + each.trained_ham for each in judged] == [0, 0, 0, 1, 2]


def test_half_judges_the_second_half_only() -> None:
    """The first half is trained, the second scored by the same model."""
    judged = list(run(stream("shshsh"), "half"))
    assert [(each.name, each.trained_spam + each.trained_ham) for each in judged] == [
        ("3", 3),
        ("4", 3),
        ("5", 3),
    ]


@pytest.mark.parametrize("feedback", ["later", "delayed:", "delayed:-1", "delayed:x", ""])
def test_an_unknown_protocol_is_refused(feedback: str) -> None:
    """The error names what is known."""
    with pytest.raises(ValueError, match="immediate, delayed:N or half"):
        list(run(stream("sh"), feedback))


def test_a_report_of_a_separable_stream_is_clean_after_the_start() -> None:
    """Two kinds that share nothing are told apart; its interval holds the value."""
    found = report(list(run(stream("sh" * 20))))
    assert (found.documents, found.spam) == (40, 20)
    assert found.roca_low <= found.roca <= found.roca_high
    assert found.roca < 10
    assert found.caught_at_half > 90


def test_a_report_of_nothing_is_zero() -> None:
    """No documents, no numbers, no warning."""
    found = report([])
    assert (found.documents, found.roca, found.lam) == (0, 0.0, 0.0)


def test_the_bootstrap_is_reproducible() -> None:
    """The same seed resamples the same documents."""
    spam = np.arange(50) % 3 == 0
    scores = np.sin(np.arange(50.0))
    assert bootstrap(spam, scores, roca, seed=4) == bootstrap(spam, scores, roca, seed=4)


def test_curve_and_reliability_cover_every_document() -> None:
    """Each document falls into one step and one tenth."""
    judged = list(run(stream("sh" * 25)))
    assert [position for position, _ in learning_curve(judged, step=20)] == [20, 40, 50]
    assert sum(count for _, _, count in reliability(judged)) == 50
    sure = [Judged("a", "spam", 1000.0, 9, 9), Judged("b", "ham", -1000.0, 9, 9)]
    assert evaluation.reliability(sure) == [(0.0, 0.0, 1), (1.0, 1.0, 1)]

"""The model: exact as a sum, finite with any counts, safe on disk."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifier import model
from classifier.checkpoint import digest, from_bytes, to_bytes
from classifier.errors import CountBelowZero, DamagedCheckpoint, OtherFeatures, UnknownLabel
from classifier.model import Counts, fold, score, score_many, train, untrain
from classifier.tokens import FEATURES_VERSION, GROUP_BITS, GROUPS, Features, features_to_bytes

ROOT = Path(__file__).parents[2]
LABELS = st.sampled_from(["spam", "ham"])
ROWS = st.lists(
    st.tuples(LABELS, st.lists(st.integers(0, 400), unique=True, max_size=40).map(sorted)), max_size=25
)


def ids(values: list[int]) -> Features:
    """Spread small numbers over the groups."""
    return np.unique(np.array([(v % len(GROUPS)) << GROUP_BITS | v * 5003 for v in values], dtype=np.uint32))


def trained(rows: list[tuple[str, list[int]]]) -> Counts:
    counts = Counts()
    for label, values in rows:
        train(counts, ids(values), label)
    return counts


@given(ROWS, st.randoms(use_true_random=False))
def test_any_order_of_learning_and_forgetting_equals_the_fold_of_the_rest(
    rows: list[tuple[str, list[int]]], chance: object
) -> None:
    """Learn, relabel and unlearn in any order: the bytes are those of a fold of the rows that remain."""
    shuffle = chance.shuffle  # type: ignore[attr-defined]
    acts = [*enumerate(rows)]
    shuffle(acts)
    counts = Counts()
    left: dict[int, tuple[str, list[int]]] = {}
    for number, (label, values) in acts:
        train(counts, ids(values), label)
        left[number] = (label, values)
        if number % 3 == 0:
            untrain(counts, ids(values), label)
            del left[number]
        if number % 3 == 1:
            other = "ham" if label == "spam" else "spam"
            untrain(counts, ids(values), label)
            train(counts, ids(values), other)
            left[number] = (other, values)
    expected = fold((label, features_to_bytes(ids(values))) for label, values in left.values())
    assert to_bytes(expected) == to_bytes(counts)


@given(ROWS)
def test_a_checkpoint_reads_back_as_it_was(rows: list[tuple[str, list[int]]]) -> None:
    """Written, read and written again, the bytes and every score are equal."""
    counts = trained(rows)
    again = from_bytes(to_bytes(counts))
    assert to_bytes(counts) == to_bytes(again)
    probe = ids([*range(0, 400, 3)])
    assert score(counts, probe) == score(again, probe)


def test_growth_and_width_do_not_show() -> None:
    """An account that grew past every width and capacity and shrank again has the bytes of one that never did."""
    random = np.random.default_rng(1)
    rows = [
        np.unique(random.integers(0, len(GROUPS) << GROUP_BITS, 500).astype(np.uint32)) for _ in range(300)
    ]
    counts = Counts()
    for row in rows:
        train(counts, row, "spam")
    for row in rows[5:]:
        untrain(counts, row, "spam")
    small = Counts()
    for row in reversed(rows[:5]):
        train(small, row, "spam")
    assert digest(small) == digest(counts)
    assert counts.size_bytes > small.size_bytes


def test_a_copy_shares_nothing() -> None:
    """Training the one leaves the other as it was."""
    counts = trained([("spam", [1, 2]), ("ham", [2, 3])])
    before, other = digest(counts), counts.copy()
    train(counts, ids([5]), "spam")
    assert digest(other) == before
    train(other, ids([5]), "spam")
    assert digest(counts) == digest(other)


def test_a_fold_of_many_rows_equals_training_them() -> None:
    """Through every growth of the table, one by one and at once give the same bytes and lose no id."""
    random = np.random.default_rng(6)
    rows = [
        np.unique(random.integers(0, len(GROUPS) << GROUP_BITS, 900).astype(np.uint32)) for _ in range(150)
    ]
    counts = Counts()
    for number, row in enumerate(rows):
        train(counts, row, "spam" if number % 2 else "ham")
    expected = fold(
        ("spam" if number % 2 else "ham", features_to_bytes(row)) for number, row in enumerate(rows)
    )
    assert to_bytes(expected) == to_bytes(counts)
    assert all(bool((counts.table.find(row) >= 0).all()) for row in rows)


def test_a_count_never_falls_below_zero() -> None:
    """Taking back what was not trained raises and changes nothing, be it one feature of many."""
    counts = trained([("spam", [1, 2, 3]), ("spam", [3, 4]), ("ham", [9])])
    before = to_bytes(counts)
    for label, values in [("spam", [1, 2, 3, 4, 9]), ("ham", [1, 2]), ("ham", [9, 77]), ("spam", [400])]:
        with pytest.raises(CountBelowZero):
            untrain(counts, ids(values), label)
    assert before == to_bytes(counts)


def test_the_total_never_falls_below_zero() -> None:
    """A document without features still counts, and can be taken back once."""
    counts = trained([("spam", [])])
    untrain(counts, ids([]), "spam")
    with pytest.raises(CountBelowZero):
        untrain(counts, ids([]), "spam")
    assert (counts.spam, counts.ham) == (0, 0)


def test_an_unknown_label_is_refused() -> None:
    """Nothing but spam and ham is trained."""
    counts = Counts()
    with pytest.raises(UnknownLabel):
        train(counts, ids([1]), "unsure")
    with pytest.raises(UnknownLabel):
        fold([("spam", b""), ("Spam", b"")])
    assert digest(Counts()) == digest(counts)


def _huge(spam: int, ham: int) -> Counts:
    counts = Counts()
    counts.spam, counts.ham = spam, ham
    found = ids([1, 2, 3, 4, 5, 6, 7])
    amounts = (np.full(found.size, spam), np.full(found.size, ham))
    counts.table.fill(found, amounts, largest=max(spam, ham))
    return counts


@pytest.mark.parametrize(
    "counts",
    [
        Counts(),
        _huge(10**9, 0),
        _huge(0, 10**9),
        _huge(10**9, 10**9),
        _huge(2**62, 1),
        trained([("spam", [1])]),
    ],
    ids=["empty", "spam-only", "ham-only", "both", "beyond", "one"],
)
@pytest.mark.parametrize("values", [[], [1], [*range(400)]])
def test_every_score_is_a_finite_probability(counts: Counts, values: list[int]) -> None:
    """Empty, one-sided and enormous counts give a number in [0, 1] without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = score(counts, ids(values), evidence=5)
    assert 0.0 <= found.probability <= 1.0
    assert math.isfinite(found.log_odds)


@given(ROWS, st.lists(st.lists(st.integers(0, 400), max_size=60), max_size=5))
def test_many_scores_are_those_of_each(rows: list[tuple[str, list[int]]], documents: list[list[int]]) -> None:
    """Scored together documents get to the bit what each gets alone, with a prior and without."""
    counts, prior = trained(rows), trained([("spam", [*range(90)]), ("ham", [*range(60, 200)])])
    found = [ids(values) for values in documents]
    assert score_many(counts, found) == [score(counts, each) for each in found]
    assert score_many(counts, found, prior=prior) == [score(counts, each, prior=prior) for each in found]


def test_an_empty_model_does_not_know() -> None:
    """Without training every document is even."""
    assert score(Counts(), ids([1, 2, 3])).probability == 0.5


def test_classes_are_treated_alike() -> None:
    """Swapping the labels of everything mirrors the score."""
    rows = [("spam", [1, 2, 3]), ("ham", [3, 4, 5]), ("ham", [5, 6]), ("spam", [2, 8]), ("ham", [8, 9])]
    swapped = [("ham" if label == "spam" else "spam", values) for label, values in rows]
    probe = ids([1, 3, 5, 8, 11])
    assert score(trained(rows), probe).log_odds == pytest.approx(-score(trained(swapped), probe).log_odds)


def test_evidence_names_what_decided() -> None:
    """The heaviest features come first, with their counts, and their weights add up to the score."""
    counts = trained([("spam", [1, 2]), ("spam", [1, 3]), ("ham", [2, 3])])
    found = score(counts, ids([1, 2, 3]), evidence=99)
    assert (int(ids([1])[0]), 2, 0) == (
        found.evidence[0].feature,
        found.evidence[0].spam,
        found.evidence[0].ham,
    )
    assert [*found.evidence] == sorted(found.evidence, key=lambda each: -abs(each.weight))


def test_evidence_adds_up_to_the_score() -> None:
    """What is shown, summed by group, makes the votes; the rest is the factor of caution and the temperature."""
    random = np.random.default_rng(2)
    counts = Counts()
    for number in range(12):  # too few for any doubt
        train(counts, ids(random.integers(0, 400, 90).tolist()), "spam" if number % 3 else "ham")
    found = score(counts, ids(random.integers(0, 400, 200).tolist()), evidence=999)
    sums = [
        math.fsum(each.weight for each in found.evidence if each.feature >> GROUP_BITS == group)
        for group in range(len(GROUPS))
    ]
    assert model.together(sums) * 5 / 6 / model.TEMPERATURE == pytest.approx(found.log_odds)


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([0.0] * 5, 0.0),
        ([32.0, 0.0, 0.0, 0.0, 0.0], 16.0),  # 32 ** 0.8: a vote grows slower than what it stands on
        ([32.0, 0.0, -32.0, 0.0, 0.0], 0.0),  # headers against content
        ([32.0, 0.0, 0.0, 0.0, 1.0], 16 + 1 + 0.5),  # both the same: half of the weaker again
        ([-32.0, -1.0, 0.0, 0.0, 0.0], -16 - 1 - 0.5),
        ([32.0, 0.0, 1.0, -32.0, 1.0], 2.0),  # what headers say in two groups is one view
    ],
)
def test_votes_of_groups(sums: list[float], expected: float) -> None:
    """Headers and content are two views: each group's vote is sublinear, and agreement of the views counts extra."""
    assert model.together(sums) == pytest.approx(expected)


def test_damaged_checkpoints_are_detected() -> None:
    """Any changed byte, a cut, or an empty file is noticed."""
    whole = to_bytes(trained([("spam", [1, 2]), ("ham", [2, 3])]))
    broken = [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(len(whole))]
    for content in [*broken, whole[:-1], whole[: len(whole) // 2], b"", whole + b"\0"]:
        with pytest.raises(DamagedCheckpoint):
            from_bytes(content)


def test_a_checkpoint_of_other_features_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of the tokeniser the old checkpoint is refused by name, not misread."""
    whole = to_bytes(trained([("spam", [1, 2])]))
    monkeypatch.setattr("classifier.checkpoint.FEATURES_VERSION", FEATURES_VERSION + 1)
    with pytest.raises(OtherFeatures):
        from_bytes(whole)


@pytest.mark.parametrize("seed", ["0", "77"])
def test_the_digest_does_not_depend_on_the_hash_seed(seed: str) -> None:
    """Another process with another PYTHONHASHSEED computes the same digest, and needs no scikit-learn."""
    program = (
        "import sys; sys.path.insert(0, '.')\n"
        "import numpy as np\n"
        "from classifier import checkpoint, model\n"
        "c = model.Counts()\n"
        "for n in range(50): model.train(c, np.arange(n, n * 40, 7, dtype=np.uint32), 'spam' if n % 2 else 'ham')\n"
        "assert 'sklearn' not in sys.modules\n"
        "print(checkpoint.digest(c).hex())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    counts = Counts()
    for n in reversed(range(50)):
        train(counts, np.arange(n, n * 40, 7, dtype=np.uint32), "spam" if n % 2 else "ham")
    assert digest(counts).hex() == run.stdout.strip()


def test_memory_is_in_proportion() -> None:
    """An account of 100 messages of 2,500 features each stays under a mebibyte when a quarter of them is new."""
    random = np.random.default_rng(3)
    counts = Counts()
    for number in range(100):
        common = random.integers(0, 30_000, 1_850).astype(np.uint32)
        rare = random.integers(0, len(GROUPS) << GROUP_BITS, 650).astype(np.uint32)
        train(counts, np.unique(np.concatenate([common, rare])), "spam" if number % 2 else "ham")
    assert counts.size_bytes < 2**20

"""Whatever agents do, in whatever order, the model is byte for byte the fold of the labels that are left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifier.checkpoint import digest, from_bytes, to_bytes
from classifier.model import Counts, fold, train, untrain
from classifier.tokens import features_to_bytes
from mailhub.filter.feedback import mark
from mailhub.filter.models import Models
from mailhub.proof.act import Act
from storage.database import Database
from storage.writer import Transaction, WritingThread
from tests.houses.inbox import Inbox, extract, taught, text_of

MESSAGES = 12
USERS = (11, 12, 13)
_accounts = count(1)

_some = st.lists(st.integers(101, 100 + MESSAGES), min_size=1, max_size=5)
_user = st.sampled_from(USERS)
_Operation = tuple[str, list[int], str, int]
_operation: st.SearchStrategy[_Operation] = st.one_of(
    st.tuples(st.just("mark"), _some, st.sampled_from(["spam", "ham"]), _user),
    st.tuples(st.just("unmark"), _some, st.just(""), _user),
    st.tuples(st.just("expire"), st.just([]), st.just(""), st.integers(0, 4)),
    st.tuples(st.just("answer"), _some, st.just(""), _user),
    st.tuples(st.just("revoke"), st.just([]), st.just(""), _user),
    st.tuples(st.just("fail"), _some, st.sampled_from(["spam", "ham"]), _user),
    st.tuples(st.sampled_from(["restart", "checkpoint", "other node"]), st.just([]), st.just(""), st.just(0)),
)


@dataclass(frozen=True)
class _Act:
    message: int
    label: str
    user: int
    at: int


def _counting(acts: list[_Act]) -> dict[int, str]:
    """The plainest account of what should be in force: the last act of each message that was not revoked."""
    last = {act.message: act.label for act in acts}
    return {message: label for message, label in last.items() if label != "none"}


def _expected(acts: list[_Act]) -> bytes:
    return digest(
        fold((label, features_to_bytes(extract(text_of(m)))) for m, label in _counting(acts).items())
    )


def _fails(inbox: Inbox, messages: list[int], label: str, user: int) -> None:
    def work(transaction: Transaction) -> None:
        mark(
            Act(transaction, f"user:{user}", inbox.account, inbox.now),
            inbox.models,
            messages,
            label,
            user=user,
            features_of=taught,
        )
        raise RuntimeError("injected")

    with pytest.raises(RuntimeError):
        inbox.writer.run(work)


def _expire(inbox: Inbox, acts: list[_Act], *, before: int) -> list[_Act]:
    """Old labels go, with all that was said about their messages; so do old acts that left no label."""
    last = {act.message: act for act in acts}
    gone = {act.message for act in last.values() if act.label != "none" and act.at < before}
    there = {act.message for act in last.values() if act.label != "none"} - gone
    inbox.expire(before)
    return [act for act in acts if act.message in there or (act.message not in gone and act.at >= before)]


def _apply(inbox: Inbox, other: Inbox, acts: list[_Act], operation: _Operation) -> list[_Act]:
    """Do it to the system; the plain account of acts afterwards."""
    kind, messages, label, user = operation
    if kind == "mark":
        there = _counting(acts)
        inbox.mark(messages, label, user=user)
        return acts + [
            _Act(m, label, user, inbox.now) for m in dict.fromkeys(messages) if there.get(m) != label
        ]
    if kind == "unmark":
        there = _counting(acts)
        inbox.unmark(messages, user=user)
        return acts + [_Act(m, "none", user, inbox.now) for m in dict.fromkeys(messages) if m in there]
    if kind == "answer":
        spoken = {act.message for act in acts}
        inbox.answer(messages, user=user)
        return acts + [_Act(m, "ham", user, inbox.now) for m in dict.fromkeys(messages) if m not in spoken]
    if kind == "expire":
        return _expire(inbox, acts, before=inbox.now - user)
    if kind == "revoke":
        inbox.revoke_user(user, 0)
        return [act for act in acts if act.user != user]
    if kind == "fail":
        _fails(inbox, messages, label, user)
    elif kind == "checkpoint":
        inbox.models.checkpoint(inbox.writer, inbox.account)
    elif kind == "restart":
        inbox.models = Models(inbox.database, inbox.directory)
    else:
        inbox.writer, other.writer = other.writer, inbox.writer
        inbox.models, other.models = other.models, inbox.models
    return acts


@pytest.fixture
def second_writer(database: Database) -> Iterator[WritingThread]:
    """The writer of another node."""
    started = WritingThread(database, node=1)
    started.start()
    yield started
    started.close()


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(operations=st.lists(_operation, min_size=3, max_size=14))
def test_the_model_is_the_fold_of_what_is_left(
    database: Database,
    writer: WritingThread,
    second_writer: WritingThread,
    tmp_path: Path,
    operations: list[_Operation],
) -> None:
    """Marks, answers, ageing, undos, revocations, failures, restarts and two nodes, in any order, leave it exact."""
    account = next(_accounts)
    directory = tmp_path / str(account)
    inbox = Inbox(
        database=database,
        writer=writer,
        models=Models(database, directory),
        directory=directory,
        account=account,
    )
    other = replace(inbox, writer=second_writer, models=Models(database, directory))
    inbox.file(MESSAGES)
    acts: list[_Act] = []
    for operation in operations:
        acts = _apply(inbox, other, acts, operation)
        assert inbox.labels() == _counting(acts)
        inbox.digest()  # notices what the other node did
        inbox.models.keep_up(inbox.writer, now=0)
        assert inbox.digest() == _expected(acts)
    assert inbox.models.verify(inbox.writer, account).state == "exact"


_labels = st.sampled_from(["spam", "ham"])


@settings(deadline=None, derandomize=True, max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(1, 30), _labels, st.booleans()), max_size=60))
def test_training_and_untraining_in_any_order_is_a_sum(steps: list[tuple[int, str, bool]]) -> None:
    """Counts are equal, byte for byte, to those that never held what was taken back, across table growth and a copy."""
    counts = Counts()
    held: list[tuple[int, str]] = []
    for message, label, forward in steps:
        row = message * 37, label
        if forward:
            train(counts, extract(text_of(row[0])), label)
            held.append(row)
        elif row in held:
            untrain(counts, extract(text_of(row[0])), label)
            held.remove(row)
    plain = fold((label, features_to_bytes(extract(text_of(message)))) for message, label in held)
    assert to_bytes(counts) == to_bytes(plain) == to_bytes(from_bytes(to_bytes(counts)))


def test_growth_of_the_table_loses_nothing_that_was_found_at_zero() -> None:
    """Training an id whose counts had gone back to zero is counted, also where it makes the table grow."""
    big = np.arange(0, 600, dtype=np.uint32)
    for size in range(100, 2_000, 100):
        counts = Counts()
        train(counts, big, "ham")
        untrain(counts, big, "ham")
        more = np.arange(300, 300 + size, dtype=np.uint32)
        train(counts, more, "ham")
        assert to_bytes(counts) == to_bytes(fold([("ham", features_to_bytes(more))]))

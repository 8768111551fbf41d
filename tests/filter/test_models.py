"""The models in memory: whatever fails, they are the fold of the ledger."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from classifier.checkpoint import digest
from classifier.model import score
from mailhub.errors import Unavailable
from mailhub.filter.feedback import mark, unmark
from mailhub.filter.models import Models
from mailhub.proof.act import Act
from storage.database import Database
from storage.errors import StorageError
from storage.filter import ledger
from storage.schema import ledger as ledger_table
from storage.writer import Transaction, WritingThread
from tests.houses.inbox import ACCOUNT, ANA, Inbox, extract, fold_of, taught, text_of


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """An account with forty messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(40)
    return made


def _mark(inbox: Inbox, transaction: Transaction, messages: list[int], label: str) -> None:
    mark(
        Act(transaction, f"user:{ANA}", ACCOUNT, inbox.now),
        inbox.models,
        messages,
        label,
        user=ANA,
        features_of=taught,
    )


def test_marks_of_one_transaction_see_each_other(inbox: Inbox) -> None:
    """A mark is in the counts before its transaction commits, for what follows in the same transaction."""

    def work(transaction: Transaction) -> list[tuple[int, int]]:
        seen = []
        for message in (101, 102, 103):
            _mark(inbox, transaction, [message], "spam" if message == 102 else "ham")
            seen.append(inbox.models.trained(transaction.connection, ACCOUNT))
        return seen

    assert inbox.writer.run(work) == [(0, 1), (1, 1), (1, 2)]
    assert inbox.digest() == inbox.ledger_digest()


def test_a_failing_savepoint_takes_its_marks_back(inbox: Inbox) -> None:
    """What a rolled back function trained, relabelled and took back is as it was; its neighbours in the turn stay."""
    inbox.mark([101, 102, 103], "spam")
    before = inbox.digest()

    def fails(transaction: Transaction) -> None:
        _mark(inbox, transaction, [104, 105], "ham")
        _mark(inbox, transaction, [101], "ham")
        unmark(Act(transaction, "user:1", ACCOUNT, inbox.now), inbox.models, [102], user=ANA)
        assert digest(inbox.models.get(transaction.connection, ACCOUNT)) != before
        raise RuntimeError("injected")

    futures: list[Future[None]] = [
        inbox.writer.submit(fails),
        inbox.writer.submit(lambda transaction: _mark(inbox, transaction, [106], "ham")),
        inbox.writer.submit(fails),
    ]
    assert [type(future.exception(timeout=60)) for future in futures] == [
        RuntimeError,
        type(None),
        RuntimeError,
    ]
    assert sorted(inbox.entries()) == [101, 102, 103, 106]
    assert inbox.digest() == inbox.ledger_digest()


def test_a_failing_mark_takes_the_counts_back_at_once(inbox: Inbox) -> None:
    """An error in the middle of a change leaves counts as before, within the same savepoint."""

    def work(transaction: Transaction) -> tuple[int, int]:
        _mark(inbox, transaction, [101], "ham")
        with pytest.raises(ZeroDivisionError), inbox.models.change(transaction, ACCOUNT) as change:
            change.remove(inbox_entry(transaction))
            raise ZeroDivisionError
        return inbox.models.trained(transaction.connection, ACCOUNT)

    def inbox_entry(transaction: Transaction) -> Any:
        return ledger.entries_of(transaction.connection, ACCOUNT, [101])[101]

    assert inbox.writer.run(work) == (0, 1)
    assert inbox.digest() == inbox.ledger_digest()


def test_a_failing_commit_takes_all_marks_of_the_turn_back(inbox: Inbox) -> None:
    """When the commit itself fails, memory is again what the database holds."""
    inbox.mark([101, 102], "spam")
    before = inbox.digest()
    failures = [True]

    def refuse(_: Any) -> None:
        if failures.pop():
            raise StorageError("injected")

    def work(transaction: Transaction) -> None:
        _mark(inbox, transaction, [103, 101], "ham")

    failures[:] = [True]
    event.listen(inbox.database.writing, "commit", refuse)
    try:
        with pytest.raises(StorageError):
            inbox.writer.run(work)
    finally:
        event.remove(inbox.database.writing, "commit", refuse)
    assert inbox.digest() == before == inbox.ledger_digest()
    inbox.mark([103, 101], "ham")
    assert inbox.digest() == inbox.ledger_digest() != before


def test_a_commit_whose_answer_is_lost_keeps_its_marks(inbox: Inbox) -> None:
    """A turn that was committed though its caller heard an error is in memory as in the database."""

    def work(transaction: Transaction) -> None:
        _mark(inbox, transaction, [101, 102], "spam")
        transaction._after.clear()  # nobody hears of the commit

    inbox.writer.run(work)
    assert inbox.digest() == inbox.ledger_digest()
    inbox.mark([103], "ham")
    assert inbox.digest() == inbox.ledger_digest()
    assert sorted(inbox.entries()) == [101, 102, 103]


def test_a_score_between_marks_is_by_the_counts_of_then(inbox: Inbox) -> None:
    """Scoring after a rolled back mark in the same turn does not see it."""

    def fails(transaction: Transaction) -> None:
        _mark(inbox, transaction, [101], "spam")
        inbox.models.trained(transaction.connection, ACCOUNT)
        raise RuntimeError("injected")

    failed = inbox.writer.submit(fails)
    seen = inbox.writer.submit(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT))
    assert isinstance(failed.exception(timeout=60), RuntimeError)
    assert seen.result(timeout=60) == (0, 0)


def test_score_is_the_classifiers(inbox: Inbox) -> None:
    """``score`` gives of each document what the classifier says for the fold of the ledger."""
    inbox.mark([101, 102, 103], "spam")
    inbox.mark([104, 105], "ham")
    found = [extract(text_of(106)), extract(text_of(107))]
    scored = inbox.writer.run(lambda transaction: inbox.models.score(transaction.connection, ACCOUNT, found))
    assert scored == [score(fold_of(inbox.database), each) for each in found]


def test_a_snapshot_stays_as_it_was(inbox: Inbox) -> None:
    """What another thread looks at does not move while agents mark."""
    inbox.mark([101], "spam")
    taken = inbox.models.snapshot(inbox.writer, ACCOUNT)
    inbox.mark([102], "ham")
    assert (taken.spam, taken.ham) == (1, 0)


def test_a_ledger_that_cannot_be_read_does_not_keep_mail_out(inbox: Inbox) -> None:
    """With a damaged row the filter knows nothing; marking says that the ledger cannot be read."""
    inbox.mark([101, 102], "spam")
    inbox.writer.run(
        lambda transaction: transaction.connection.execute(update(ledger_table).values(features=b"\xff"))
    )
    inbox.models = Models(inbox.database, inbox.directory)
    inbox.models.warm_all()
    seen = inbox.writer.run(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT))
    assert seen == (0, 0)
    with pytest.raises(Unavailable):
        inbox.mark([103], "spam")
    assert inbox.writer.run(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT)) == (
        0,
        0,
    )


def test_a_copy_holds_only_what_is_committed(inbox: Inbox) -> None:
    """A checkpoint taken in the turn of a mark does not hold it: the turn may still fail."""
    inbox.mark([101], "spam")
    before = inbox.digest()

    def work(transaction: Transaction) -> tuple[bytes, bytes]:
        _mark(inbox, transaction, [102, 103], "ham")
        _mark(inbox, transaction, [101], "ham")
        copied = inbox.models._held[ACCOUNT].known_committed()
        return digest(copied.counts), digest(inbox.models.get(transaction.connection, ACCOUNT))

    copied, present = inbox.writer.run(work)
    assert copied == before
    assert present == inbox.digest() == inbox.ledger_digest() != before


def test_labels_are_counted(inbox: Inbox) -> None:
    """How many labels of each kind are in force."""
    inbox.mark([101, 102], "spam")
    inbox.mark([103], "ham")
    with inbox.database.read() as connection:
        assert ledger.count_entries(connection, ACCOUNT) == {"spam": 2, "ham": 1}


def test_a_committed_mark_is_in_the_copy_though_a_later_one_failed(inbox: Inbox) -> None:
    """What is known to be committed is not undone for a copy because something after it is still open."""
    inbox.mark([101], "spam")
    held = inbox.models._held[ACCOUNT]

    def fails(transaction: Transaction) -> None:
        _mark(inbox, transaction, [103], "spam")
        raise RuntimeError("injected")

    def marks_and_is_followed(transaction: Transaction) -> None:
        _mark(inbox, transaction, [102], "ham")

    first, second = inbox.writer.submit(marks_and_is_followed), inbox.writer.submit(fails)
    first.result(timeout=60)
    assert isinstance(second.exception(timeout=60), RuntimeError)
    assert digest(held.known_committed().counts) == inbox.ledger_digest()

"""The models in memory: whatever fails, and whoever else writes, they are the fold of the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update

from classifier.model import digest, score
from mailhub import checkpoints
from mailhub.errors import Unavailable
from mailhub.feedback import mark, unmark
from mailhub.models import Models
from storage import ledger
from storage.database import Database
from storage.errors import StorageError
from storage.schema import ledger as ledger_table
from storage.writer import Transaction, Writer
from tests.inbox import ACCOUNT, ANA, Inbox, extract, fold_of, taught, text_of


@pytest.fixture
def inbox(database: Database, writer: Writer, tmp_path: Path) -> Inbox:
    """An account with forty messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(40)
    return made


@pytest.fixture
def other_node(database: Database, tmp_path: Path) -> Iterator[Inbox]:
    """A second writer with models of its own on the same database."""
    writer = Writer(database, node=1)
    writer.start()
    directory = tmp_path / "other"
    yield Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    writer.close()


def _mark(inbox: Inbox, transaction: Transaction, messages: list[int], label: str) -> None:
    mark(
        transaction,
        inbox.models,
        f"user:{ANA}",
        ACCOUNT,
        messages,
        label,
        user=ANA,
        now=inbox.now,
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
        unmark(transaction, inbox.models, "user:1", ACCOUNT, [102], user=ANA, now=inbox.now)
        assert digest(inbox.models.get(transaction.connection, ACCOUNT)) != before
        raise RuntimeError("injected")

    futures: list[Future[None]] = [
        inbox.writer.submit(fails),
        inbox.writer.submit(lambda transaction: _mark(inbox, transaction, [106], "ham")),
        inbox.writer.submit(fails),
    ]
    assert [type(future.exception(timeout=60)) for future in futures] == [RuntimeError, type(None), RuntimeError]
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
    """``score`` gives what the classifier says for the fold of the ledger."""
    inbox.mark([101, 102, 103], "spam")
    inbox.mark([104, 105], "ham")
    found = extract(text_of(106))
    scored = inbox.writer.run(lambda transaction: inbox.models.score(transaction.connection, ACCOUNT, found))
    assert scored == score(fold_of(inbox.database), found)


def test_restart_reads_the_checkpoint_and_the_rows_after_it(inbox: Inbox) -> None:
    """A new process folds nothing but the rows that were appended after the checkpoint."""
    inbox.mark(inbox.messages[:20], "spam")
    inbox.models.checkpoint(inbox.writer, ACCOUNT)
    inbox.mark(inbox.messages[20:25], "ham")
    restarted = Models(inbox.database, inbox.directory)
    inbox.models = restarted
    assert inbox.digest() == inbox.ledger_digest()
    assert restarted.folds == 0


def test_restart_after_an_undoing_folds_anew(inbox: Inbox) -> None:
    """A checkpoint that holds a label taken back since is not used."""
    inbox.mark(inbox.messages[:20], "spam")
    inbox.models.checkpoint(inbox.writer, ACCOUNT)
    inbox.unmark([105])
    restarted = Models(inbox.database, inbox.directory)
    inbox.models = restarted
    assert inbox.digest() == inbox.ledger_digest()
    assert restarted.folds == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "version", "foreign"])
def test_a_checkpoint_that_cannot_be_used_is_folded_anew(inbox: Inbox, damage: str) -> None:
    """A damaged file, one of another version and one of another account are seen, and the model is still exact."""
    inbox.mark(inbox.messages[:10], "spam")
    inbox.models.checkpoint(inbox.writer, ACCOUNT)
    path = inbox.directory / f"{ACCOUNT}.model"
    content = path.read_bytes()
    if damage in ("version", "foreign"):
        kept = checkpoints.read(inbox.directory, ACCOUNT, features_version=1)
        assert kept is not None
        if damage == "foreign":
            checkpoints.write(inbox.directory, 99, kept)
            (inbox.directory / "99.model").replace(path)
        else:
            other = checkpoints.Checkpoint(
                position=kept.position, features_version=2, rows=kept.rows, counts=kept.counts
            )
            checkpoints.write(inbox.directory, ACCOUNT, other)
    else:
        flipped = content[:200] + bytes([content[200] ^ 1]) + content[201:]
        path.write_bytes({"cut": content[:-1], "flipped": flipped, "empty": b""}[damage])
    restarted = Models(inbox.database, inbox.directory)
    inbox.models = restarted
    assert inbox.digest() == inbox.ledger_digest()
    assert restarted.folds == 1


def test_a_checkpoint_of_a_future_that_was_restored_away_is_not_used(inbox: Inbox) -> None:
    """A file that tells of labels which this database never had is folded anew."""
    inbox.mark(inbox.messages[:10], "spam")
    inbox.models.checkpoint(inbox.writer, ACCOUNT)
    kept = checkpoints.read(inbox.directory, ACCOUNT, features_version=1)
    assert kept is not None
    position = checkpoints.Position(
        stamp=1, rewritten=kept.position.rewritten, sequence=kept.position.sequence, row_stamp=1
    )
    future = checkpoints.Checkpoint(position=position, features_version=1, rows=kept.rows, counts=kept.counts)
    checkpoints.write(inbox.directory, ACCOUNT, future)
    restarted = Models(inbox.database, inbox.directory)
    inbox.models = restarted
    assert inbox.digest() == inbox.ledger_digest()
    assert restarted.folds == 1


def test_checkpoints_are_due_by_changes_or_by_time(inbox: Inbox) -> None:
    """A few changes wait some minutes; evicted models and many changes do not."""
    minutes = 60 * 1_000_000
    inbox.mark([101], "spam")
    assert inbox.models.checkpoint_due(now=0) == []
    assert inbox.models.checkpoint_due(now=6 * minutes) == [ACCOUNT]
    inbox.models.keep_up(inbox.writer, now=6 * minutes)
    assert inbox.models.checkpoint_due(now=60 * minutes) == []
    assert (inbox.directory / f"{ACCOUNT}.model").stat().st_mode & 0o777 == 0o600


def test_a_full_disk_keeps_no_job_from_its_work(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be written is tried again later."""
    inbox.mark([101], "spam")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "write", full)
        inbox.models.checkpoint_due(now=0)
        inbox.models.keep_up(inbox.writer, now=10**10)
    assert inbox.models.checkpoint_due(now=10**10) == [ACCOUNT]
    inbox.models.keep_up(inbox.writer, now=10**10)
    assert inbox.models.checkpoint_due(now=10**11) == []


def test_a_snapshot_stays_as_it_was(inbox: Inbox) -> None:
    """What another thread looks at does not move while agents mark."""
    inbox.mark([101], "spam")
    taken = inbox.models.snapshot(inbox.writer, ACCOUNT)
    inbox.mark([102], "ham")
    assert (taken.spam, taken.ham) == (1, 0)


def test_close_saves_what_is_behind(inbox: Inbox) -> None:
    """After an orderly stop the next start folds nothing."""
    inbox.mark([101, 102], "spam")
    inbox.writer.close()
    inbox.models.close()
    restarted = Models(inbox.database, inbox.directory)
    with inbox.database.read() as connection:
        assert digest(restarted.get(connection, ACCOUNT)) == inbox.ledger_digest()
    assert restarted.folds == 0


def test_memory_is_bounded(database: Database, writer: Writer, tmp_path: Path) -> None:
    """The model used longest ago leaves memory, its checkpoint is written, and it comes back as it was."""
    models = Models(database, tmp_path / "models", memory_bytes=1)
    inbox = Inbox(database=database, writer=writer, models=models, directory=tmp_path / "models")
    inbox.file(5)
    inbox.mark(inbox.messages, "spam")
    writer.run(lambda transaction: models.trained(transaction.connection, 2))
    assert list(models._held) == [2]
    models.keep_up(writer, now=0)
    assert (tmp_path / "models" / f"{ACCOUNT}.model").exists()
    assert inbox.digest() == inbox.ledger_digest()
    assert models.folds == 2  # each account once, when it was empty


def test_verify_says_exact(inbox: Inbox) -> None:
    """Memory that is the fold is exact, with equal digests and the number of labels."""
    inbox.mark(inbox.messages[:7], "spam")
    inbox.mark(inbox.messages[5:9], "ham")
    inbox.unmark(inbox.messages[:1])
    said = inbox.models.verify(inbox.writer, ACCOUNT)
    assert (said.state, said.rows, said.spam, said.ham) == ("exact", 8, 4, 4)
    assert said.digest == said.ledger_digest == inbox.ledger_digest().hex()


def test_verify_finds_and_replaces_counts_that_are_wrong(inbox: Inbox) -> None:
    """Counts that differ are stale once, and exact from then on."""
    inbox.mark(inbox.messages[:7], "spam")
    inbox.models._held[ACCOUNT].counts.spam += 1
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "stale"
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "exact"


def test_a_ledger_that_cannot_be_read_does_not_keep_mail_out(inbox: Inbox) -> None:
    """With a damaged row the filter knows nothing; marking says that the ledger cannot be read."""
    inbox.mark([101, 102], "spam")
    inbox.writer.run(lambda transaction: transaction.connection.execute(update(ledger_table).values(features=b"\xff")))
    inbox.models = Models(inbox.database, inbox.directory)
    inbox.models.warm_all()
    seen = inbox.writer.run(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT))
    assert seen == (0, 0)
    with pytest.raises(Unavailable):
        inbox.mark([103], "spam")
    assert inbox.writer.run(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT)) == (0, 0)


def test_warm_loads_outside_the_writer(inbox: Inbox) -> None:
    """A model warmed by another thread is what the writer then uses, with what was marked meanwhile."""
    inbox.mark(inbox.messages[:10], "spam")
    restarted = Models(inbox.database, inbox.directory)
    restarted.warm(ACCOUNT)
    inbox.mark(inbox.messages[10:12], "ham")
    inbox.models = restarted
    assert inbox.digest() == inbox.ledger_digest()
    assert restarted.folds == 1


def test_all_models_are_loaded_before_readiness_within_memory(inbox: Inbox) -> None:
    """The writer of a started process folds nothing; what does not fit into memory waits for its first mail."""
    inbox.mark(inbox.messages[:10], "spam")
    inbox.writer.run(lambda transaction: ledger.lock_head(transaction.connection, 2))
    started = Models(inbox.database, inbox.directory, memory_bytes=1)
    started.warm_all()
    assert list(started._ready) == [ACCOUNT]
    inbox.models = started
    assert inbox.digest() == inbox.ledger_digest()
    assert started.folds == 1


def test_another_nodes_marks_are_seen(inbox: Inbox, other_node: Inbox) -> None:
    """Labels appended elsewhere are in the counts of the next transaction, without folding anew."""
    inbox.mark([101], "spam")
    assert other_node.digest() == inbox.digest()
    folds = inbox.models.folds
    other_node.mark([102, 103], "ham")
    assert inbox.digest() == inbox.ledger_digest() == other_node.digest()
    assert inbox.models.folds == folds


def test_another_nodes_undoing_is_folded_in_the_background(inbox: Inbox, other_node: Inbox) -> None:
    """Scoring goes on with the counts it has until the ledger has been folded; a mark waits for no background."""
    inbox.mark([101, 102, 103], "spam")
    before = inbox.digest()
    other_node.unmark([101])
    assert inbox.digest() == before
    inbox.models.keep_up(inbox.writer, now=0)
    assert inbox.digest() == inbox.ledger_digest() != before
    other_node.unmark([102])
    inbox.mark([104], "ham")
    assert inbox.digest() == inbox.ledger_digest()


def test_two_nodes_that_mark_at_once_lose_nothing(inbox: Inbox, other_node: Inbox) -> None:
    """First marks included: no sequence is given twice, every mark is in the ledger, and both models are its fold."""
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(node.mark, [each], label)
            for pair in zip(inbox.messages[:20], inbox.messages[15:35], strict=True)
            for node, each, label in ((inbox, pair[0], "spam"), (other_node, pair[1], "ham"))
        ]
        outcomes = [each.outcome for future in done for each in future.result(timeout=120)]
    assert len(outcomes) == 40
    assert sorted(inbox.entries()) == inbox.messages[:35]
    with inbox.database.read() as connection:
        given = [each.sequence for each in ledger.list_marks(connection, ACCOUNT, before=1_000, limit=1_000)]
    assert sorted(given) == list(range(1, 41))
    for node in (inbox, other_node):
        node.digest()  # notices that the other took labels away
        node.models.keep_up(node.writer, now=0)
        assert node.models.verify(node.writer, ACCOUNT).state == "exact"
        assert node.digest() == inbox.ledger_digest()

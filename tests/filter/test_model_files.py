"""Models across restarts: checkpoints, loading, and what memory holds."""

from __future__ import annotations

from pathlib import Path
from threading import current_thread
from typing import Any

import pytest

from classifier.checkpoint import digest
from mailhub.clock import MINUTE
from mailhub.filter import checkpoints
from mailhub.filter.models import Models
from storage.database import Database
from storage.filter import ledger
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, Inbox


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """An account with forty messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(40)
    return made


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
    inbox.models.keep_up(inbox.writer, now=10**10)  # not before its time
    assert inbox.models.checkpoint_due(now=10**10) == [ACCOUNT]
    inbox.models.keep_up(inbox.writer, now=10**10 + MINUTE)
    assert inbox.models.checkpoint_due(now=10**11) == []


def test_close_saves_what_is_behind(inbox: Inbox) -> None:
    """After an orderly stop the next start folds nothing."""
    inbox.mark([101, 102], "spam")
    inbox.writer.close()
    inbox.models.close()
    restarted = Models(inbox.database, inbox.directory)
    with inbox.database.read() as connection:
        assert digest(restarted.get(connection, ACCOUNT)) == inbox.ledger_digest()
    assert restarted.folds == 0


def test_memory_is_bounded(database: Database, writer: WritingThread, tmp_path: Path) -> None:
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


def test_warm_loads_outside_the_writer(inbox: Inbox) -> None:
    """A model warmed by another thread is what the writer then uses, with what was marked meanwhile."""
    inbox.mark(inbox.messages[:10], "spam")
    restarted = Models(inbox.database, inbox.directory)
    restarted.warm(ACCOUNT)
    inbox.mark(inbox.messages[10:12], "ham")
    inbox.models = restarted
    assert inbox.digest() == inbox.ledger_digest()
    assert restarted.folds == 1


def test_who_verifies_a_cold_model_loads_it_himself(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure asks for the digest of a model that nobody used yet: the writer does not wait for it to be read."""
    inbox.mark(inbox.messages[:10], "spam")
    for look in (Models.verify, Models.snapshot):
        cold = Models(inbox.database, inbox.directory)
        threads: list[str] = []
        load = cold._load

        def watched(*given: Any, load: Any = load, threads: list[str] = threads, **more: Any) -> Any:
            threads.append(current_thread().name)
            return load(*given, **more)

        monkeypatch.setattr(cold, "_load", watched)
        look(cold, inbox.writer, ACCOUNT)
        assert threads == [current_thread().name]


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


def test_a_stop_with_a_full_disk_is_orderly(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that cannot be written at the end costs a longer start, nothing else."""
    inbox.mark([101], "spam")
    inbox.writer.close()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "write", full)
    inbox.models.close()
    assert not (inbox.directory / f"{ACCOUNT}.model").exists()


def test_a_repeated_loss_of_memory_is_no_loss(inbox: Inbox) -> None:
    """``forget`` drops counts and file; the next use folds the ledger."""
    inbox.mark([101], "spam")
    inbox.models.checkpoint(inbox.writer, ACCOUNT)
    inbox.models.forget(inbox.writer, ACCOUNT)
    assert not (inbox.directory / f"{ACCOUNT}.model").exists()
    assert inbox.digest() == inbox.ledger_digest()

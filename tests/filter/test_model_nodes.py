"""Models against the ledger: other nodes, verification, ledgers that move or cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mailhub.errors import Unavailable
from mailhub.filter.folding import PORTION, Moved, fold_ledger
from mailhub.filter.models import Models
from storage.database import Database
from storage.filter import ledger
from storage.schema import ledger as ledger_table
from storage.writer import Transaction, WritingThread
from tests.houses.inbox import ACCOUNT, ANA, Inbox


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """An account with forty messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(40)
    return made


@pytest.fixture
def other_node(database: Database, tmp_path: Path) -> Iterator[Inbox]:
    """A second writer with models of its own on the same database."""
    writer = WritingThread(database, node=1)
    writer.start()
    directory = tmp_path / "other"
    yield Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    writer.close()


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
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "damaged"
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "exact"


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


def test_rows_of_another_tokeniser_are_no_part_of_the_model(inbox: Inbox) -> None:
    """Their ids mean something else: neither fold nor tail counts them; a new label replaces them by new features."""
    inbox.mark([101, 102], "spam")
    inbox.mark([103], "ham")

    def make_old(transaction: Transaction) -> None:
        statement = update(ledger_table).where(ledger_table.c.message_id != 102).values(features_version=0)
        transaction.connection.execute(statement)

    inbox.writer.run(make_old)
    inbox.models = Models(inbox.database, inbox.directory)
    assert inbox.writer.run(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT)) == (
        1,
        0,
    )
    inbox.mark([101], "ham")
    inbox.unmark([103])
    assert inbox.writer.run(lambda transaction: inbox.models.trained(transaction.connection, ACCOUNT)) == (
        1,
        1,
    )
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "exact"
    assert inbox.entries()[101].features_version == 1


def test_a_ledger_that_never_rests_is_said_to_be_unavailable(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``verify`` and loading give up after some tries; nothing is changed."""
    inbox.mark([101], "spam")
    tries = []

    def moved(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise Moved

    monkeypatch.setattr("mailhub.filter.models.fold_ledger", moved)
    with pytest.raises(Unavailable):
        inbox.models.verify(inbox.writer, ACCOUNT)
    with pytest.raises(Unavailable):
        Models(inbox.database, inbox.directory / "none").warm(ACCOUNT)
    assert len(tries) == 10


def test_a_fold_sees_that_rows_are_taken_away_meanwhile() -> None:
    """Between two portions the ledger's stamp of rewriting has changed: what was read is worth nothing."""
    rows = [
        ledger.Entry(
            sequence=number,
            message_id=number,
            contact_id=None,
            label="spam",
            user_id=ANA,
            given_at=0,
            features_version=1,
            features=b"",
            stamp=number,
        )
        for number in range(1, PORTION + 1)
    ]
    heads = iter([ledger.Head(rewritten=5), ledger.Head(rewritten=5), ledger.Head(rewritten=6)])

    def read(after: int) -> tuple[ledger.Head, int, list[ledger.Entry]]:
        return next(heads), after, rows[after:]

    with pytest.raises(Moved):
        fold_ledger(read)

"""After an upgrade of the tokeniser, labels are carried over to it: exactly, once each, through stops and other acts.

The ledger of an older program: rows of another version, with features that mean nothing to this one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from classifier.checkpoint import digest
from classifier.model import fold
from classifier.tokens import FEATURES_VERSION, Features, features_to_bytes
from mailhub.errors import Conflict
from mailhub.filter import checkpoints
from mailhub.filter.models import Models
from mailhub.filter.rebuild import STEP, Rebuild, carry, read_anew
from mailhub.filter.rebuild_plan import RebuildPlan
from mailhub.proof.act import perform
from storage.database import Database
from storage.mail.derived import Received, find_received
from storage.privacy.holds import Hold, add_hold
from storage.schema import journal, raw
from storage.schema import ledger as ledger_table
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, ANA, NOW, Inbox, extract

MESSAGES = 40


def age(inbox: Inbox) -> None:
    """Make the ledger and the memory those that a program with another tokeniser would leave."""
    older = {"features_version": FEATURES_VERSION - 1, "features": b"\xff\xff\xff\xff\xff"}
    inbox.writer.run(lambda tx: tx.connection.execute(update(ledger_table).values(older)))
    checkpoints.remove(inbox.directory, inbox.account)
    inbox.models = Models(inbox.database, inbox.directory)


def lose(inbox: Inbox, messages: list[int]) -> None:
    """Their raw is gone, as after the retention of messages."""
    inbox.writer.run(lambda tx: tx.connection.execute(delete(raw).where(raw.c.message_id.in_(messages))))


def features_of(received: Received) -> Features:
    return extract(received.raw)


def rebuild_of(inbox: Inbox) -> Rebuild:
    return Rebuild(
        database=inbox.database,
        writer=inbox.writer,
        models=inbox.models,
        account=ACCOUNT,
        extract=features_of,
    )


def run(inbox: Inbox, *, yes: bool = False) -> tuple[int, int]:
    """The whole of it: (carried, dropped)."""
    rebuild = rebuild_of(inbox)
    dropped, carried = rebuild.begin(yes=yes, now=NOW), 0
    after: int | None = 0
    while after is not None:
        count, after = rebuild.step(after=after, now=NOW)
        carried += count
    return carried, dropped


def fresh(inbox: Inbox) -> bytes:
    """The digest of what the labels in force teach, read by this version from the mail that is stored."""
    with inbox.database.read() as connection:
        mails = [(label, find_received(connection, ACCOUNT, each)) for each, label in inbox.labels().items()]
    return digest(
        fold((label, features_to_bytes(features_of(mail))) for label, mail in mails if mail is not None)
    )


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """Forty labelled messages, more than two turns take."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(MESSAGES)
    made.mark(made.messages[:15], "spam")
    made.mark(made.messages[15:], "ham")
    return made


def test_after_a_rebuild_the_model_is_the_fold_of_fresh_features(inbox: Inbox) -> None:
    """Before it nothing counts; afterwards all does, byte for byte as if it had been taught by this version."""
    before = inbox.digest()
    age(inbox)
    assert inbox.writer.run(lambda tx: inbox.models.trained(tx.connection, ACCOUNT)) == (0, 0)
    assert rebuild_of(inbox).plan() == RebuildPlan(labels=MESSAGES, waiting=MESSAGES, lost=0)
    assert run(inbox) == (MESSAGES, 0)
    assert inbox.digest() == fresh(inbox) == before == inbox.ledger_digest()
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "exact"
    assert run(inbox) == (0, 0)
    with inbox.database.read() as connection:
        verbs = connection.execute(select(journal.c.verb).where(journal.c.actor == "mailhub")).scalars().all()
    assert verbs == ["spam.rebuild"] * -(-MESSAGES // STEP)


def test_in_the_middle_the_model_is_the_sum_of_what_is_carried(inbox: Inbox) -> None:
    """After one step and a restart without a checkpoint the model holds that step's labels; the rest follows."""
    age(inbox)
    assert rebuild_of(inbox).step(after=0, now=NOW) == (STEP, STEP)
    inbox.models = Models(inbox.database, inbox.directory)
    assert inbox.writer.run(lambda tx: inbox.models.trained(tx.connection, ACCOUNT)) == (15, 1)
    assert run(inbox) == (MESSAGES - STEP, 0)
    assert inbox.digest() == fresh(inbox)


def test_no_row_is_carried_twice(inbox: Inbox) -> None:
    """Two who read the same rows, another node among them, count them once."""
    age(inbox)
    both = [read_anew(inbox.database, ACCOUNT, after=0, extract=features_of) for _ in range(2)]
    counts = [
        inbox.writer.run(perform, carry, "mailhub", ACCOUNT, NOW, inbox.models, anew.rows) for anew in both
    ]
    assert counts == [STEP, 0]
    run(inbox)
    assert inbox.digest() == fresh(inbox)


def test_what_agents_do_meanwhile_stands(inbox: Inbox) -> None:
    """A label changed, and one taken back, between reading and writing keep what the agent said."""
    age(inbox)
    anew = read_anew(inbox.database, ACCOUNT, after=0, extract=features_of)
    inbox.mark([inbox.messages[0]], "ham")
    inbox.unmark([inbox.messages[1]])
    carried = inbox.writer.run(perform, carry, "mailhub", ACCOUNT, NOW, inbox.models, anew.rows)
    assert carried == STEP - 2
    run(inbox)
    assert inbox.labels()[inbox.messages[0]] == "ham"
    assert inbox.messages[1] not in inbox.labels()
    assert inbox.digest() == fresh(inbox)


def test_old_labels_can_be_taken_back_before_they_are_carried(inbox: Inbox) -> None:
    """Undo and revocation work on rows whose features this version cannot read."""
    age(inbox)
    inbox.unmark(inbox.messages[:3])
    inbox.revoke_user(ANA, 0)
    assert inbox.labels() == {}
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "exact"


def test_few_lost_labels_are_dropped_with_what_was_said_about_them(inbox: Inbox) -> None:
    """Up to a fifth goes without a question, and first; the message keeps its verdict."""
    age(inbox)
    lost = inbox.messages[:8]
    lose(inbox, lost)
    assert rebuild_of(inbox).plan() == RebuildPlan(labels=MESSAGES, waiting=MESSAGES, lost=8)
    assert run(inbox) == (MESSAGES - 8, 8)
    assert not set(lost) & set(inbox.labels())
    assert inbox.verdict(lost[0]) == "spam"
    assert inbox.digest() == fresh(inbox)


def test_many_lost_labels_wait_for_a_yes(inbox: Inbox) -> None:
    """More than a fifth: nothing is changed until somebody says yes."""
    age(inbox)
    lose(inbox, inbox.messages[:20])
    with pytest.raises(Conflict, match="20 of 40 labels"):
        run(inbox)
    assert len(inbox.labels()) == MESSAGES
    assert run(inbox, yes=True) == (MESSAGES - 20, 20)
    assert inbox.digest() == fresh(inbox)


def test_a_held_label_without_a_mail_stays_and_does_not_count(inbox: Inbox) -> None:
    """A hold on the account keeps the rows that cannot be carried; the others are carried all the same."""
    order = Hold(
        account_id=ACCOUNT,
        id=1,
        kind="account",
        object_id=None,
        reason="",
        actor="operator:0",
        created_at=NOW,
    )
    inbox.writer.run(lambda tx: add_hold(tx.connection, order))
    age(inbox)
    lose(inbox, inbox.messages[:2])
    assert run(inbox) == (MESSAGES - 2, 0)
    assert rebuild_of(inbox).plan() == RebuildPlan(labels=MESSAGES, waiting=2, lost=2)
    assert inbox.models.verify(inbox.writer, ACCOUNT).rows == MESSAGES - 2


def test_a_mail_that_cannot_be_read_any_more_keeps_its_label(inbox: Inbox) -> None:
    """Where this version's reader fails the row stays, waiting; nothing is dropped for a fault of ours."""
    age(inbox)

    def fails(_: Received) -> Features:
        raise RecursionError

    assert replace(rebuild_of(inbox), extract=fails).step(after=0, now=NOW) == (0, STEP)
    assert rebuild_of(inbox).plan().waiting == MESSAGES

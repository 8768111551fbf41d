"""A label's own term: old ones go and their teaching with them, exactly; the message keeps its verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from classifier.tokens import FEATURES_VERSION
from mailhub.filter.models import Models
from storage.database import Database
from storage.filter import ledger, ledger_versions
from storage.privacy.holds import Hold, add_hold
from storage.schema import journal, message
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, ANA, BEN, NOW, Inbox


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """Eight messages: four labelled early, two late, the rest never."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(8)
    made.mark(made.messages[:2], "spam")
    made.mark(made.messages[2:4], "ham", user=BEN)
    made.mark(made.messages[4:6], "spam")
    return made


def hold(inbox: Inbox, kind: str, object_id: int | None) -> None:
    row = Hold(
        account_id=ACCOUNT,
        id=1,
        kind=kind,
        object_id=object_id,
        reason="",
        actor="operator:0",
        created_at=NOW,
    )
    inbox.writer.run(lambda tx: add_hold(tx.connection, row))


def test_old_labels_go_and_the_counts_with_them(inbox: Inbox) -> None:
    """The model is the fold of the young rows; the messages stay spam and ham, and tell that it was a label."""
    late = inbox.messages[4:6]
    assert inbox.expire(NOW + 3) == 4
    assert inbox.labels() == dict.fromkeys(late, "spam")
    assert inbox.digest() == inbox.ledger_digest()
    assert [inbox.verdict(each) for each in inbox.messages[:4]] == ["spam", "spam", "ham", "ham"]
    with inbox.database.read() as connection:
        reasons = connection.execute(select(message.c.verdict_reason).order_by(message.c.id)).scalars().all()
        assert reasons == ["label"] * 4 + [None] * 4
        assert {
            each.message_id for each in ledger.list_marks(connection, ACCOUNT, before=99, limit=99)
        } == set(late)
        verbs = connection.execute(select(journal.c.verb)).scalars().all()
    assert verbs.count("spam.expire") == 1
    assert inbox.models.verify(inbox.writer, ACCOUNT).state == "exact"
    assert inbox.expire(NOW + 3) == 0


def test_a_relabelled_message_has_the_age_of_its_last_label(inbox: Inbox) -> None:
    """What is in force counts its own term; the acts before it go with it, not before."""
    inbox.mark([inbox.messages[0]], "ham", user=BEN)
    assert inbox.expire(NOW + 3) == 3
    assert inbox.labels()[inbox.messages[0]] == "ham"
    inbox.revoke_user(BEN, since=0)
    assert inbox.labels()[inbox.messages[0]] == "spam"
    assert inbox.digest() == inbox.ledger_digest()


def test_acts_that_left_no_label_go_too(inbox: Inbox) -> None:
    """An undone mark is forgotten when its time has come."""
    inbox.unmark(inbox.messages[:1], user=ANA)
    inbox.expire(NOW + 100)
    assert inbox.labels() == {}
    with inbox.database.read() as connection:
        assert ledger.list_marks(connection, ACCOUNT, before=99, limit=99) == []


def test_labels_of_another_version_are_told(inbox: Inbox) -> None:
    """What the model does not hold is counted, never left out in silence."""
    with inbox.database.read() as connection:
        assert ledger_versions.count_other(connection, ACCOUNT, FEATURES_VERSION) == 0
        assert ledger_versions.count_other(connection, ACCOUNT, FEATURES_VERSION + 1) == 6


@pytest.mark.parametrize(("kind", "left"), [("account", 6), ("contact", 6), ("ticket", 1)])
def test_what_is_held_stays(inbox: Inbox, kind: str, left: int) -> None:
    """A hold on the account, on who wrote, or on the ticket keeps what was taught."""
    hold(inbox, kind, {"account": None, "contact": 7, "ticket": inbox.messages[0]}[kind])
    inbox.expire(NOW + 100)
    assert len(inbox.labels()) == left
    assert inbox.digest() == inbox.ledger_digest()

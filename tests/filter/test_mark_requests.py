"""Marks asked for from outside: given once, late enough, not too many; taken back byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from mailhub.clock import HOUR, SECOND
from mailhub.errors import Conflict
from mailhub.filter import mark_requests
from mailhub.filter.mark_requests import SETTLE_SECONDS, TOO_MANY, MarkingParts, ask, give_due
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings
from mailhub.proof.act import perform
from storage.database import Database
from storage.filter import ledger
from storage.filter import mark_requests as rows
from storage.filter.mark_requests import Request
from storage.proof import journal
from storage.schema import ledger as ledger_table
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, ANA, BEN, MAILBOX, Inbox, extract, taught

CAP = 5


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """An account with forty messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(40)
    return made


def moved(inbox: Inbox, message: int, label: str = "spam", reason: str = "") -> None:
    """A move in the mailbox was noticed."""
    inbox.writer.run(
        ask, ACCOUNT, message, label, giver=MAILBOX, source=ledger.IMAP, reason=reason, now=inbox.now
    )


def give(inbox: Inbox, *, later: int = SETTLE_SECONDS * SECOND, of_user: int = 100) -> int:
    """The job, some time later."""
    inbox.now += later
    parts = MarkingParts(
        database=inbox.database,
        writer=inbox.writer,
        models=inbox.models,
        extract=lambda received: extract(received.raw),
        settings=FilterSettings(),
        of_user=of_user,
        of_mailbox=CAP,
    )
    return give_due(parts, now=inbox.now)


def suggested(inbox: Inbox) -> list[Request]:
    """What agents are to decide."""
    with inbox.database.read() as connection:
        return [*rows.list_suggestions(connection, ACCOUNT, before=2**62, limit=100)]


def marks(inbox: Inbox) -> list[tuple[int, str, int, str]]:
    """Every mark: message, label, giver, source."""
    with inbox.database.read() as connection:
        found = ledger.list_marks(connection, ACCOUNT, before=2**62, limit=100)
    return sorted((each.message_id, each.label, each.user_id, each.source) for each in found)


def test_a_request_becomes_a_mark_of_its_giver_when_it_is_due(inbox: Inbox) -> None:
    """Nothing before; then a mark on record, with the mailbox as its actor, and no request is left."""
    moved(inbox, 101)
    assert give(inbox, later=0) == 0
    assert marks(inbox) == []
    assert give(inbox) == 1
    assert marks(inbox) == [(101, "spam", MAILBOX, "imap")]
    assert give(inbox) == 0
    with inbox.database.read() as connection:
        (act,) = journal.of_object(connection, ACCOUNT, "message:101")
    assert act.actor == f"mailbox:{MAILBOX}"
    assert inbox.digest() == inbox.ledger_digest()


def test_an_account_whose_ledger_is_damaged_keeps_no_other_from_its_marks(inbox: Inbox) -> None:
    """The job passes it and goes on; what waits there is due again."""
    broken = replace(inbox, account=ACCOUNT - 1)
    broken.file(2)
    broken.mark([101], "spam")
    damage = update(ledger_table).where(ledger_table.c.account_id == broken.account).values(features=b"\xff")
    inbox.writer.run(lambda tx: tx.connection.execute(damage))
    inbox.models = Models(inbox.database, inbox.directory)
    for account in (broken.account, ACCOUNT):
        inbox.writer.run(ask, account, 102, "spam", giver=MAILBOX, source=ledger.IMAP, now=inbox.now)
    assert give(inbox) == 1
    assert marks(inbox) == [(102, "spam", MAILBOX, "imap")]
    with inbox.database.read() as connection:
        assert list(rows.accounts_with_requests(connection, due_at=inbox.now)) == [broken.account]


def test_the_last_word_counts_once(inbox: Inbox) -> None:
    """Mail that is moved back and forth within the wait is marked by where it came to rest."""
    for label in ("spam", "ham", "spam", "ham"):
        moved(inbox, 101, label)
    assert give(inbox) == 1
    assert marks(inbox) == [(101, "ham", MAILBOX, "imap")]


def test_the_same_word_said_unsurely_takes_nothing_away(inbox: Inbox) -> None:
    """A keyword and then a move are one request, as sure as the surer of them."""
    moved(inbox, 101)
    moved(inbox, 101, reason="unread")
    moved(inbox, 102, reason="unread")
    moved(inbox, 102)
    assert give(inbox) == 2
    assert suggested(inbox) == []


def test_more_than_a_person_decides_on_is_all_left_to_an_agent(inbox: Inbox) -> None:
    """One over the cap, and none of them is a mark; the same goes for what follows within the hour."""
    for message in inbox.messages[: CAP + 1]:
        moved(inbox, message)
    assert give(inbox) == 0
    moved(inbox, 120)
    assert give(inbox) == 0
    assert {(each.message_id, each.reason) for each in suggested(inbox)} == {
        (message, TOO_MANY) for message in (*inbox.messages[: CAP + 1], 120)
    }
    assert marks(inbox) == []
    inbox.now += HOUR
    moved(inbox, 121)
    assert give(inbox) == 1


def test_what_was_given_counts_against_the_cap(inbox: Inbox) -> None:
    """The hour's marks and what is asked for now are counted together."""
    for message in inbox.messages[:CAP]:
        moved(inbox, message)
    assert give(inbox) == CAP
    moved(inbox, 120)
    assert give(inbox) == 0
    assert [each.message_id for each in suggested(inbox)] == [120]


def test_a_user_who_would_mark_too_many_gets_suggestions(inbox: Inbox) -> None:
    """What an agent sends to a feedback address counts with their other marks."""
    inbox.mark([101, 102], "spam")
    inbox.writer.run(ask, ACCOUNT, 103, "ham", giver=ANA, source=ledger.FORWARD, now=inbox.now)
    assert give(inbox, of_user=2) == 0
    assert [each.message_id for each in suggested(inbox)] == [103]


def test_revoking_all_of_a_mailbox_gives_back_the_model(inbox: Inbox) -> None:
    """Byte for byte what it was, and so are the verdicts."""
    inbox.mark([101, 102], "spam")
    inbox.mark([103], "ham")
    before, verdicts = inbox.digest(), [inbox.verdict(each) for each in inbox.messages]
    for message, label in ((102, "ham"), (104, "spam"), (105, "ham")):
        moved(inbox, message, label)
    assert give(inbox) == 3
    assert inbox.digest() != before
    inbox.revoke_user(MAILBOX, since=0)
    assert inbox.digest() == before == inbox.ledger_digest()
    assert [inbox.verdict(each) for each in inbox.messages] == verdicts


def test_a_suggestion_is_confirmed_as_the_agents_own_mark(inbox: Inbox) -> None:
    """They are on record for it, and it is no suggestion any more."""
    moved(inbox, 101, reason="unread")
    moved(inbox, 102, "ham", reason="alike")
    chosen = suggested(inbox)
    confirm(inbox, chosen)
    assert marks(inbox) == [(101, "spam", BEN, "mark"), (102, "ham", BEN, "mark")]
    assert suggested(inbox) == []
    with pytest.raises(Conflict, match="no suggestions any more"):
        confirm(inbox, chosen)


def confirm(inbox: Inbox, chosen: list[Request]) -> None:
    """Ben confirms."""
    inbox.writer.run(
        perform,
        mark_requests.confirm,
        f"user:{BEN}",
        ACCOUNT,
        inbox.now,
        inbox.models,
        chosen,
        user=BEN,
        features_of=taught,
        per_hour=100,
    )


def test_a_dismissed_suggestion_is_no_mark_and_on_record(inbox: Inbox) -> None:
    """The message stays as it was."""
    moved(inbox, 101, reason="unread")
    inbox.writer.run(perform, mark_requests.dismiss, f"user:{BEN}", ACCOUNT, inbox.now, suggested(inbox))
    assert (marks(inbox), suggested(inbox)) == ([], [])
    with inbox.database.read() as connection:
        (act,) = journal.of_object(connection, ACCOUNT, "message:101")
    assert (act.verb, act.actor) == ("spam.dismiss", f"user:{BEN}")


def test_a_suggestion_nobody_decides_on_goes(inbox: Inbox) -> None:
    """After its time it is no suggestion any more; one that waits is not touched."""
    moved(inbox, 101, reason="unread")
    inbox.now += 1
    moved(inbox, 102, reason="unread")
    moved(inbox, 103)
    with inbox.database.read() as connection:
        old = rows.old_suggestions(connection, before=inbox.now, after=(0, 0), limit=10)
    ids = [row for _, row in old]
    assert inbox.writer.run(lambda tx: rows.delete_requests(tx.connection, 1, ids)) == 1
    assert [each.message_id for each in suggested(inbox)] == [102]
    assert give(inbox) == 1

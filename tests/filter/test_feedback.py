"""FLOW 2: what a label does to ledger, verdict, ticket and journal, and how it is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from classifier.checkpoint import digest
from classifier.model import fold
from classifier.tokens import features_to_bytes
from mailhub.errors import BadRequest, Conflict
from mailhub.filter.feedback import Marked, Previous, forget, mark, prepare, revoke, steps, unmark
from mailhub.filter.labelling import LabelOutcome
from mailhub.filter.models import Models
from mailhub.filter.weighing import list_marks
from mailhub.proof.act import Act, perform
from storage.database import Database
from storage.filter import ledger
from storage.proof import journal
from storage.schema import ledger as ledger_table
from storage.schema import ticket
from storage.writer import Transaction, WritingThread
from tests.houses.inbox import ACCOUNT, ANA, BEN, NOW, Inbox, extract, file_message, taught, text_of


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """An account with sixty messages."""
    directory = tmp_path / "models"
    made = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    made.file(60)
    return made


def _outcomes(results: list[Marked]) -> list[LabelOutcome]:
    return [each.outcome for each in results]


def test_a_label_trains_sets_the_verdict_and_moves_the_ticket(inbox: Inbox) -> None:
    """Spam on a ticket's first message puts the ticket into the spam state; the result says all of it."""
    assert inbox.mark([101], "spam") == [
        Marked(
            message=101, outcome=LabelOutcome.MARKED, label="spam", verdict="spam", ticket=101, state="spam"
        )
    ]
    assert inbox.verdict(101) == "spam"
    assert inbox.ticket(101) == ("spam", "spam")
    row = inbox.entries()[101]
    assert (row.label, row.user_id, row.contact_id, row.given_at) == ("spam", ANA, 7, inbox.now)
    assert row.features == features_to_bytes(extract(text_of(101)))
    assert inbox.digest() == digest(fold([("spam", row.features)]))


def test_the_same_word_again_changes_nothing(inbox: Inbox) -> None:
    """Marking twice, by whomever, leaves ledger, journal and counts as they were."""
    inbox.mark([101], "spam")
    before = inbox.entries(), inbox.digest()
    again = inbox.mark([101], "spam", user=BEN)
    assert _outcomes(again) == [LabelOutcome.UNCHANGED]
    assert again[0].previous == Previous(label="spam", user=ANA)
    assert (inbox.entries(), inbox.digest()) == before
    with inbox.database.read() as connection:
        assert len(journal.of_object(connection, ACCOUNT, "message:101")) == 1


def test_the_last_word_wins_and_a_conflict_is_shown(inbox: Inbox) -> None:
    """A relabelled message counts once, under a new sequence; whose word was overruled is in the result."""
    inbox.mark([101], "spam")
    first = inbox.entries()[101].sequence
    result = inbox.mark([101], "ham", user=BEN)[0]
    assert (result.outcome, result.previous, result.conflict) == (
        LabelOutcome.RELABELLED,
        Previous(label="spam", user=ANA),
        True,
    )
    assert inbox.entries()[101].sequence > first
    assert inbox.ticket(101) == ("open", "ham")
    assert inbox.digest() == digest(fold([("ham", features_to_bytes(extract(text_of(101))))]))


def test_changing_ones_own_mind_is_no_conflict(inbox: Inbox) -> None:
    """Only another user's label is a conflict."""
    inbox.mark([101], "spam")
    assert not inbox.mark([101], "ham")[0].conflict


def test_unmark_forgets_and_restores_the_verdict(inbox: Inbox) -> None:
    """After an undo the message has the verdict it had before any label, and the filter knows nothing of it."""
    empty = inbox.digest()
    inbox.mark([101], "spam")
    inbox.mark([101], "ham", user=BEN)
    result = inbox.unmark([101])[0]
    assert (result.outcome, result.label, result.verdict, result.state) == (
        LabelOutcome.UNMARKED,
        None,
        "unsure",
        "open",
    )
    assert (inbox.entries(), inbox.digest()) == ({}, empty)
    assert inbox.ticket(101) == ("open", "unsure")
    assert _outcomes(inbox.unmark([101])) == [LabelOutcome.UNCHANGED]


def test_unmark_of_one_label_leaves_the_other(inbox: Inbox) -> None:
    """Asked to take back ham only, a message marked as spam keeps its label, and the filter what it taught."""
    inbox.mark([101], "spam")
    inbox.mark([102], "ham")
    before = inbox.entries()[101]
    results = inbox.writer.run(
        perform,
        unmark,
        f"user:{ANA}",
        ACCOUNT,
        inbox.now,
        inbox.models,
        [101, 102, 103],
        user=ANA,
        only="ham",
    )
    assert _outcomes(results) == [LabelOutcome.UNCHANGED, LabelOutcome.UNMARKED, LabelOutcome.UNCHANGED]
    assert [each.label for each in results] == ["spam", None, None]
    assert inbox.entries() == {101: before}


def test_undoing_ham_on_filtered_spam_returns_it_to_spam(inbox: Inbox) -> None:
    """What the filter had called spam is spam again once the ham label is taken back."""
    inbox.writer.run(file_message, 900, state="spam", verdict="spam")
    inbox.mark([900], "ham")
    assert inbox.ticket(900) == ("open", "ham")
    inbox.unmark([900])
    assert inbox.ticket(900) == ("spam", "spam")


def test_a_reply_takes_only_its_own_verdict(inbox: Inbox) -> None:
    """A label on a later message of a ticket leaves the ticket where it is."""
    inbox.writer.run(file_message, 900, ticket_id=101)
    assert inbox.mark([900], "spam")[0].state == "open"
    assert inbox.verdict(900) == "spam"
    assert inbox.ticket(101) == ("open", "unsure")


@pytest.mark.parametrize(
    ("state", "label", "after"),
    [
        ("closed", "ham", "closed"),
        ("closed", "spam", "spam"),
        ("open", "ham", "open"),
        ("spam", "ham", "open"),
    ],
)
def test_only_spam_and_back_from_spam_moves_a_ticket(
    inbox: Inbox, state: str, label: str, after: str
) -> None:
    """Ham leaves a ticket where it is unless it is in the spam state; spam always puts it there."""
    inbox.writer.run(file_message, 900, state=state)
    inbox.mark([900], label)
    assert inbox.ticket(900) == (after, label)


def test_a_ticket_in_the_trash_stays_there(inbox: Inbox) -> None:
    """The label decides where the ticket goes when it is restored."""

    def trash(transaction: Transaction) -> None:
        file_message(transaction, 900, state="trash")
        transaction.connection.execute(update(ticket).where(ticket.c.id == 900).values(state_before="open"))

    inbox.writer.run(trash)
    inbox.mark([900], "spam")
    with inbox.database.read() as connection:
        row = connection.execute(
            select(ticket.c.state, ticket.c.state_before).where(ticket.c.id == 900)
        ).one()
    assert tuple(row) == ("trash", "spam")


def test_what_cannot_be_learnt_is_said(inbox: Inbox) -> None:
    """Unknown messages, our own and unreadable ones have an outcome each, and teach nothing."""

    def make(transaction: Transaction) -> None:
        file_message(transaction, 900, direction="out")
        file_message(transaction, 901, unreadable=1)

    inbox.writer.run(make)
    results = inbox.mark([999, 900, 901, 101, 101], "spam")
    assert _outcomes(results) == [
        LabelOutcome.NOT_FOUND,
        LabelOutcome.NOT_INCOMING,
        LabelOutcome.NO_FEATURES,
        LabelOutcome.MARKED,
        LabelOutcome.MARKED,
    ]
    assert list(inbox.entries()) == [101]
    assert inbox.verdict(901) == "unsure"


def test_another_accounts_messages_are_not_found(inbox: Inbox) -> None:
    """Labels stay within the account."""

    def work(transaction: Transaction) -> list[Marked]:
        return mark(
            Act(transaction, "user:1", 2, NOW),
            inbox.models,
            [101],
            "spam",
            user=1,
            features_of=lambda _: None,
        )

    assert _outcomes(inbox.writer.run(work)) == [LabelOutcome.NOT_FOUND]


def test_a_label_is_spam_or_ham(inbox: Inbox) -> None:
    """Anything else is refused before anything is looked at."""
    with pytest.raises(BadRequest):
        inbox.mark([101], "none")


def test_every_act_is_in_the_journal(inbox: Inbox) -> None:
    """The journal says who, what and what was before, in ids and words only."""
    inbox.mark([101], "spam")
    inbox.mark([101], "ham", user=BEN)
    inbox.unmark([101])
    with inbox.database.read() as connection:
        entries = journal.of_object(connection, ACCOUNT, "message:101")
    assert [(each.actor, each.verb, each.detail["label"]) for each in entries] == [
        (f"user:{ANA}", "spam.mark", "spam"),
        (f"user:{BEN}", "spam.mark", "ham"),
        (f"user:{ANA}", "spam.unmark", None),
    ]
    assert entries[1].detail["previous"] == {"label": "spam", "sequence": 1, "user": ANA}


def test_the_cap_refuses_all_of_a_call(inbox: Inbox) -> None:
    """A user over their marks in an hour is refused whole, counts included; others and the next hour are free."""

    def work(transaction: Transaction, user: int, now: int) -> list[Marked]:
        return mark(
            Act(transaction, f"user:{user}", ACCOUNT, now),
            inbox.models,
            [101, 102, 103],
            "spam",
            user=user,
            features_of=taught,
            per_hour=2,
        )

    before = inbox.digest()
    with pytest.raises(Conflict):
        inbox.writer.run(work, ANA, NOW)
    assert (inbox.entries(), inbox.digest()) == ({}, before)
    inbox.mark([104, 105], "spam", user=BEN)
    assert inbox.digest() == inbox.ledger_digest()


def test_the_cap_counts_an_hour(inbox: Inbox) -> None:
    """Marks older than an hour count no more, and repeating what is in force costs nothing."""
    found = {each: taught(each) for each in inbox.messages}

    def work(messages: list[int], now: int) -> list[Marked]:
        return inbox.writer.run(
            perform,
            mark,
            "user:11",
            ACCOUNT,
            now,
            inbox.models,
            messages,
            "spam",
            user=ANA,
            features_of=found.get,
            per_hour=2,
        )

    hour = 3_600_000_000
    work([101, 102], NOW)
    assert _outcomes(work([101, 102], NOW)) == [LabelOutcome.UNCHANGED] * 2
    with pytest.raises(Conflict):
        work([103], NOW + hour)
    assert _outcomes(work([103], NOW + hour + 1)) == [LabelOutcome.MARKED]


def test_revoking_a_user_leaves_the_ledger_as_it_was_without_him(inbox: Inbox) -> None:
    """Labels they gave go, those they replaced or took back are in force again, under their old numbers;
    others' stay.
    """
    inbox.mark(inbox.messages[:20], "ham")
    since = inbox.now + 1
    without, before = inbox.digest(), inbox.entries()
    inbox.mark(inbox.messages[10:50], "spam", user=BEN)
    inbox.unmark(inbox.messages[:3], user=BEN)
    inbox.mark(inbox.messages[10:12], "ham", user=BEN)
    assert inbox.digest() != without
    done = inbox.revoke_user(BEN, since)
    assert sum(len(each.sequences) for each in done) == 45
    assert len(done) == 3
    assert inbox.digest() == without == inbox.ledger_digest()
    after = inbox.entries()
    assert {key: (row.sequence, row.label, row.user_id) for key, row in after.items()} == {
        key: (row.sequence, row.label, row.user_id) for key, row in before.items()
    }
    assert inbox.verdict(115) == "ham"
    assert inbox.ticket(145) == ("open", "unsure")


def test_a_label_brought_back_is_the_old_one(inbox: Inbox) -> None:
    """Even where the revoked word was the same, the row in force is the one of whoever had said it before."""
    inbox.mark([101], "ham")
    before = inbox.entries()[101]
    since = inbox.now + 1
    inbox.mark([101], "spam", user=BEN)
    inbox.mark([101], "ham", user=BEN)
    inbox.revoke_user(BEN, since)
    after = inbox.entries()[101]
    assert (after.sequence, after.user_id, after.given_at) == (before.sequence, ANA, before.given_at)


def test_a_label_brought_back_is_seen_after_a_restart(inbox: Inbox) -> None:
    """A checkpoint that lacks a row which is in force again under its old number is not used."""
    inbox.mark([101, 102, 103], "ham")
    since = inbox.now + 1
    inbox.unmark([101], user=BEN)
    inbox.models.checkpoint(inbox.writer, ACCOUNT)
    inbox.revoke_user(BEN, since)
    assert sorted(inbox.entries()) == [101, 102, 103]
    inbox.models = Models(inbox.database, inbox.directory)
    assert inbox.digest() == inbox.ledger_digest()


def test_a_revoked_label_goes_even_if_what_it_replaced_cannot_come_back(inbox: Inbox) -> None:
    """Where the tokeniser has changed and the raw is gone, the message ends without a label."""
    inbox.mark([101], "ham")
    inbox.mark([101], "spam", user=BEN)
    inbox.writer.run(
        lambda transaction: transaction.connection.execute(update(ledger_table).values(features_version=0))
    )
    inbox.models = Models(inbox.database, inbox.directory)
    inbox.messages = []  # nothing is prepared
    done = inbox.revoke_user(BEN, NOW)
    assert _outcomes(list(done[0].messages)) == [LabelOutcome.UNMARKED]
    assert inbox.entries() == {}
    assert inbox.digest() == inbox.ledger_digest()


def test_one_act_is_revoked_by_its_number(inbox: Inbox) -> None:
    """A superseded act that is revoked changes nothing that is in force; repeating it neither."""
    inbox.mark([101], "spam")
    inbox.mark([101], "ham", user=BEN)

    def work(transaction: Transaction, sequence: int) -> list[LabelOutcome]:
        done = revoke(
            Act(transaction, "user:11", ACCOUNT, NOW), inbox.models, [sequence], features_of=lambda _: None
        )
        return [each.outcome for each in done.messages]

    assert inbox.writer.run(work, 1) == [LabelOutcome.UNCHANGED]
    assert inbox.writer.run(work, 1) == []
    assert inbox.writer.run(work, 2) == [LabelOutcome.UNMARKED]
    assert inbox.entries() == {}


def test_forgetting_leaves_no_trace_of_a_messages_labels(inbox: Inbox) -> None:
    """A message that goes for good is untrained, and neither ledger nor marks name it."""
    inbox.mark([101, 102], "spam")
    inbox.unmark([102])
    gone = inbox.writer.run(forget, inbox.models, ACCOUNT, [101, 102, 103])
    assert gone == 1
    with inbox.database.read() as connection:
        assert ledger.list_marks(connection, ACCOUNT, before=1_000, limit=10) == []
    assert inbox.entries() == {}
    assert inbox.digest() == inbox.ledger_digest()


def test_marks_are_listed_latest_first(inbox: Inbox) -> None:
    """Every act is there, those taken back too, page by page and by user."""
    inbox.mark([101, 102], "spam")
    inbox.unmark([101], user=BEN)
    with inbox.database.read() as connection:
        listed = ledger.list_marks(connection, ACCOUNT, before=1_000, limit=10)
        of_ben = ledger.list_marks(connection, ACCOUNT, user_id=BEN, before=1_000, limit=10)
        page = ledger.list_marks(connection, ACCOUNT, before=3, limit=1)
    assert [(each.sequence, each.message_id, each.label, each.user_id) for each in listed] == [
        (3, 101, "none", BEN),
        (2, 102, "spam", ANA),
        (1, 101, "spam", ANA),
    ]
    assert [each.sequence for each in of_ben] == [3]
    assert [each.sequence for each in page] == [2]


def test_marks_are_weighed(inbox: Inbox) -> None:
    """A mark in force says how the message would score without it; weighing leaves the counts as they are."""
    inbox.mark(inbox.messages[:20], "spam")
    inbox.mark(inbox.messages[20:40], "ham")
    inbox.mark([101], "ham")
    inbox.unmark([102])
    before = inbox.digest()
    weighed = inbox.writer.run(list_marks, inbox.models, ACCOUNT, before=1_000, limit=100)
    of = {each.mark.sequence: each for each in weighed}
    assert len(weighed) == 42
    assert (of[1].log_odds, of[2].log_odds, of[42].log_odds) == (None, None, None)  # superseded, taken back
    counted = of[41]
    assert counted.log_odds is not None and counted.alone is not None
    assert counted.log_odds < counted.alone  # the ham label pulls its own message towards ham
    assert inbox.digest() == before == inbox.ledger_digest()


def test_features_of_a_relabelled_message_come_from_the_ledger(inbox: Inbox) -> None:
    """What was trained is what is taken back, whatever the raw would give now; nothing is read again."""
    inbox.mark([101], "spam")

    def never(_: bytes) -> None:
        raise AssertionError

    found = prepare(inbox.database, ACCOUNT, [101, 102], never)  # type: ignore[arg-type]
    assert (found(101), found(102)) == (None, None)
    inbox.mark([101], "ham")
    assert inbox.digest() == inbox.ledger_digest()


def test_steps_are_short_and_distinct() -> None:
    """Many messages are handed over in portions, each message once."""
    assert [len(each) for each in steps([*range(60), *range(60)])] == [16, 16, 16, 12]

"""What an answer says: ham, while nobody says otherwise; and who disagrees is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.filter.labelling import LabelOutcome
from mailhub.filter.models import Models
from mailhub.filter.weighing import Weighed, list_marks
from storage.database import Database
from storage.filter import labels, ledger
from storage.filter.labels import Choice
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, ANA, BEN, Inbox


@pytest.fixture
def inbox(database: Database, writer: WritingThread, tmp_path: Path) -> Inbox:
    """An account without messages yet."""
    directory = tmp_path / "models"
    return Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)


def listed(inbox: Inbox) -> list[Weighed]:
    return inbox.writer.run(list_marks, inbox.models, ACCOUNT, before=1_000, limit=100)


def test_an_answer_is_a_weak_word(inbox: Inbox) -> None:
    """It makes ham of what nobody spoke of, never overrides a mark or an undone one, and any mark supersedes it."""
    one, two, three = inbox.file(3)
    inbox.mark([two], "spam", user=BEN)
    inbox.mark([three], "spam", user=BEN)
    inbox.unmark([three], user=BEN)
    assert [each.outcome for each in inbox.answer([one, two, three])] == [
        LabelOutcome.MARKED,
        LabelOutcome.UNCHANGED,
        LabelOutcome.UNCHANGED,
    ]
    assert inbox.labels() == {one: "ham", two: "spam"}
    inbox.mark([one], "spam", user=BEN)
    assert inbox.answer([one])[0].outcome == LabelOutcome.UNCHANGED
    assert inbox.labels() == {one: "spam", two: "spam"}
    assert inbox.digest() == inbox.ledger_digest()


def test_reviewing_is_a_weak_word_of_spam(inbox: Inbox) -> None:
    """It teaches only what lies in spam and nobody spoke of; any mark beats it, and without it all is as before."""
    caught, marked, unsure = inbox.file(3)
    inbox.call(caught, "spam")
    inbox.mark([marked], "ham", user=BEN)
    before = inbox.digest()
    assert [each.outcome for each in inbox.review([caught, marked, unsure])] == [
        LabelOutcome.MARKED,
        LabelOutcome.UNCHANGED,
        LabelOutcome.UNCHANGED,
    ]
    assert inbox.labels() == {caught: "spam", marked: "ham"}
    assert inbox.review([caught])[0].outcome == LabelOutcome.UNCHANGED
    inbox.unmark([caught])
    assert inbox.digest() == before == inbox.ledger_digest()
    assert inbox.verdict(caught) == "spam"
    inbox.mark([caught], "ham", user=BEN)
    assert inbox.review([caught])[0].outcome == LabelOutcome.UNCHANGED


def test_an_answer_is_revoked_like_a_mark(inbox: Inbox) -> None:
    """Revoking all of a user's acts takes their answers too: the counts are byte for byte what they were
    without them.
    """
    messages = inbox.file(6)
    inbox.mark(messages[:2], "spam", user=BEN)
    before, verdicts = inbox.digest(), [inbox.verdict(each) for each in messages]
    inbox.answer(messages[2:])
    assert inbox.digest() != before
    assert {each.mark.source for each in listed(inbox)} == {"mark", "answer"}
    inbox.revoke_user(ANA, since=0)
    assert inbox.digest() == before == inbox.ledger_digest()
    assert [inbox.verdict(each) for each in messages] == verdicts


def test_answers_do_not_use_up_the_hour(inbox: Inbox) -> None:
    """The cap on marks counts marks only."""
    messages = inbox.file(3)
    inbox.answer(messages)
    with inbox.database.read() as connection:
        assert ledger.count_marks(connection, ACCOUNT, ANA, since=0) == 0


def test_who_disagrees_is_shown(inbox: Inbox) -> None:
    """Two agents' last words differ: both acts show it, one label counts; agreeing or answering is none."""
    one, two, three = inbox.file(3)
    inbox.mark([one, two], "spam", user=ANA)
    inbox.mark([one], "ham", user=BEN)
    inbox.mark([two], "spam", user=BEN)
    inbox.answer([three], user=ANA)
    inbox.mark([three], "spam", user=BEN)
    assert {each.mark.message_id for each in listed(inbox) if each.conflict} == {one}
    assert inbox.labels()[one] == "ham"
    inbox.revoke_user(BEN, since=0)
    assert inbox.labels()[one] == "spam"
    assert not any(each.conflict for each in listed(inbox))


def test_a_choice_means_what_came_in(inbox: Inbox) -> None:
    """Filters and pages choose readable incoming messages, newest first."""
    one, two, three = inbox.file(3)
    inbox.mark([two], "spam")
    with inbox.database.read() as connection:

        def chosen(
            choice: Choice, before: int = 10_000, limit: int = 10, among: set[int] | None = None
        ) -> list[int]:
            return list(
                labels.choose_messages(connection, ACCOUNT, choice, before=before, limit=limit, among=among)
            )

        assert chosen(Choice()) == [three, two, one]
        assert chosen(Choice(verdict="spam")) == [two]
        assert chosen(Choice(contact=7), limit=2) == [three, two]
        assert (
            chosen(Choice(contact=8))
            == chosen(Choice(address="kim@x.example"))
            == chosen(Choice(mailbox=9))
            == []
        )
        assert chosen(Choice(), before=two, among={one, three}) == [one]
        assert labels.unspoken_messages(connection, ACCOUNT, one, limit=5) == [one]
        assert labels.unspoken_messages(connection, ACCOUNT, two, limit=5) == []

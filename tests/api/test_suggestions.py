"""Suggestions over the API, and the jobs that give the marks that were asked for, or let them go, on a whole house."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailhub import clock
from mailhub.filter import mark_requests
from mailhub.filter.mark_requests import SETTLE_SECONDS
from mailhub.service.jobs import SUGGESTION_DAYS, give_marks, sweep_suggestions
from storage.filter import ledger
from tests.houses.asking import Asker
from tests.houses.inbox import file_message

if TYPE_CHECKING:
    from tests.api.conftest import Home

MESSAGES = [7_001, 7_002, 7_003]
MAILBOX = 2


def ask(home: Home, message: int, *, reason: str = "", ago: int) -> None:
    """A move in a mailbox was noticed some time ago."""
    asked = partial(mark_requests.ask, label="spam", giver=MAILBOX, source=ledger.IMAP, reason=reason)
    home.house.writer.run(asked, account=1, message=message, now=clock.now() - ago)


def test_an_agent_who_looks_through_spam_says_so_of_each(home: Home) -> None:
    """What is called spam becomes a weak label, the rest stays unchanged, and unmarking takes it back."""
    for each, verdict in zip(MESSAGES, ("spam", "spam", "unsure"), strict=True):
        home.house.writer.run(file_message, message_id=each, verdict=verdict, state="spam")
    agent = Asker(app=home.app(), token=home.token(12))
    found = agent("POST", "/v1/spam/reviewed", {"messages": MESSAGES}).json
    assert [each["outcome"] for each in found] == ["marked", "marked", "unchanged"]
    given = agent("GET", "/v1/spam/marks").json["items"]
    assert {(each["message"], each["source"], each["label"]) for each in given} == {
        (MESSAGES[0], "reviewed", "spam"),
        (MESSAGES[1], "reviewed", "spam"),
    }
    undone = agent("DELETE", "/v1/spam/marks", {"messages": MESSAGES[:2]}).json
    assert [each["outcome"] for each in undone] == ["unmarked", "unmarked"]
    assert home.house.models.verify(home.house.writer, 1).state == "exact"


def test_the_jobs_give_marks_and_let_old_suggestions_go(home: Home) -> None:
    """What is due becomes a mark of the mailbox; a suggestion stays a month; the model is the fold of the ledger."""
    for each in MESSAGES:
        home.house.writer.run(file_message, message_id=each)
    ask(home, MESSAGES[0], ago=(SETTLE_SECONDS + 1) * clock.SECOND)
    ask(home, MESSAGES[1], reason="unread", ago=0)
    ask(home, MESSAGES[2], reason="unread", ago=(SUGGESTION_DAYS + 1) * clock.DAY)
    assert give_marks(home.house) == 1
    assert sweep_suggestions(home.house, now=clock.now()) == 1
    agent = Asker(app=home.app(), token=home.token(12))
    (given,) = agent("GET", "/v1/spam/marks").json["items"]
    assert (given["message"], given["user"], given["source"]) == (MESSAGES[0], MAILBOX, "imap")
    (left,) = agent("GET", "/v1/spam/suggestions").json["items"]
    assert (left["message"], left["reason"]) == (MESSAGES[1], "unread")
    confirmed = agent("POST", "/v1/spam/suggestions/confirm", {"suggestions": [left["id"]]})
    assert [each["outcome"] for each in confirmed.json] == ["marked"]
    assert agent("POST", "/v1/spam/suggestions/dismiss", {"suggestions": [left["id"]]}).status == 404
    assert home.house.models.verify(home.house.writer, 1).state == "exact"

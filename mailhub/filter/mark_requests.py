"""Marks that were asked for, not given at once: given when they are due, or left to an agent as suggestions.

    noticed (a move; a mail to a feedback address) -> waiting   -> given by ``feedback``, its row gone
    handled (an agent closed the ticket)           -> waiting   -> weak ham; undone by reopening before; a suggestion
                                                                   where the filter leans to spam
                                                   -> suggested -> confirmed or dismissed, or gone by age

A request waits ``SETTLE_SECONDS``, so that mail that is moved back and forth is marked once, by the last
word. More requests of one mailbox in an hour than it may give are all left to an agent: a client that moves
thousands of mails is no person who looked at each.

Durable states: ``mark_request`` rows; the mark and the end of its request are one transaction, so a kill in
between changes nothing. Must not: decide what a move means (``intake.imap.feedback``), read mail (the
caller's ``extract``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from classifier.model import HAM
from classifier.tokens import Features
from mailhub.clock import HOUR, SECOND
from mailhub.errors import Conflict
from mailhub.filter import feedback
from mailhub.filter.feedback import Marked
from mailhub.filter.labelling import FeaturesOf
from mailhub.filter.models import Models
from mailhub.filter.verdict import FilterSettings, closing_speaks
from mailhub.proof.act import Act
from mailhub.system.queues import Queue, by_turns
from storage.database import Database
from storage.filter import labels, ledger
from storage.filter import mark_requests as rows
from storage.filter.mark_requests import SUGGESTED, WAITING, Request
from storage.mail.derived import Received
from storage.writer import Transaction, Writer

SETTLE_SECONDS = 60  # between what was noticed and its mark
TOO_MANY = "too-many"  # the reason of a suggestion: more at once than a person decides on
LEANS = "leans-to-spam"  # closed like a good mail, but the filter leans to spam: did somebody look?

log = structlog.get_logger("mailhub.marks")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkingParts:
    """What giving marks needs of the house."""

    database: Database
    writer: Writer
    models: Models
    extract: Callable[[Received], Features]
    settings: FilterSettings
    of_user: int  # marks of one user in an hour
    of_mailbox: int  # marks by moves in one mailbox in an hour


def ask(
    transaction: Transaction,
    account: int,
    message: int,
    label: str,
    *,
    giver: int,
    source: str,
    reason: str = "",
    now: int,
) -> None:
    """Ask for a mark, or with a reason suggest it. In the caller's transaction."""
    row = Request(
        id=transaction.new_id(),
        message_id=message,
        label=label,
        giver_id=giver,
        source=source,
        state=SUGGESTED if reason else WAITING,
        reason=reason,
        noticed_at=now,
        due_at=now + SETTLE_SECONDS * SECOND,
    )

    rows.put_request(transaction.connection, account, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    """Whose word it is that a ticket is closed, and how long they may still think better of it."""

    user: int
    grace: int  # microseconds


def ask_handled(act: Act, ticket: int, handling: Handling) -> None:
    """Its ticket was closed by hand without a word against it: a mail nobody spoke of will be weak ham.

    Only rows: what the mail teaches is read outside of the writer, when the grace is over.
    """
    connection = act.transaction.connection
    for message in labels.unspoken_messages(connection, act.account, ticket, limit=feedback.STEP):
        row = Request(
            id=act.transaction.new_id(),
            message_id=message,
            label=HAM,
            giver_id=handling.user,
            source=ledger.HANDLED,
            state=WAITING,
            noticed_at=act.now,
            due_at=act.now + handling.grace,
        )
        rows.put_request(connection, act.account, row)


def withdraw_handled(act: Act, ticket: int) -> None:
    """The ticket is open again, or in the trash, by hand: that it was closed says nothing."""
    connection = act.transaction.connection
    messages = labels.unspoken_messages(connection, act.account, ticket, limit=feedback.STEP)
    rows.delete_requests_of(connection, act.account, messages, ledger.HANDLED)


def give_due(parts: MarkingParts, *, now: int) -> int:
    """Give what is due, some messages a turn of the writer, the accounts by turns.

    How many messages were marked, or found marked so.
    """
    queue = Queue(parts.database, parts.writer, "marks", now=now)
    with parts.database.read() as connection:
        accounts = rows.accounts_with_requests(connection, due_at=now)

    given = 0
    for account, portion in by_turns({account: _portions(parts, account, now) for account in accounts}):
        asked = {each.id: each for each in portion}
        given += sum(queue.together(account, asked, partial(_give, parts, account, now)))
    return given


def _portions(parts: MarkingParts, account: int, now: int) -> Iterator[tuple[int, Sequence[Request]]]:
    """What is due in an account, in portions of one kind each: what failed is passed over, and comes again."""
    after = (0, 0)
    while True:
        with parts.database.read() as connection:
            page = rows.due_requests(connection, account, due_at=now, after=after, limit=feedback.STEP)
        if not page:
            return
        after = (page[-1].due_at, page[-1].id)
        for kind in dict.fromkeys(map(_kind, page)):
            yield account, [each for each in page if _kind(each) == kind]


def _give(parts: MarkingParts, account: int, now: int, asked: Sequence[Request]) -> int:
    known = feedback.prepare(parts.database, account, [each.message_id for each in asked], parts.extract)
    try:
        return parts.writer.run(_turn, parts=parts, account=account, asked=asked, known=known, now=now)
    except Conflict:  # with their other marks the user would go over what one may give in an hour
        parts.writer.run(_leave, account=account, giver=asked[0].giver_id, source=asked[0].source, now=now)
        return 0


def _kind(request: Request) -> tuple[int, str, str]:
    return request.giver_id, request.source, request.label


def _turn(
    transaction: Transaction,
    *,
    parts: MarkingParts,
    account: int,
    asked: Sequence[Request],
    known: FeaturesOf,
    now: int,
) -> int:
    """Mark these messages and end their requests, as far as they still stand; or leave all to an agent."""
    connection = transaction.connection
    standing = [
        each for each in rows.find_requests(connection, account, [each.id for each in asked]) if each in asked
    ]
    if not standing:
        return 0

    giver, source, label = _kind(standing[0])
    if source == ledger.HANDLED:
        _handled(transaction, parts, account, standing, known, now)
        return len(standing)

    cap = parts.of_mailbox if source == ledger.IMAP else parts.of_user
    if rows.count_asked(connection, account, giver, source, since=now - HOUR) > cap:
        _leave(transaction, account=account, giver=giver, source=source, now=now)
        return 0

    feedback.mark(
        Act(transaction, f"{'mailbox' if source == ledger.IMAP else 'user'}:{giver}", account, now),
        parts.models,
        [each.message_id for each in standing],
        label,
        user=giver,
        features_of=known,
        per_hour=parts.of_user,
        source=source,
    )
    rows.delete_requests(connection, account, [each.id for each in standing])

    return len(standing)


def _handled(
    transaction: Transaction,
    parts: MarkingParts,
    account: int,
    standing: Sequence[Request],
    known: FeaturesOf,
    now: int,
) -> None:
    """A weak word for each, and the requests are over; left to an agent where the filter leans to spam.

    No cap: a mail is closed into the ledger once.
    """
    user = standing[0].giver_id
    doubted = _doubted(transaction, parts, account, standing, known)
    rows.suggest_these(transaction.connection, account, sorted(doubted), reason=LEANS)
    meant = [each for each in standing if each.id not in doubted]

    feedback.handled(
        Act(transaction, f"user:{user}", account, now),
        parts.models,
        [each.message_id for each in meant],
        source=ledger.HANDLED,
        user=user,
        features_of=known,
    )
    rows.delete_requests(transaction.connection, account, [each.id for each in meant])


def _doubted(
    transaction: Transaction,
    parts: MarkingParts,
    account: int,
    standing: Sequence[Request],
    known: FeaturesOf,
) -> set[int]:
    """Ids of requests whose mail the filter, as it is now, takes rather for spam."""
    connection = transaction.connection
    spam, ham = parts.models.trained(connection, account)
    taught = {each.id: found for each in standing if (found := known(each.message_id)) is not None}
    scores = parts.models.score(connection, account, [each.features for each in taught.values()])
    return {
        request
        for request, score in zip(taught, scores, strict=True)
        if not closing_speaks(score, spam=spam, ham=ham, settings=parts.settings)
    }


def _leave(transaction: Transaction, *, account: int, giver: int, source: str, now: int) -> None:
    rows.suggest(transaction.connection, account, giver, source, due_at=now, reason=TOO_MANY)


# --- suggestions ------------------------------------------------------------------------------------------------------


def confirm(
    act: Act,
    models: Models,
    suggestions: Sequence[Request],
    *,
    user: int,
    features_of: FeaturesOf,
    per_hour: int,
) -> list[Marked]:
    """Give what was suggested as this agent's own marks; one result each. At most ``feedback.STEP`` at a time.

    ``Conflict``, and nothing is changed, where one of them is no suggestion any more.
    """
    _require_standing(act.transaction, act.account, suggestions)
    results: list[Marked] = []

    for label in sorted({each.label for each in suggestions}):
        messages = [each.message_id for each in suggestions if each.label == label]
        results += feedback.mark(
            act, models, messages, label, user=user, features_of=features_of, per_hour=per_hour
        )

    rows.delete_requests(act.transaction.connection, act.account, [each.id for each in suggestions])
    return results


def dismiss(act: Act, suggestions: Sequence[Request]) -> None:
    """They are no marks. On record. ``Conflict`` as ``confirm``."""
    _require_standing(act.transaction, act.account, suggestions)
    connection = act.transaction.connection
    rows.delete_requests(connection, act.account, [each.id for each in suggestions])
    acts = [
        (f"message:{each.message_id}", {"label": each.label, "giver": each.giver_id}) for each in suggestions
    ]
    act.record_all("spam.dismiss", acts)


def _require_standing(transaction: Transaction, account: int, suggestions: Sequence[Request]) -> None:
    ids = [each.id for each in suggestions]
    standing = rows.find_requests(transaction.connection, account, ids)
    if {each.id for each in standing if each.state == SUGGESTED} != set(ids):
        raise Conflict("some of these are no suggestions any more: list them again")

"""/v1/spam: labels given and taken back, why a message scored as it did, and how the filter stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from mailhub import clock
from mailhub.api.filter.explanations import Explained, explained
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named, named_one
from mailhub.api.frame.shapes import After, Id, Limit, Page, made
from mailhub.api.tickets import views
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import mailbox_id, message_row, user_id
from mailhub.errors import BadRequest, Conflict, Forbidden
from mailhub.filter import feedback, rebuild_plan, weighing
from mailhub.filter.feedback import Marked, Revoked
from mailhub.filter.labelling import FeaturesOf
from mailhub.filter.models import Models
from mailhub.filter.weighing import Weighed
from mailhub.reading.stored import unknown
from storage.filter import labels, ledger
from storage.mail.derived import find_received
from storage.writer import Transaction

router = APIRouter(prefix="/spam", tags=["spam"])

EXPLAINED_BYTES = 50 * 1024 * 1024  # of a message that is not stored

Messages = Annotated[list[Id], Field(min_length=1, max_length=500)]


class Marks(shapes.Shape):
    """Messages to label."""

    messages: Messages
    label: Literal["spam", "ham"]


class Unmarks(shapes.Shape):
    """Messages whose label is to be taken back; with ``label`` only where it is this one."""

    messages: Messages
    label: Literal["spam", "ham"] | None = None


class Reviewed(shapes.Shape):
    """Messages that lie in spam, that somebody saw there, and left."""

    messages: Messages


class MarkResult(shapes.Named):
    """What became of one message. ``conflict``: another user had said something else.

    ``outcome``: marked, relabelled, unmarked, unchanged, not-found, not-incoming (we wrote it), objected (who wrote it
    objected to their mail teaching the filter), or no-features (it could not be read).
    """

    message: int
    outcome: str
    label: str | None
    previous: str | None
    conflict: bool
    verdict: str | None
    ticket: int | None
    state: str | None


class GivenMark(shapes.Named):
    """A mark and what it weighs; null: it is not in force (superseded, taken back or revoked).

    ``source``: mark, answer (an agent answered it), handled (closed its ticket), reviewed (saw it where spam lies and
    left it), imap (moved at a provider: then ``user`` is the mailbox), or forward. ``conflict``: the last words of two
    users about it differ. ``alone`` is the message's log-odds without this label: far on the other side of 0, the
    label may be a mistake.
    """

    sequence: int
    message: int
    label: str
    user: int
    source: str
    conflict: bool
    given_at: str
    revoked_at: str | None
    log_odds: float | None
    alone: float | None


class Revocation(shapes.Shape):
    """Acts that shall count no more: these ones, or all of a user (login or id) or mailbox since an instant."""

    sequences: Annotated[list[Id], Field(max_length=500)] = Field(default_factory=list)
    user: str | None = None
    mailbox: str | None = None  # address or id, whose moves were marks
    since: datetime | None = None


class RevokedMarks(shapes.Shape):
    """The acts that count no more, and what became of their messages."""

    sequences: list[int]
    messages: list[MarkResult]


class Statistics(shapes.Shape):
    """How much the filter was taught, and when it decides."""

    trained_spam: int
    trained_ham: int
    labels: dict[str, int]
    not_counted: (
        int  # labels that another version made: the filter does not hold them until they are carried over
    )
    lost: int  # of them, those that cannot be: their mail is gone
    wrong_labels: float  # estimated share of labels that are wrong, 0 to 0.1
    spam_threshold: float
    ham_threshold: float
    minimum_trained: int
    deciding: bool


class Verified(shapes.Shape):
    """Whether the counts in memory are the fold of the ledger. ``state``: exact or damaged (and replaced by it now)."""

    state: str
    digest: str
    ledger_digest: str
    rows: int
    spam: int
    ham: int


@router.post("/marks")
def mark(call: InAccount, body: Marks) -> list[MarkResult]:
    """Label messages. The last word wins, the same word again changes nothing."""
    return _teach(call, body.messages, partial(feedback.mark, label=body.label))


@router.delete("/marks")
def unmark(call: InAccount, body: Unmarks) -> list[MarkResult]:
    """Take labels back, whoever gave them."""
    call.require("spam.mark")
    user = marking_user(call)
    _require_readable(call, body.messages)
    found: list[Marked] = []

    for portion in feedback.steps(body.messages):
        found += call.act(
            feedback.unmark,
            call.house.models,
            portion,
            user=user,
            only=body.label,
            per_hour=call.house.config.spam.marks_per_hour,
        )

    return results(call, found)


@router.post("/reviewed")
def review(call: InAccount, body: Reviewed) -> list[MarkResult]:
    """Say that these were seen where spam lies, and left: each a weak label of spam, where nobody said anything.

    What is not called spam stays unchanged. ``DELETE /v1/spam/marks`` takes it back.
    """
    return _teach(call, body.messages, feedback.reviewed)


def _teach(call: Call, messages: Sequence[int], flow: Callable[..., list[Marked]]) -> list[MarkResult]:
    """Let this caller's word about the messages be heard, some a turn of the writer."""
    call.require("spam.mark")
    user = marking_user(call)
    _require_readable(call, messages)
    found: list[Marked] = []

    for portion in feedback.steps(messages):
        found += call.act(
            flow,
            call.house.models,
            portion,
            user=user,
            features_of=features_for(call, portion),
            per_hour=call.house.config.spam.marks_per_hour,
        )

    return results(call, found)


def _require_readable(call: Call, messages: Sequence[int]) -> None:
    with call.house.database.read() as connection:
        call.require_all_readable(connection, messages)


@router.get("/marks")
def list_marks(
    call: InAccount,
    user: str | None = None,
    mailbox: str | None = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[GivenMark]:
    """Marks given, latest first, with what each weighs now; `after` is a sequence."""
    call.require("spam.explain")
    whose = _giver(call, user, mailbox)
    before = after if after is not None else 2**62

    found = list[GivenMark]()
    while len(found) < limit:
        size = min(limit - len(found), weighing.PORTION)
        portion = call.house.writer.run(
            weighing.list_marks,
            models=call.house.models,
            account=call.account,
            user=whose,
            before=before,
            limit=size,
        )
        with call.house.database.read() as connection:
            readable = set(call.readable(connection, [each.mark.message_id for each in portion]))
            shown = [_given(each) for each in portion if each.mark.message_id in readable]
            found += named(call, connection, shown)
        if len(portion) < size:
            return Page(items=found, next=None)
        before = portion[-1].mark.sequence

    return Page(items=found, next=before)


def _given(weighed: Weighed) -> GivenMark:
    mark = weighed.mark
    weights = {"conflict": weighed.conflict, "log_odds": weighed.log_odds, "alone": weighed.alone}
    return made(GivenMark, mark, message=mark.message_id, user=mark.user_id, **weights)


def _giver(call: Call, user: str | None, mailbox: str | None) -> int | None:
    """Whose marks: a user's (login or id), or a mailbox's (address or id)."""
    with call.house.database.read() as connection:
        if mailbox is not None:
            return mailbox_id(connection, call.account, mailbox)
        return user_id(connection, call.account, user) if user is not None else None


@router.post("/revoke")
def revoke(call: InAccount, body: Revocation) -> RevokedMarks:
    """Let acts count no more: what they replaced is in force again."""
    call.require("spam.revoke")
    ways = [bool(body.sequences), body.user is not None, body.mailbox is not None]
    if sum(ways) != 1 or bool(body.sequences) == (body.since is not None):
        raise BadRequest("name marks by their sequences, or a user or mailbox and since when")

    giver = _giver(call, body.user, body.mailbox)
    if giver is not None and body.since is not None:
        done = list(_revoked_of(call, giver, clock.from_datetime(body.since)))
    else:
        done = [_revoked(call, portion) for portion in feedback.steps(body.sequences)]

    return RevokedMarks(
        sequences=[sequence for each in done for sequence in each.sequences],
        messages=results(call, [each for part in done for each in part.messages]),
    )


def _revoked_of(call: Call, user: int, since: int) -> Iterator[Revoked]:
    """The acts of one user, portion by portion."""
    while True:
        with call.house.database.read() as connection:
            given = ledger.marks_of_user(connection, call.account, user, since=since, limit=feedback.STEP)
        done = call.act(
            feedback.revoke_marks, call.house.models, user, since, features_of=_features_of_marks(call, given)
        )
        yield done
        if not done.more:
            return


def features_for(call: Call, messages: Sequence[int]) -> FeaturesOf:
    """What these messages teach, read in this thread for a turn of the writer."""
    return feedback.prepare(call.house.database, call.account, messages, call.house.features_of)


def _features_of_marks(call: Call, marks: Sequence[ledger.Mark]) -> FeaturesOf:
    return features_for(call, sorted({each.message_id for each in marks}))


def _revoked(call: Call, sequences: Sequence[int]) -> Revoked:
    with call.house.database.read() as connection:
        marks = ledger.find_marks(connection, call.account, sequences)
    known = _features_of_marks(call, marks)

    return call.act(feedback.revoke, call.house.models, sequences, features_of=known)


def marking_user(call: Call) -> int:
    """Who is on record for a mark; ``Forbidden`` for the operator."""
    if call.actor.user is None:
        raise Forbidden("the operator is no user of the account: only its people teach the filter")
    return call.actor.user


def results(call: Call, done: Sequence[Marked]) -> list[MarkResult]:
    """What marks did, as the API shows it."""
    shown = [made(MarkResult, each, previous=each.previous.label if each.previous else None) for each in done]
    with call.house.database.read() as connection:
        return named(call, connection, shown)


@router.get("/explain/{message}")
def explain_message(
    call: InAccount, message: Id, reasons: Annotated[int, Field(ge=1, le=200)] = 20
) -> Explained:
    """Score a stored message by the filter as it is now, and say what decided."""
    call.require("spam.explain")
    with call.house.database.read() as connection:
        row = message_row(connection, call, message)
        call.charges.hold(row.size_bytes)
        received = None if row.unreadable else find_received(connection, call.account, row.id)

    if received is None:
        raise Conflict(f"message {message} cannot be read, so it has no score")

    with call.house.database.read() as connection:
        mark = ledger.latest_marks(connection, call.account, [row.id]).get(row.id)
        labelled = labels.find_labelled(connection, call.account, [row.id])
    reason, evidence = views.verdict_reason(row, mark)
    decided = {"in_force": row.verdict, "verdict_reason": reason, "verdict_evidence": evidence}
    objected = row.id in labelled and labelled[row.id].objected

    found = explained(call.house, call.account, received, reasons)
    shown = found.model_copy(update={**decided, "objected": objected})
    return named_one(call, shown)


@router.post(
    "/explain",
    openapi_extra={"requestBody": {"content": {"message/rfc822": shapes.ANY_MAIL}, "required": True}},
)
async def explain_raw(
    request: Request, call: InAccount, reasons: Annotated[int, Field(ge=1, le=200)] = 20
) -> Explained:
    """Score a message that is not stored (the body, as it is)."""
    call.require("spam.explain")
    return await run_in_threadpool(
        explained, call.house, call.account, unknown(await request.body()), reasons
    )


@router.get("/stats")
def stats(call: InAccount) -> Statistics:
    """How much the filter of the account was taught."""
    call.require("spam.stats")
    spam, ham, wrong = call.house.writer.run(_known, models=call.house.models, account=call.account)
    documents = call.house.writer.run(lambda tx: call.house.models.trained(tx.connection, call.account))

    with call.house.database.read() as connection:
        labels = ledger.count_entries(connection, call.account)
        planned = rebuild_plan.plan(connection, call.account)

    settings = call.house.config.spam
    return Statistics(
        trained_spam=spam,
        trained_ham=ham,
        labels=labels,
        not_counted=planned.waiting,
        lost=planned.lost,
        wrong_labels=wrong,
        spam_threshold=settings.spam_threshold,
        ham_threshold=settings.ham_threshold,
        minimum_trained=settings.minimum_trained,
        deciding=min(documents) >= settings.minimum_trained,
    )


def _known(transaction: Transaction, models: Models, account: int) -> tuple[int, int, float]:
    """(spam, ham, share of labels that look wrong) of the account's model."""
    counts = models.get(transaction.connection, account)
    return counts.spam, counts.ham, counts.wrong_labels


@router.post("/verify")
def verify(call: InAccount) -> Verified:
    """Fold the ledger anew and compare; counts that differ are replaced."""
    call.require("spam.verify")
    found = call.house.models.verify(call.house.writer, call.account)
    return made(Verified, found)

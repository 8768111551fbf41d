"""/v1/spam: labels given and taken back, why a message scored as it did, and how the filter stands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from classifier.model import Counts
from classifier.tokens import Document, Features, features
from mailhub import clock, feedback
from mailhub.api import shapes
from mailhub.api.caller import Call, InAccount
from mailhub.api.messages import message_row
from mailhub.api.shapes import made
from mailhub.errors import Conflict, Forbidden
from mailhub.feedback import Marked
from mailhub.house import filter_settings
from mailhub.message.parse import parse
from mailhub.spam import Explanation, FilterSettings, Reason, document, explain
from storage import ledger, raws

router = APIRouter(prefix="/spam", tags=["spam"])

EXPLAINED_BYTES = 50 * 1024 * 1024  # of a message that is not stored

Messages = Annotated[list[int], Field(min_length=1, max_length=500)]


class Marks(shapes.Shape):
    """Messages to label."""

    messages: Messages
    label: Literal["spam", "ham"]


class Unmarks(shapes.Shape):
    """Messages whose label is to be taken back."""

    messages: Messages


class MarkResult(shapes.Shape):
    """What became of one message. ``conflict``: another user had said something else."""

    message: int
    outcome: str
    label: str | None
    previous: str | None
    conflict: bool
    verdict: str | None
    ticket: int | None
    state: str | None


class Evidence(shapes.Shape):
    """One feature that weighed; a positive weight speaks for spam."""

    group: str
    field: str
    words: str
    weight: float
    spam: int
    ham: int


class NearestChange(shapes.Shape):
    """The nearest change of verdict: more labels, or without some features."""

    verdict: str
    missing_spam: int
    missing_ham: int
    features: int
    without: list[Evidence]


class Explained(shapes.Shape):
    """Why a message has its score, by the filter as it is now."""

    verdict: str
    probability: float
    log_odds: float
    trained_spam: int
    trained_ham: int
    evidence: list[Evidence]
    nearest: NearestChange | None


class Statistics(shapes.Shape):
    """How much the filter was taught, and when it decides."""

    trained_spam: int
    trained_ham: int
    labels: dict[str, int]
    spam_threshold: float
    ham_threshold: float
    minimum_trained: int
    deciding: bool


class Verified(shapes.Shape):
    """Whether the counts in memory are the fold of the ledger. ``state``: exact or stale (and replaced by it now)."""

    state: str
    digest: str
    ledger_digest: str
    rows: int
    spam: int
    ham: int


@router.post("/marks")
def mark(call: InAccount, body: Marks) -> list[MarkResult]:
    """Label messages. The last word wins, the same word again changes nothing."""
    user = _marking_user(call)
    found: list[Marked] = []
    for portion in feedback.steps(body.messages):
        known = feedback.prepare(call.house.database, call.account, portion, lambda raw: _features(call, raw))
        found += call.house.writer.run(
            partial(
                feedback.mark,
                models=call.house.models,
                actor=call.actor.name,
                account=call.account,
                messages=portion,
                label=body.label,
                user=user,
                now=clock.now(),
                features_of=known,
                per_hour=call.house.config.spam.marks_per_hour,
            )
        )
    return [_result(each) for each in found]


@router.delete("/marks")
def unmark(call: InAccount, body: Unmarks) -> list[MarkResult]:
    """Take labels back, whoever gave them."""
    user = _marking_user(call)
    found: list[Marked] = []
    for portion in feedback.steps(body.messages):
        found += call.house.writer.run(
            partial(
                feedback.unmark,
                models=call.house.models,
                actor=call.actor.name,
                account=call.account,
                messages=portion,
                user=user,
                now=clock.now(),
                per_hour=call.house.config.spam.marks_per_hour,
            )
        )
    return [_result(each) for each in found]


def _marking_user(call: Call) -> int:
    call.require("spam.mark")
    if call.actor.user is None:
        raise Forbidden("the operator is no user of the account: only its people teach the filter")
    return call.actor.user


def _features(call: Call, raw: bytes) -> Features:
    return features(_document(raw), secret=call.house.secrets.features)


def _document(raw: bytes) -> Document:
    return document(raw, parse(raw))


def _result(marked: Marked) -> MarkResult:
    return made(MarkResult, marked, previous=marked.previous.label if marked.previous else None)


@router.get("/explain/{message}")
def explain_message(call: InAccount, message: int, reasons: Annotated[int, Field(ge=1, le=200)] = 20) -> Explained:
    """Score a stored message by the filter as it is now, and say what decided."""
    call.require("spam.explain")
    with call.house.database.read() as connection:
        row = message_row(connection, call.account, message)
        raw = None if row.unreadable else raws.read(connection, call.account, row.id)
    if raw is None:
        raise Conflict(f"message {message} cannot be read, so it has no score")
    return explained(call, raw, reasons)


@router.post(
    "/explain",
    max_body_size=EXPLAINED_BYTES,
    openapi_extra={"requestBody": {"content": {"message/rfc822": {}}, "required": True}},
)
async def explain_raw(
    request: Request, call: InAccount, reasons: Annotated[int, Field(ge=1, le=200)] = 20
) -> Explained:
    """Score a message that is not stored (the body, as it is)."""
    call.require("spam.explain")
    return await run_in_threadpool(explained, call, await request.body(), reasons)


def explained(call: Call, raw: bytes, reasons: int) -> Explained:
    """The explanation of raw bytes by the account's filter."""
    counts = call.house.models.snapshot(call.house.writer, call.account)
    return explained_by(counts, raw, filter_settings(call.house.config), reasons, call.house.secrets.features)


def explained_by(counts: Counts, raw: bytes, settings: FilterSettings, reasons: int, secret: int) -> Explained:
    """The explanation of raw bytes by these counts."""
    return _shape(explain(counts, _document(raw), settings, reasons=reasons, secret=secret))


def _shape(found: Explanation) -> Explained:
    nearest = None
    if found.nearest is not None:
        nearest = made(NearestChange, found.nearest, without=_evidence(found.nearest.without))
    return made(
        Explained,
        found,
        trained_spam=found.spam,
        trained_ham=found.ham,
        evidence=_evidence(found.reasons),
        nearest=nearest,
    )


def _evidence(reasons: Sequence[Reason]) -> list[Evidence]:
    return [made(Evidence, each) for each in reasons]


@router.get("/stats")
def stats(call: InAccount) -> Statistics:
    """How much the filter of the account was taught."""
    call.require("spam.stats")
    spam, ham = call.house.writer.run(lambda tx: call.house.models.trained(tx.connection, call.account))
    with call.house.database.read() as connection:
        labels = ledger.count_entries(connection, call.account)
    settings = call.house.config.spam
    return Statistics(
        trained_spam=spam,
        trained_ham=ham,
        labels=labels,
        spam_threshold=settings.spam_threshold,
        ham_threshold=settings.ham_threshold,
        minimum_trained=settings.minimum_trained,
        deciding=min(spam, ham) >= settings.minimum_trained,
    )


@router.post("/verify")
def verify(call: InAccount) -> Verified:
    """Fold the ledger anew and compare; counts that differ are replaced."""
    call.require("spam.verify")
    found = call.house.models.verify(call.house.writer, call.account)
    return made(Verified, found)

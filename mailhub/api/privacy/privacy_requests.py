"""/v1/privacy-requests: what people ask about their own data, and what an agent decides where the policy wants that."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, instant, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.privacy import privacy_requests as flow
from storage.privacy import privacy_requests as rows

router = APIRouter(tags=["privacy"])

State = Literal["asked", "proven", "approved", "refused"]


class PrivacyRequest(shapes.Shape):
    """One request. `proven` waits for an agent; `answer_by` is when it must be answered (art. 12(3))."""

    id: int
    kind: str
    address: str
    state: str
    waits_for: str | None  # policy, further-addresses, held, no-contact
    created_at: str
    expires_at: str
    proven_at: str | None
    answer_by: str | None
    decided_at: str | None
    actor: str | None
    erasure: int | None


class Approval(shapes.Shape):
    """Names of the person to be replaced wherever they stand in others' words, as the plan of the erasure
    shows them.
    """

    names: Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=20)] = ()


class Refusal(shapes.Shape):
    """Why a request is refused; the person is told."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


def _shape(row: rows.PrivacyRequest) -> PrivacyRequest:
    answer_by = row.proven_at and row.proven_at + flow.ANSWER_DAYS * clock.DAY
    times = {name: instant(getattr(row, name)) for name in ("proven_at", "decided_at")}
    return made(PrivacyRequest, row, erasure=row.erasure_id, answer_by=instant(answer_by), **times)


@router.get("/privacy-requests")
def list_privacy_requests(
    call: InAccount,
    state: Annotated[
        State | None, Query(description="Only those in this state; proven ones wait for you.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[PrivacyRequest]:
    """What people asked about their own data, the oldest first."""
    call.require("privacy-request.read")
    with call.house.database.read() as connection:
        found = rows.list_requests(connection, call.account, state=state, after=after or 0, limit=limit)
    return page(found, _shape, limit)


@router.post("/privacy-requests/{request}/approve")
def approve_privacy_request(call: InAccount, request: Id, body: Approval | None = None) -> PrivacyRequest:
    """Carry out what a person proved: the erasure begins, or the copy's link is mailed. Needs a fresh second factor."""
    call.require("privacy-request.decide")
    call.require_fresh()
    done = flow.approve(
        call.house.privacy_requests(),
        call.actor.name,
        call.account,
        request,
        names=body.names if body is not None else (),
        now=clock.now(),
    )
    return _shape(done)


@router.post("/privacy-requests/{request}/refuse")
def refuse_privacy_request(call: InAccount, request: Id, body: Refusal) -> PrivacyRequest:
    """Refuse what a person proved, with a reason that is mailed to them (art. 12(4))."""
    call.require("privacy-request.decide")
    return _refused(call, request, body.reason)


def _refused(call: Call, request: int, reason: str) -> PrivacyRequest:
    context = call.house.privacy_requests()
    return _shape(flow.refuse(context, call.actor.name, call.account, request, reason, now=clock.now()))

"""/v1/billing: what a billing system says about an account's payments, by webhook. Its signature is its only right."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError

from mailhub import clock
from mailhub.accounts import billing
from mailhub.accounts.steadiness import boot_time
from mailhub.api.frame import shapes
from mailhub.callers.caller import TheHouse
from mailhub.errors import BadRequest
from mailhub.house import House

router = APIRouter(tags=["billing"])


class Event(shapes.Shape):
    """A payment of an account, made or failed. ``event`` is the sender's own name for it, one for each event."""

    account: shapes.Id
    kind: Literal["payment-failed", "payment-ok"]
    event: str


class Taken(shapes.Shape):
    """The account's stage after the event."""

    account: int
    stage: str


@router.post(
    "/billing",
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": Event.model_json_schema()}}}},
)
async def take_event(
    request: Request, house: TheHouse, mailhub_signature: Annotated[str, Header(max_length=200)] = ""
) -> Taken:
    """Take a signed event, once: `Mailhub-Signature: t=SECONDS,v1=HMAC` over the instant, a dot and the body."""
    return await run_in_threadpool(_take, house, await request.body(), mailhub_signature)


def _take(house: House, body: bytes, signature: str) -> Taken:
    settings = house.config.lifecycle
    now = clock.now()
    secret = billing.read_secret(settings.billing_secret_file)
    tolerance = settings.billing_tolerance_seconds
    tolerance_us = int(tolerance * clock.SECOND)
    digest = billing.require_signed(secret, body, signature, now=now, tolerance=tolerance_us)
    try:
        event = Event.model_validate_json(body)
    except ValidationError:
        raise BadRequest("the event must be {account, kind: payment-failed or payment-ok, event}") from None

    account = house.writer.run(
        billing.take,
        house.lifecycle(),
        billing.BillingEvent(account=event.account, kind=event.kind, digest=digest),
        now=now,
        tolerance=tolerance_us,
        boot=boot_time(),
    )
    return Taken(account=account.id, stage=account.stage)

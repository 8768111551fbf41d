"""/v1/grants: who of the operators may read the account's content, given and taken back by owners and admins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.access import grants
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one, named_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import InAccount
from mailhub.errors import Forbidden
from storage.people import grants as rows

router = APIRouter(tags=["grants"])


class NewGrant(shapes.Shape):
    """Let the operator with this uid read the account's content until then."""

    operator: Id
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    ends_at: datetime


class Grant(shapes.Named):
    """A permission to read. It is in force until it ends or is revoked."""

    id: int
    operator: int
    reason: str
    user: int
    created_at: str
    ends_at: str
    revoked_at: str | None


def _shape(row: rows.Grant) -> Grant:
    return made(Grant, row, operator=row.operator_uid, user=row.user_id)


@router.get("/grants")
def list_grants(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Grant]:
    """Grants of the account, those that ended among them."""
    call.require("grant.read")
    with call.house.database.read() as connection:
        found = rows.list_grants(connection, call.account, after=after or 0, limit=limit)
    return named_page(call, page(found, _shape, limit))


@router.post("/grants", status_code=201)
def give_grant(call: InAccount, body: NewGrant) -> Grant:
    """Let an operator read for a while; on record before they see it. Needs a fresh second factor."""
    call.require("grant.manage")
    call.require_fresh()
    user = call.actor.user
    if user is None:
        raise Forbidden("an operator cannot let themselves in: an owner or admin of the account can")
    grant = call.act(
        grants.give,
        user,
        operator_uid=body.operator,
        reason=body.reason,
        ends_at=clock.from_datetime(body.ends_at),
        quotas=call.house.config.quotas,
    )
    return named_one(call, _shape(grant))


@router.delete("/grants/{grant}")
def revoke_grant(call: InAccount, grant: Id) -> Grant:
    """End a grant now."""
    call.require("grant.manage")
    return named_one(call, _shape(call.act(grants.revoke, grant)))

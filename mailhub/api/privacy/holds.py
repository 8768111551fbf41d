"""/v1/holds: what must be kept, whatever wants it gone. Ordered and lifted by owners, admins and the operator."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.access import holds
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one, named_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import InAccount
from storage.privacy import holds as rows

router = APIRouter(tags=["holds"])


class NewHold(shapes.Shape):
    """Keep a contact (by id), a ticket (by id or number) or the account, until then or until it is lifted."""

    kind: Literal["contact", "ticket", "account"]
    object: Id | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    ends_at: datetime | None = None


class Hold(shapes.Named):
    """An order to keep something. It is in force until it ends or is lifted."""

    id: int
    kind: str
    object: int | None
    reason: str
    actor: str
    created_at: str
    ends_at: str | None
    lifted_at: str | None


def _shape(row: rows.Hold) -> Hold:
    return made(Hold, row, object=row.object_id)


@router.get("/holds")
def list_holds(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Hold]:
    """Holds of the account, those that ended among them."""
    call.require("hold.read")
    with call.house.database.read() as connection:
        found = rows.list_holds(connection, call.account, after=after or 0, limit=limit)
    return named_page(call, page(found, _shape, limit))


@router.post("/holds", status_code=201)
def add_hold(call: InAccount, body: NewHold) -> Hold:
    """Keep something: no purge, retention rule, erasure or stage removes it, and agents read it no more."""
    call.require("hold.manage")
    hold = call.act(
        holds.add_hold,
        kind=body.kind,
        named=body.object if body.kind != "account" else None,
        reason=body.reason,
        ends_at=clock.from_datetime(body.ends_at) if body.ends_at else None,
        quotas=call.house.config.quotas,
    )
    return named_one(call, _shape(hold))


@router.delete("/holds/{hold}")
def lift_hold(call: InAccount, hold: Id) -> Hold:
    """Lift a hold now; the hold as it is then. What waited for it goes on by itself. Needs a fresh second factor."""
    call.require("hold.manage")
    call.require_fresh()
    return named_one(call, _shape(call.act(holds.lift_hold, hold)))

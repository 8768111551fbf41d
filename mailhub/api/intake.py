"""/v1/intake: every delivery in and its fate."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from mailhub.api import shapes, views
from mailhub.api.caller import InAccount
from mailhub.api.shapes import After, Limit, Page
from mailhub.errors import NotFound
from storage import intake_lists

router = APIRouter(tags=["intake"])


@router.get("/intake")
def list_intake(
    call: InAccount,
    fate: Annotated[str | None, Query(description="filed, duplicate, erased, quarantined or rejected")] = None,
    message: Annotated[int | None, Query(description="Deliveries of this stored message.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[shapes.Delivery]:
    """Deliveries, newest first."""
    call.require("intake.read")
    with call.house.database.read() as connection:
        rows = intake_lists.list_intake(
            connection, call.account, fate=fate, message_id=message, before=after, limit=limit
        )
    return Page(items=[views.delivery(row) for row in rows], next=rows[-1].id if len(rows) == limit else None)


@router.get("/intake/{delivery}")
def show_intake(call: InAccount, delivery: int) -> shapes.Delivery:
    """One delivery."""
    call.require("intake.read")
    with call.house.database.read() as connection:
        row = intake_lists.find_intake(connection, call.account, delivery)
    if row is None:
        raise NotFound(f"no such delivery: {delivery}")
    return views.delivery(row)

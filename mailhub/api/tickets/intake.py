"""/v1/intake: every delivery in and its fate; what could not be read is tried again or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from mailhub import clock
from mailhub.access.roles import require
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one, named_page
from mailhub.api.frame.readable import readable_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, page
from mailhub.api.tickets import views
from mailhub.api.tickets.deliveries import Filed
from mailhub.callers.caller import Call, Caller, InAccount, TheHouse
from mailhub.errors import NotFound
from mailhub.filing import quarantine
from mailhub.proof.act import perform
from storage.database import Connection
from storage.mail import intake_lists, refusals
from storage.mail.intake_lists import IntakeRow

router = APIRouter(tags=["intake"])

REFUSAL_KEY = r"^[0-9]{1,18}/[a-z0-9-]+/[0-9a-fA-F.:]*$"  # hour, reason, peer


@router.get("/intake")
def list_intake(
    call: InAccount,
    fate: Annotated[
        str | None, Query(description="filed, duplicate, erased, quarantined, rejected, feedback or request")
    ] = None,
    message: Annotated[Id | None, Query(description="Deliveries of this stored message.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[shapes.Delivery]:
    """Deliveries, newest first."""
    call.require("intake.read")
    with call.house.database.read() as connection:

        def find(place: int | None, limit: int) -> Sequence[IntakeRow]:
            return intake_lists.list_intake(
                connection, call.account, fate=fate, message_id=message, before=place, limit=limit
            )

        rows = readable_page(find, partial(_readable, call, connection), start=after, limit=limit)
    return named_page(call, page(rows, views.delivery, limit))


def _readable(call: Call, connection: Connection, rows: Sequence[IntakeRow]) -> list[IntakeRow]:
    """Deliveries whose message the caller may read, or that have none."""
    messages = [each.message for each in rows if each.message is not None]
    readable = set(call.readable(connection, messages))
    return [each for each in rows if each.message is None or each.message in readable]


def _require_readable(call: Call, connection: Connection, delivery: int) -> IntakeRow:
    """The delivery. ``NotFound`` without one, ``Forbidden`` where a hold keeps its message from the caller."""
    row = intake_lists.find_intake(connection, call.account, delivery)
    if row is None:
        raise NotFound(f"no such delivery: {delivery}")
    if row.message is not None:
        call.require_all_readable(connection, [row.message])
    return row


class RefusalCount(shapes.Shape):
    """How often one peer was refused for one reason before the end of DATA, in the hour that began then."""

    hour: str
    peer: str
    reason: str
    count: int


class Refusals(shapes.Shape):
    """One page of refusals. ``next`` is what to send as ``after``; null on the last page."""

    items: list[RefusalCount]
    next: str | None


AfterRefusal = Annotated[
    str | None,
    Query(
        description="Go on after this row: `next` of the page before.",
        pattern=REFUSAL_KEY,
        max_length=200,
        examples=["1795512600000000/no-such-mailbox/192.0.2.25"],
    ),
]


@router.get("/refusals")
def list_refusals(caller: Caller, house: TheHouse, limit: Limit = 50, after: AfterRefusal = None) -> Refusals:
    """Refusals of the whole machine by hour, peer and reason, the latest hour first."""
    require(caller, "refusal.read", None)
    with house.database.read() as connection:
        rows = refusals.list_refusals(
            connection, limit=limit, after=None if after is None else _refusal_key(after)
        )
    last = rows[-1] if len(rows) == limit else None
    return Refusals(
        items=[shapes.made(RefusalCount, row, hour=shapes.instant(row.hour) or "") for row in rows],
        next=None if last is None else f"{last.hour}/{last.reason}/{last.peer}",
    )


def _refusal_key(text: str) -> tuple[int, str, str]:
    hour, reason, peer = text.split("/", 2)
    return int(hour), peer, reason


class Discarded(shapes.Shape):
    """Deliveries whose message was removed for good."""

    deliveries: list[int]


@router.post("/intake/{delivery}/retry")
def retry(call: InAccount, delivery: Id) -> Filed:
    """Read a message in quarantine again, and file it as new mail is; its deliveries keep their ids."""
    call.require("intake.work")
    house = call.house
    with house.database.read() as connection:
        _require_readable(call, connection, delivery)
    again = quarantine.read_again(
        house.database, house.secrets, house.directory, call.account, delivery, trust=house.trust()
    )
    outcomes = house.writer.run(
        perform,
        quarantine.refile,
        call.actor.name,
        call.account,
        clock.now(),
        again,
        house.reception.context,
        forget=house.forget,
    )

    return Filed.of(call, outcomes)


@router.post("/intake/{delivery}/discard")
def discard(call: InAccount, delivery: Id) -> Discarded:
    """Remove a message in quarantine for good; its deliveries' fate is rejected."""
    call.require("intake.work")
    with call.house.database.read() as connection:
        _require_readable(call, connection, delivery)
    gone = call.act(
        quarantine.discard, delivery, forget=call.house.forget, tombstone_key=call.house.secrets.tombstone
    )

    return Discarded(deliveries=list(gone))


@router.get("/intake/{delivery}")
def show_intake(call: InAccount, delivery: Id) -> shapes.Delivery:
    """One delivery."""
    call.require("intake.read")
    with call.house.database.read() as connection:
        row = _require_readable(call, connection, delivery)
    return named_one(call, views.delivery(row))

"""/v1/breaches: breaches with their clock of 72 hours, and whom something touches, told without reading any body."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from mailhub import clock
from mailhub.access.roles import allowed
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import mailbox_id
from mailhub.callers.names import is_id
from mailhub.errors import BadRequest, NotFound
from mailhub.privacy import breaches, record
from storage.database import Connection
from storage.privacy import breaches as rows
from storage.privacy.contacts import find_contact
from storage.tickets.tickets import find_ticket

router = APIRouter(tags=["breaches"])

Kind = Literal["ticket", "message", "contact", "mailbox"]
Since = Annotated[datetime | None, Query(description="Mail from then on; without: from the first.")]
Until = Annotated[datetime | None, Query(description="Mail before then; without: to the last.")]
Object = Annotated[
    str | None, Query(max_length=320, description="Ticket, message, contact or mailbox, with `kind`.")
]


class NewBreach(shapes.Shape):
    """A breach as it was noticed. Without `noticed_at`: now."""

    kind: Literal["confidentiality", "integrity", "availability"]
    noticed_at: datetime | None = None


Said = Annotated[str | None, Field(max_length=20_000)]


class Description(shapes.Shape):
    """What happened, what it did and can do to people, and what was done (art. 33(5)); null leaves what is there."""

    facts: Said = None
    effects: Said = None
    remedies: Said = None


class Told(shapes.Shape):
    """Who has been told."""

    whom: Literal["authority", "people"]


class Closing(shapes.Shape):
    """How it ended: told, or nothing had to be told."""

    outcome: Literal["told", "no-risk", "no-breach"]


class Breach(shapes.Shape):
    """A breach. `due_at`: until when the authority is to be told (72 hours); null when it was, or need not be.

    `late`: 72 hours passed before it was told, or the breach closed as none to tell of; that stays, closed or not.
    """

    id: int
    kind: str
    actor: str
    noticed_at: str
    due_at: str | None
    overdue: bool
    late: bool
    facts: str
    effects: str
    remedies: str
    authority_told_at: str | None
    people_told_at: str | None
    closed_at: str | None
    outcome: str | None


class Notice(shapes.Shape):
    """A notice; square brackets hold what only people know."""

    text: str


class Touched(shapes.Shape):
    """How much lies in this span of time and object, by table, and which categories of personal data that is."""

    counts: dict[str, int]
    categories: list[str]


class Person(shapes.Shape):
    """A contact who is touched. Addresses are for those who may read contacts."""

    id: int
    addresses: list[str] | None


def _shape(row: rows.Breach) -> Breach:
    due = breaches.due_at(row)
    now = clock.now()
    overdue = due is not None and now > due
    return made(Breach, row, due_at=shapes.instant(due), overdue=overdue, late=breaches.is_late(row, now))


@router.get("/breaches")
def list_breaches(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Breach]:
    """Breaches of the account, those closed among them."""
    call.require("breach.read")
    with call.house.database.read() as connection:
        found = rows.list_breaches(connection, call.account, after=after or 0, limit=limit)
    return page(found, _shape, limit)


@router.post("/breaches", status_code=201)
def open_breach(call: InAccount, body: NewBreach) -> Breach:
    """Put a breach on record. From noticing it, 72 hours are left to tell the authority."""
    call.require("breach.manage")
    noticed_at = clock.from_datetime(body.noticed_at) if body.noticed_at else None

    return _shape(call.act(breaches.open_breach, body.kind, noticed_at, quotas=call.house.config.quotas))


@router.put("/breaches/{breach}/description")
def describe_breach(call: InAccount, breach: Id, body: Description) -> Breach:
    """Write down facts, effects and remedies, as long as the breach is open; they stand in both notices."""
    call.require("breach.manage")
    said = body.model_dump()

    return _shape(call.act(breaches.describe, breach, **said))


@router.post("/breaches/{breach}/told")
def note_told(call: InAccount, breach: Id, body: Told) -> Breach:
    """Note that the authority, or those affected, were told now."""
    call.require("breach.manage")

    return _shape(call.act(breaches.note_told, breach, body.whom))


@router.post("/breaches/{breach}/close")
def close_breach(call: InAccount, breach: Id, body: Closing) -> Breach:
    """Close a breach with how it ended."""
    call.require("breach.manage")

    return _shape(call.act(breaches.close_breach, breach, body.outcome))


@router.get("/breaches/{breach}/notice")
def show_notice(
    call: InAccount,
    breach: Id,
    to: Annotated[Literal["people", "authority"], Query(description="Whom it is for.")] = "people",
) -> Notice:
    """The notice to send to those affected (art. 34) or to the authority (art. 33), with what is known filled in."""
    call.require("breach.read")
    with call.house.database.read() as connection:
        found = rows.find_breach(connection, call.account, breach)
    if found is None:
        raise NotFound(f"there is no breach {breach}")

    named = call.house.config.privacy
    text = breaches.notice(
        found,
        to=to,
        now=clock.now(),
        controller=named.controller,
        contact=named.data_protection_contact,
        categories=f"[which of: {', '.join(record.CATEGORIES.values())}]",
    )

    return Notice(text=text)


@router.get("/touched")
def show_touched(
    call: InAccount, since: Since = None, until: Until = None, kind: Kind | None = None, object: Object = None
) -> Touched:
    """How much personal data, and of which categories, an incident touches: by time of the mail, and by object."""
    call.require("breach.read")
    with call.house.database.read() as connection:
        counts = rows.count_touched(connection, _scope(call, connection, since, until, kind, object))
    held = [table for table, count in counts.items() if count]
    categories = [
        record.CATEGORIES[name] for name in record.categories_of([*held, *(["raw"] if held else [])])
    ]
    return Touched(counts=dict(counts), categories=categories)


@router.get("/touched/people")
def list_touched(
    call: InAccount,
    since: Since = None,
    until: Until = None,
    kind: Kind | None = None,
    object: Object = None,
    limit: Limit = 50,
    after: After = None,
) -> Page[Person]:
    """The contacts an incident touches, by id; with addresses for those who may read contacts."""
    call.require("breach.read")
    named = allowed(call.actor, "contact.read") and call.actor.account == call.account
    with call.house.database.read() as connection:
        scope = _scope(call, connection, since, until, kind, object)
        found = rows.people_touched(connection, scope, after=after or 0, limit=limit)
        people = [_person(connection, call.account, each, named=named) for each in found]
    return Page(items=people, next=people[-1].id if len(people) == limit else None)


def _person(connection: Connection, account: int, contact: int, *, named: bool) -> Person:
    found = find_contact(connection, account, contact) if named else None
    return Person(id=contact, addresses=list(found.addresses) if found else None)


def _scope(
    call: Call,
    connection: Connection,
    since: datetime | None,
    until: datetime | None,
    kind: Kind | None,
    named: str | None,
) -> rows.Scope:
    if (kind is None) != (named is None):
        raise BadRequest("name an object by `kind` and `object`, or neither")

    scope = rows.Scope(
        account_id=call.account,
        since=clock.from_datetime(since) if since else 0,
        until=clock.from_datetime(until) if until else 2**62,
        kind=kind,
        object_id=_object_id(connection, call.account, kind, named) if kind and named else None,
    )
    if not rows.exists_in(connection, scope):
        raise NotFound(f"there is no {kind} {named}")

    return scope


def _object_id(connection: Connection, account: int, kind: Kind, named: str) -> int:
    """The id of what is named: a ticket by number or id, a mailbox by address or id, all else by id."""
    if kind == "mailbox":
        return mailbox_id(connection, account, named)
    if not is_id(named):
        raise BadRequest(f"a {kind} is named by its number")
    ticket = find_ticket(connection, account, int(named)) if kind == "ticket" else None
    return ticket.id if ticket else int(named)

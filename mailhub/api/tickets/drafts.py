"""/v1/drafts and /v1/tickets/{ticket}/drafts: what is written, kept on the server, until it is sent or thrown away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import mailbox_id, the_ticket, ticket_id
from mailhub.callers.problems import refused
from mailhub.errors import Forbidden, NotFound
from mailhub.proof.act import Act
from mailhub.tickets import drafts as flow
from mailhub.tickets import sending
from mailhub.tickets.drafts import Beginning, Changed, DraftKind, audience_of
from mailhub.tickets.reply import Audience, proposed_audience
from mailhub.tickets.sending import Order, Unseen
from storage.database import Connection
from storage.people import users
from storage.tickets import drafts as rows

router = APIRouter(tags=["drafts"])

ADDRESS = "kim@customer.example"
Version = Annotated[int, Field(ge=1, lt=2**53)]
Addresses = Annotated[
    list[Annotated[str, Field(max_length=320)]], Field(max_length=100, examples=[[ADDRESS]])
]


class Draft(shapes.Shape):
    """What somebody writes. ``state``: writing, or sending until ``send_at``; ``fault``: why it did not go then."""

    id: int
    ticket: int | None
    mailbox: int | None  # of a new mail: where it is sent from
    kind: str  # answer, note, forward or new
    author: str | None
    to: list[str]
    cc: list[str]
    bcc: list[str]
    subject: str
    text: str
    quoted: int | None
    seen: int  # the newest message or note its writer had seen
    version: int
    state: str
    scheduled: bool
    closes: bool
    fault: str | None
    send_at: str | None
    created_at: str
    updated_at: str


class DraftBeginning(shapes.Shape):
    """Begin a draft on a ticket. ``message`` is quoted in an answer, and passed on in a forward."""

    kind: DraftKind = DraftKind.ANSWER
    message: Id | None = None


class NewMail(shapes.Shape):
    """Begin a mail to somebody, from a mailbox (address or id)."""

    mailbox: str
    subject: Annotated[str, Field(max_length=10_000)] = ""


class Saved(shapes.Shape):
    """What was written, and the version that it changes. What is absent, or null, stays; ``quoted`` 0 quotes nothing."""

    version: Version
    to: Addresses | None = None
    cc: Addresses | None = None
    bcc: Addresses | None = None
    subject: Annotated[str, Field(max_length=1_000_000)] | None = None
    text: Annotated[str, Field(max_length=1_000_000)] | None = None
    quoted: Id | None = None
    seen: Id | None = None


class SendOrder(shapes.Shape):
    """Send a draft: after ``undo_seconds`` (null: as `[answering]` says), or not before ``not_before``."""

    version: Version
    seen: Id | None = None
    anyway: bool = False
    not_before: datetime | None = None
    undo_seconds: Annotated[float, Field(ge=0, le=60)] | None = None
    close: bool = False


class SendState(shapes.Shape):
    """What became of the order: a draft that can be undone until it goes, a mail that is queued, or a note."""

    draft: Draft | None
    message: int | None
    note: int | None
    ticket: int | None


@router.get("/drafts")
def list_drafts(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Draft]:
    """Your own drafts, those begun last first."""
    call.require("ticket.read")
    user = _own_user(call)
    with call.house.database.read() as connection:
        found = rows.list_drafts(connection, call.account, user_id=user, before=after, limit=limit)
        closed = call.restricted(connection, [row.ticket_id for row in found if row.ticket_id is not None])
        shown = _shapes(connection, call, [row for row in found if row.ticket_id not in closed])
    return Page(items=shown, next=found[-1].id if len(found) == limit else None)


@router.get("/tickets/{ticket}/drafts")
def list_drafts_of_ticket(
    call: InAccount, ticket: shapes.TicketName, limit: Limit = 50, after: After = None
) -> Page[Draft]:
    """What you and your colleagues are writing on a ticket."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        found = rows.list_drafts(
            connection,
            call.account,
            ticket_id=ticket_id(connection, call, ticket),
            before=after,
            limit=limit,
        )
        shown = _shapes(connection, call, found)
    return Page(items=shown, next=found[-1].id if len(found) == limit else None)


@router.post("/tickets/{ticket}/drafts", status_code=201)
def begin_draft(call: InAccount, ticket: shapes.TicketName, body: DraftBeginning) -> Draft:
    """Begin a draft on a ticket, or get yours of this kind that is there. An answer goes to all, unless changed."""
    call.require("ticket.work")
    user = _own_user(call)
    house = call.house
    with house.database.read() as connection:
        found = the_ticket(connection, call, ticket)
        if body.message is not None:
            call.require_readable(connection, found.id)
    proposed = Audience(to=())
    if body.kind is DraftKind.ANSWER:
        proposed = proposed_audience(house.database, house.directory, call.account, found.id)
    beginning = Beginning(kind=body.kind, ticket=found.id, proposed=proposed, quoted=body.message)
    return _shown(call, call.act(flow.begin, user, beginning, house.config.quotas))


@router.post("/drafts", status_code=201)
def begin_new_mail(call: InAccount, body: NewMail) -> Draft:
    """Begin a mail to somebody. Sending it opens a ticket, which is yours."""
    call.require("ticket.work")
    user = _own_user(call)
    with call.house.database.read() as connection:
        mailbox = mailbox_id(connection, call.account, body.mailbox)
    beginning = Beginning(kind=DraftKind.NEW, mailbox=mailbox, subject=body.subject)
    return _shown(call, call.act(flow.begin, user, beginning, call.house.config.quotas))


@router.get("/drafts/{draft}")
def show_draft(call: InAccount, draft: Id) -> Draft:
    """One draft, yours or a colleague's."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        return _shape(connection, call, _readable(connection, call, draft))


@router.patch(
    "/drafts/{draft}",
    response_model=Draft,
)
def save_draft(call: InAccount, draft: Id, body: Saved) -> Draft | JSONResponse:
    """Save what was written. Another version than the draft's is refused with 409, and the draft as it is now."""
    call.require("ticket.work")
    user = _own_user(call)
    with call.house.database.read() as connection:
        _readable(connection, call, draft)
    named = body.model_dump(exclude={"version"}, exclude_none=True)
    if named.get("quoted") == 0:
        named["quoted"] = None
    try:
        return _shown(call, call.act(flow.save, user, draft, body.version, named))
    except Changed as error:
        return _changed(call, error)


@router.delete("/drafts/{draft}", status_code=204)
def discard_draft(call: InAccount, draft: Id) -> None:
    """Throw a draft away."""
    call.require("ticket.work")
    call.act(flow.discard, _own_user(call), draft)


@router.post(
    "/drafts/{draft}/send",
    status_code=202,
    response_model=SendState,
)
def send_draft(call: InAccount, draft: Id, body: SendOrder) -> SendState | JSONResponse:
    """Send a draft; until `send_at` it can be undone. What came unseen stops it, unless `anyway`: 412 with its ids."""
    call.require("ticket.work")
    house = call.house
    with house.database.read() as connection:
        _readable(connection, call, draft)
    undo = body.undo_seconds if body.undo_seconds is not None else house.config.answering.undo_seconds
    order = Order(
        account=call.account,
        actor=call.actor.name,
        user=_own_user(call),
        draft=draft,
        version=body.version,
        seen=body.seen,
        anyway=body.anyway,
        at=clock.from_datetime(body.not_before) if body.not_before else None,
        undo_seconds=undo,
        closes=body.close,
    )

    try:
        done = sending.send(house.database, house.writer, house.reply(), order, now=clock.now())
    except Changed as error:
        return _changed(call, error)
    except Unseen as error:
        return refused(
            412,
            "unseen",
            str(error),
            route=call.route,
            messages=list(error.messages),
            notes=list(error.notes),
        )
    shown = _shown(call, done.draft) if done.draft else None

    return made(SendState, done, draft=shown)


@router.post("/drafts/{draft}/undo")
def undo_draft(call: InAccount, draft: Id) -> Draft:
    """Take a draft that is being sent, or was scheduled, back: it is as it was."""
    call.require("ticket.work")

    def work(act: Act) -> rows.Draft:
        return sending.undo(act, _own_user(call), draft)

    return _shown(call, call.act(work))


def _changed(call: Call, error: Changed) -> JSONResponse:
    """409 with the draft as it is now."""
    current = _shown(call, error.current).model_dump(by_alias=True)
    return refused(409, "draft-changed", str(error), route=call.route, current=current)


def _readable(connection: Connection, call: Call, draft: int) -> rows.Draft:
    """The draft; raises ``NotFound``, or ``Forbidden`` where a hold restricts its ticket."""
    found = rows.find_draft(connection, call.account, draft)
    if found is None:
        raise NotFound(f"no such draft: {draft}; it was sent, or thrown away")
    if found.ticket_id is not None:
        call.require_readable(connection, found.ticket_id)
    return found


def _own_user(call: Call) -> int:
    if call.actor.user is None:
        raise Forbidden("the operator is no user of the account: log in as one")
    return call.actor.user


def _shown(call: Call, row: rows.Draft) -> Draft:
    with call.house.database.read() as connection:
        return _shape(connection, call, row)


def _shape(connection: Connection, call: Call, row: rows.Draft) -> Draft:
    (shown,) = _shapes(connection, call, [row])
    return shown


def _shapes(connection: Connection, call: Call, found: Sequence[rows.Draft]) -> list[Draft]:
    """Drafts with their authors, each of whom is looked up once."""
    authors = {
        each: users.find_user(connection, call.account, each) for each in {row.user_id for row in found}
    }
    logins = {each: author.email for each, author in authors.items() if author is not None}
    return [_drawn(row, logins.get(row.user_id)) for row in found]


def _drawn(row: rows.Draft, author: str | None) -> Draft:
    audience = audience_of(row)
    return made(
        Draft,
        row,
        ticket=row.ticket_id,
        mailbox=row.mailbox_id,
        author=author,
        to=list(audience.to),
        cc=list(audience.cc),
        bcc=list(audience.bcc),
        quoted=row.quoted_id,
        seen=row.seen_id,
        state="writing" if row.send_at is None else "sending",
        scheduled=bool(row.scheduled),
        closes=bool(row.closes),
    )

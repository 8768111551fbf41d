"""/v1/tickets/{ticket}/...: pending, snoozed, urgent, tagged, watched; and the account's tags."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page, page
from mailhub.api.tickets.ticket_work import Assignment, do, own_user
from mailhub.api.tickets.tickets import PriorityWord
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import ticket_id, user_id
from mailhub.proof.act import Act
from mailhub.tickets import acts, tagging
from storage.tickets import tags
from storage.tickets.tickets import Ticket
from storage.words import Priority

router = APIRouter(tags=["tickets"])


class PutOff(shapes.Shape):
    """Until when a ticket is put off: an instant, RFC 3339."""

    until: datetime


class Urgency(shapes.Shape):
    """How urgent a ticket is."""

    priority: PriorityWord


class TagNames(shapes.Shape):
    """Tags: single words, written in lower case."""

    names: Annotated[list[str], Field(min_length=1, max_length=30)]


class Tag(shapes.Shape):
    """A tag of the account."""

    id: int
    name: str
    created_at: str


def _named(call: Call, act: Act, ticket: str) -> int:
    return ticket_id(act.transaction.connection, call, ticket)


@router.post("/tickets/{ticket}/pend")
def pend(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """We wait for the other side: their next mail opens the ticket; `reopen` undoes it."""

    def work(act: Act) -> Ticket:
        return acts.pend(act, _named(call, act, ticket))

    return do(call, work)


@router.post("/tickets/{ticket}/snooze")
def snooze(call: InAccount, ticket: shapes.TicketName, body: PutOff) -> shapes.Ticket:
    """Put a ticket off: it opens then by itself, or at a person's next mail; `reopen` undoes it."""
    until = clock.from_datetime(body.until)

    def work(act: Act) -> Ticket:
        return acts.snooze(act, _named(call, act, ticket), until)

    return do(call, work)


@router.post("/tickets/{ticket}/priority")
def prioritise(call: InAccount, ticket: shapes.TicketName, body: Urgency) -> shapes.Ticket:
    """How urgent a ticket is."""

    def work(act: Act) -> Ticket:
        return acts.prioritise(act, _named(call, act, ticket), Priority[body.priority.upper()])

    return do(call, work)


@router.post("/tickets/{ticket}/responsible")
def make_responsible(call: InAccount, ticket: shapes.TicketName, body: Assignment) -> shapes.Ticket:
    """Who answers for a ticket being done, whoever works on it: a user, or nobody."""

    def work(act: Act) -> Ticket:
        whom = own_user(call) if body.assignee == "me" else None
        if body.assignee not in (None, "me", "none"):
            whom = user_id(act.transaction.connection, act.account, str(body.assignee))
        return acts.make_responsible(act, _named(call, act, ticket), whom)

    return do(call, work)


@router.post("/tickets/{ticket}/tags")
def tag(call: InAccount, ticket: shapes.TicketName, body: TagNames) -> shapes.Ticket:
    """Put tags on a ticket; a new word becomes a tag of the account. DELETE undoes it."""
    quotas = call.house.config.quotas

    def work(act: Act) -> Ticket:
        return tagging.tag(act, _named(call, act, ticket), body.names, quotas=quotas)

    return do(call, work)


@router.delete("/tickets/{ticket}/tags")
def untag(call: InAccount, ticket: shapes.TicketName, body: TagNames) -> shapes.Ticket:
    """Take tags off a ticket."""

    def work(act: Act) -> Ticket:
        return tagging.untag(act, _named(call, act, ticket), body.names)

    return do(call, work)


@router.post("/tickets/{ticket}/watch")
def watch(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """You watch a ticket; DELETE undoes it."""

    def work(act: Act) -> Ticket:
        return tagging.watch(act, _named(call, act, ticket), user=own_user(call))

    return do(call, work)


@router.delete("/tickets/{ticket}/watch")
def unwatch(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """You watch a ticket no more."""

    def work(act: Act) -> Ticket:
        return tagging.unwatch(act, _named(call, act, ticket), user=own_user(call))

    return do(call, work)


@router.get("/tags")
def list_tags(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Tag]:
    """The account's tags, the oldest first."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        rows = tags.list_tags(connection, call.account, after=after or 0, limit=limit)
    return page(rows, lambda row: shapes.made(Tag, row), limit)


@router.delete("/tags/{tag}", status_code=204)
def delete_tag(call: InAccount, tag: Annotated[str, Field(max_length=200)]) -> None:
    """Remove a tag that no ticket has."""
    call.require("ticket.work")
    call.act(tagging.delete_tag, tag)

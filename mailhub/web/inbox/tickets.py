"""/tickets/NUMBER: one ticket, and the forms by which an agent works on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec

from fastapi import APIRouter
from starlette.responses import Response

from mailhub import clock
from mailhub.callers.caller import Call
from mailhub.callers.named import message_row, ticket_id
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.filter import feedback
from mailhub.proof.act import Act
from mailhub.reading.shown import contents_of
from mailhub.tickets import acts
from mailhub.tickets.reply import Answer, read_basis, reply
from mailhub.web.inbox import undoing
from mailhub.web.inbox.screens import Screen, go_to, show
from mailhub.web.inbox.session import Work
from mailhub.web.room import Form, needed
from storage.database import Connection
from storage.mail.message_lists import MessageRow
from storage.tickets import ticket_views
from storage.tickets.tickets import Ticket, find_ticket

P = ParamSpec("P")

router = APIRouter(route_class=Screen)

MESSAGES_SHOWN = 100  # of one ticket at once
NOTES_SHOWN = 100  # the latest


@router.get("/tickets/{ticket}")
def show_ticket(call: Work, ticket: str, after: int = 0, done: str = "") -> Response:
    """A ticket: its mails and notes in order, who takes part, and what can be done."""
    call.require("ticket.read")
    return page(call, ticket, after=after, done=done)


def page(
    call: Call,
    ticket: str,
    *,
    after: int = 0,
    done: str = "",
    problem: str = "",
    written: str = "",
    status: int = 200,
) -> Response:
    """The ticket's page; after an answer that was refused with the reason, and with what was written."""
    with call.house.database.read() as connection:
        view = ticket_views.view(
            connection,
            call.account,
            ticket_id(connection, call, ticket),
            reader=call.actor.user,
            after=after,
            messages=MESSAGES_SHOWN,
            notes=NOTES_SHOWN,
        )
        if view is None:
            raise NotFound(f"no such ticket: {ticket}")
        contents = contents_of(connection, call.account, view.messages, call.charges)

    said = [
        *((row.received_at, "message", row) for row in view.messages),
        *((row.created_at, "note", row) for row in view.notes),
    ]
    return show(
        "ticket.html",
        status,
        ticket=view.ticket,
        said=sorted(said, key=lambda each: each[0]),
        contents=contents,
        told=view.told,
        latest=max((row.id for row in view.messages if row.direction == "in"), default=None),  # has the keys
        participants=view.participants,
        next=view.messages[-1].id if len(view.messages) == MESSAGES_SHOWN else None,
        to=_addressee(call, view.ticket.id),
        done=undoing.of(done),
        problem=problem,
        written=written,
    )


def _addressee(call: Call, ticket: int) -> str:
    """Whom an answer would go to; "" where it can go to nobody."""
    try:
        basis = read_basis(call.house.database, call.house.directory, call.account, ticket)
    except Conflict:
        return ""
    return basis.correspondent.address


@router.post("/tickets/{ticket}/answer")
def answer(call: Work, ticket: str, form: Form) -> Response:
    """Answer the requester by mail; what is refused comes back as it was written."""
    call.require("ticket.work")
    (text,) = needed(form, ("text",))
    with call.house.database.read() as connection:
        found = ticket_id(connection, call, ticket)
    written = Answer(account=call.account, ticket=found, actor=call.actor.name, user=_user(call), text=text)

    try:
        reply(call.house.database, call.house.writer, call.house.reply(), written, now=clock.now())
    except (BadRequest, Conflict) as error:
        return page(call, ticket, problem=str(error), written=text, status=409)

    if form.get("then") == "close":
        _act(call, ticket, acts.close, handling=call.house.handling(call.actor))
        return go_to(f"/tickets?done=closed-{ticket}")
    return go_to(f"/tickets/{ticket}#end")


@router.post("/tickets/{ticket}/note")
def note(call: Work, ticket: str, form: Form) -> Response:
    """Write a note that no customer sees."""
    call.require("ticket.work")
    (text,) = needed(form, ("text",))
    user = _user(call)

    def write(act: Act) -> None:
        acts.note(act, ticket_id(act.transaction.connection, call, ticket), user=user, text=text)

    call.act(write)
    return go_to(f"/tickets/{ticket}#end")


@router.post("/tickets/{ticket}/close")
def close(call: Work, ticket: str) -> Response:
    """The ticket is done."""
    _act(call, ticket, acts.close, handling=call.house.handling(call.actor))
    return go_to(f"/tickets?done=closed-{ticket}")


@router.post("/tickets/{ticket}/reopen")
def reopen(call: Work, ticket: str) -> Response:
    """A closed ticket is open again."""
    _act(call, ticket, acts.reopen)
    return go_to(f"/tickets/{ticket}")


@router.post("/tickets/{ticket}/take")
def take(call: Work, ticket: str) -> Response:
    """The ticket is mine from now on."""
    _act(call, ticket, acts.assign, _user(call))
    return go_to(f"/tickets/{ticket}")


@router.post("/tickets/{ticket}/leave")
def leave(call: Work, ticket: str) -> Response:
    """The ticket is nobody's from now on."""
    _act(call, ticket, acts.assign, None)
    return go_to(f"/tickets/{ticket}")


@router.post("/tickets/{ticket}/trash")
def trash(call: Work, ticket: str) -> Response:
    """Into the trash, where everything stays for now."""
    _act(call, ticket, acts.trash)
    return go_to(f"/tickets?done=trashed-{ticket}")


@router.post("/tickets/{ticket}/restore")
def restore(call: Work, ticket: str) -> Response:
    """Out of the trash, as it was."""
    _act(call, ticket, acts.restore)
    return go_to(f"/tickets/{ticket}")


@router.post("/messages/{message}/mark")
def mark(call: Work, message: int, form: Form) -> Response:
    """Say that a mail is spam, or ham: the filter learns it, and the ticket follows."""
    call.require("spam.mark")
    (label,) = needed(form, ("label",))
    house = call.house
    with house.database.read() as connection:
        row = message_row(connection, call, message)
        ticket = number_of(connection, call, row)

    call.act(
        feedback.mark,
        house.models,
        [row.id],
        label,
        user=_user(call),
        features_of=feedback.prepare(house.database, call.account, [row.id], house.features_of),
        per_hour=house.config.spam.marks_per_hour,
    )
    return go_to(f"/tickets?done={label}-{ticket}-{row.id}")


@router.post("/messages/{message}/unmark")
def unmark(call: Work, message: int) -> Response:
    """Take the word about a mail back: the filter is as it was before."""
    call.require("spam.mark")
    house = call.house
    with house.database.read() as connection:
        row = message_row(connection, call, message)
        ticket = number_of(connection, call, row)

    call.act(
        feedback.unmark, house.models, [row.id], user=_user(call), per_hour=house.config.spam.marks_per_hour
    )
    return go_to(f"/tickets/{ticket}#m{row.id}")


def number_of(connection: Connection, call: Call, row: MessageRow) -> int:
    """The number of a message's ticket, by which people know it."""
    found = find_ticket(connection, call.account, row.ticket_id)
    return found.number if found else row.ticket_id


def _act(
    call: Call,
    ticket: str,
    function: Callable[Concatenate[Act, int, P], Ticket],
    *args: P.args,
    **named: P.kwargs,
) -> None:
    """One act on the ticket that a path names, found in the act's own transaction."""
    call.require("ticket.work")

    def work(act: Act) -> None:
        function(act, ticket_id(act.transaction.connection, call, ticket), *args, **named)

    call.act(work)


def _user(call: Call) -> int:
    if call.actor.user is None:
        raise Forbidden("the operator is no user of the account: sign in as one")
    return call.actor.user

"""/tickets/NUMBER: one ticket, and the forms by which an agent works on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, Protocol

from fastapi import APIRouter
from starlette.responses import Response

from mailhub import clock
from mailhub.callers.caller import Call
from mailhub.callers.named import message_row, ticket_id
from mailhub.errors import BadRequest, Forbidden, NotFound
from mailhub.filter import feedback
from mailhub.proof.act import Act
from mailhub.reading.shown import contents_of
from mailhub.tickets import acts, seeing
from mailhub.tickets.drafts import DraftKind, audience_of
from mailhub.tickets.reply import proposed_audience
from mailhub.web.inbox import undoing
from mailhub.web.inbox.screens import Screen, go_to, show
from mailhub.web.inbox.session import Work
from mailhub.web.room import Form, needed
from storage.database import Connection
from storage.mail.message_lists import MessageRow
from storage.tickets import ticket_views
from storage.tickets.drafts import Draft, find_draft_of, newest_in
from storage.tickets.tickets import Ticket, find_ticket

P = ParamSpec("P")

router = APIRouter(route_class=Screen)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """What stands in the form of an answer. ``version`` of the draft, 0 without one; ``seen``: the newest id shown."""

    to: str
    cc: str
    text: str
    version: int
    seen: int
    problem: str = ""
    unseen: bool = False  # whether the problem is something that came meanwhile
    elsewhere: str = ""  # what the draft says that was saved in another window


MESSAGES_SHOWN = 100  # of one ticket at once
NOTES_SHOWN = 100  # the latest
SNOOZES = {"1": "tomorrow", "3": "in three days", "7": "in a week", "30": "in a month"}  # by days


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
    written: AnswerForm | None = None,
    status: int = 200,
) -> Response:
    """The ticket's page; after an answer that was refused with the reason, and with what was written."""
    with call.house.database.read() as connection:
        found = ticket_id(connection, call, ticket)
        view = ticket_views.view(
            connection,
            call.account,
            found,
            reader=call.actor.user,
            after=after,
            messages=MESSAGES_SHOWN,
            notes=NOTES_SHOWN,
        )
        if view is None:
            raise NotFound(f"no such ticket: {ticket}")
        contents = contents_of(connection, call.account, view.messages, call.charges)
        kept = find_draft_of(connection, call.account, user_of(call), found, DraftKind.ANSWER)
        seen = newest_in(connection, call.account, found)

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
        kept=kept,
        snoozes=SNOOZES,
        written=written or _written(call, found, kept, seen),
        done=undoing.of(done),
    )


def _written(call: Call, ticket: int, kept: Draft | None, seen: int) -> AnswerForm:
    """What the form of an answer begins with: the draft as it was left, or whom an answer to all would go to."""
    if kept is not None:
        audience, text, version = audience_of(kept), kept.text, kept.version
    else:
        audience = proposed_audience(call.house.database, call.house.directory, call.account, ticket)
        text, version = "", 0
    return AnswerForm(
        to=", ".join(audience.to), cc=", ".join(audience.cc), text=text, version=version, seen=seen
    )


@router.post("/tickets/{ticket}/note")
def note(call: Work, ticket: str, form: Form) -> Response:
    """Write a note that no customer sees."""
    call.require("ticket.work")
    (text,) = needed(form, ("text",))
    user = user_of(call)

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


@router.post("/tickets/{ticket}/pend")
def pend(call: Work, ticket: str) -> Response:
    """We wait for the other side: their mail opens it again."""
    _act(call, ticket, acts.pend)
    return go_to(f"/tickets?done=pended-{ticket}")


@router.post("/tickets/{ticket}/snooze")
def snooze(call: Work, ticket: str, form: Form) -> Response:
    """Put it off for some days: then it is open again, and at once when the customer writes."""
    (days,) = needed(form, ("days",))
    if days not in SNOOZES:
        raise BadRequest("choose for how long")
    _act(call, ticket, acts.snooze, clock.now() + int(days) * clock.DAY)
    return go_to(f"/tickets?done=snoozed-{ticket}")


@router.post("/tickets/{ticket}/seen")
def see(call: Work, ticket: str) -> Response:
    """I have seen what is in it; the page's script says so when it is shown."""
    _see(call, ticket, seeing.see)
    return Response(status_code=204)


@router.post("/tickets/{ticket}/unseen")
def unsee(call: Work, ticket: str) -> Response:
    """It is unread again."""
    _see(call, ticket, seeing.unsee)
    return go_to("/tickets")


class SetSeen(Protocol):
    """Marks a ticket as seen by a user, or as unread."""

    def __call__(self, act: Act, ticket: int, /, *, user: int) -> None: ...


def _see(call: Call, ticket: str, mark_it: SetSeen) -> None:
    call.require("ticket.read")
    user = user_of(call)

    def work(act: Act) -> None:
        mark_it(act, ticket_id(act.transaction.connection, call, ticket), user=user)

    call.act(work)


@router.post("/tickets/{ticket}/take")
def take(call: Work, ticket: str) -> Response:
    """The ticket is mine from now on."""
    _act(call, ticket, acts.assign, user_of(call))
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
        user=user_of(call),
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
        feedback.unmark, house.models, [row.id], user=user_of(call), per_hour=house.config.spam.marks_per_hour
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


def user_of(call: Call) -> int:
    if call.actor.user is None:
        raise Forbidden("the operator is no user of the account: sign in as one")
    return call.actor.user

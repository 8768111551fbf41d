"""/v1/tickets/{ticket}/...: what agents do to tickets. Each act is one function of a flow, run in the writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Concatenate, ParamSpec, Protocol

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one
from mailhub.api.tickets import views
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.conditions import tag_of
from mailhub.callers.named import ticket_id, user_id
from mailhub.errors import BadRequest, Forbidden
from mailhub.proof.act import Act
from mailhub.tickets import acts as tickets
from mailhub.tickets import merging, purging, seeing
from mailhub.tickets.reply import Answer, reply
from mailhub.tickets.requester import set_requester
from storage.people import users
from storage.tickets import ticket_lists
from storage.tickets.tickets import Ticket, find_ticket
from storage.words import TicketState
from storage.writer import Transaction

P = ParamSpec("P")

router = APIRouter(tags=["tickets"])


class Assignment(shapes.Shape):
    """Whom a ticket is given to: a login or id, `me`, or null for nobody."""

    assignee: str | None


class Person(shapes.Shape):
    """Somebody by their address."""

    address: str


class Requester(shapes.Shape):
    """Whose ticket it is: an address, or null for nobody."""

    address: str | None


class Text(shapes.Shape):
    """A note."""

    text: str


class Reply(shapes.Shape):
    """An answer to the requester; ``copies`` are people who were copied before.

    ``to``: which of the requester's addresses, or of those that the last mail of theirs names in Reply-To.
    """

    text: str
    to: str | None = None
    copies: list[str] = Field(default_factory=list)


class Queued(shapes.Named):
    """An answer on its way."""

    message: int
    message_id: str
    ticket: int
    outbox: list[int]


class Target(shapes.Shape):
    """The ticket to merge into, by id or number."""

    into: shapes.TicketName


class Selection(shapes.Shape):
    """The messages to split off."""

    messages: Annotated[list[shapes.Id], Field(min_length=1, max_length=500)]


class Purged(shapes.Shape):
    """What went for good."""

    tickets: list[int]
    messages: list[int]


TicketAct = Callable[Concatenate[Act, int, P], Ticket]


def do(
    call: Call, function: Callable[Concatenate[Act, P], Ticket], *args: P.args, **named: P.kwargs
) -> shapes.Ticket:
    """Run an act in the writer, as this caller and now; the ticket afterwards, with its tag."""
    call.require("ticket.work")
    changed = call.act(function, *args, **named)
    with call.house.database.read() as connection:
        stored = find_ticket(connection, call.account, changed.id)
        call.headers["ETag"] = tag_of(stored or changed)  # rules may have changed it since
        rows = ticket_lists.tickets_by_id(connection, call.account, [changed.id], reader=call.actor.user)
    return named_one(call, views.ticket(rows[changed.id]))


def _on(
    function: TicketAct[P], call: Call, reference: str, *args: P.args, **named: P.kwargs
) -> shapes.Ticket:
    """An act on the ticket that a path names, found in the transaction of the act."""

    def on(act: Act) -> Ticket:
        return function(act, _id(call, act.transaction, reference), *args, **named)

    return do(call, on)


def _id(call: Call, transaction: Transaction, reference: str) -> int:
    return ticket_id(transaction.connection, call, reference)


def own_user(call: Call) -> int:
    """The user who acts; the operator writes nothing to customers."""
    if call.actor.user is None:
        raise Forbidden("the operator is no user of the account: log in as one")
    return call.actor.user


@router.post("/tickets/{ticket}/assign")
def assign(call: InAccount, ticket: shapes.TicketName, body: Assignment) -> shapes.Ticket:
    """Give a ticket to a user, or to nobody."""

    def work(act: Act) -> Ticket:
        whom = own_user(call) if body.assignee == "me" else None
        if body.assignee not in (None, "me", "none"):
            whom = user_id(act.transaction.connection, act.account, str(body.assignee))
        return tickets.assign(act, _id(call, act.transaction, ticket), whom)

    return do(call, work)


@router.post("/tickets/{ticket}/close")
def close(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """The ticket is done."""
    return _on(tickets.close, call, ticket, handling=call.house.handling(call.actor))


@router.post("/tickets/{ticket}/reopen")
def reopen(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """A closed ticket, or one in the spam state, is open again."""
    return _on(tickets.reopen, call, ticket)


@router.post("/tickets/{ticket}/restore")
def restore(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """Take a ticket out of the trash, or undo its merge."""

    def work(act: Act) -> Ticket:
        found = tickets.locked(act.transaction, act.account, _id(call, act.transaction, ticket))
        undo = merging.unmerge if found.state == TicketState.MERGED else tickets.restore
        return undo(act, found.id)

    return do(call, work)


@router.delete("/tickets/{ticket}")
def trash(call: InAccount, ticket: shapes.TicketName) -> shapes.Ticket:
    """Put a ticket into the trash; everything stays."""
    return _on(tickets.trash, call, ticket)


@router.post("/tickets/{ticket}/merge")
def merge(call: InAccount, ticket: shapes.TicketName, body: Target) -> shapes.Ticket:
    """Make the ticket part of another one; the other one afterwards. `restore` undoes it."""

    def work(act: Act) -> Ticket:
        source = _id(call, act.transaction, ticket)
        target = _id(call, act.transaction, body.into)
        return merging.merge(act, source, target)

    return do(call, work)


@router.post("/tickets/{ticket}/split")
def split(call: InAccount, ticket: shapes.TicketName, body: Selection) -> shapes.Ticket:
    """Move messages to a new ticket, which is returned. Merging it back undoes it."""

    def work(act: Act) -> Ticket:
        source = _id(call, act.transaction, ticket)
        return merging.split(act, source, body.messages)

    return do(call, work)


@router.post("/tickets/seen", status_code=204)
def see_all(call: InAccount) -> None:
    """All tickets are seen by you, with the mail that came up to now."""
    call.require("ticket.work")
    call.act(seeing.see_all, user=own_user(call))


@router.post("/tickets/{ticket}/seen", status_code=204)
def see(call: InAccount, ticket: shapes.TicketName) -> None:
    """You have seen the ticket with the mail it holds now; DELETE undoes it. Only you see the difference."""
    _see(call, ticket, seeing.see)


@router.delete("/tickets/{ticket}/seen", status_code=204)
def unsee(call: InAccount, ticket: shapes.TicketName) -> None:
    """The ticket is unread by you (again)."""
    _see(call, ticket, seeing.unsee)


class Seeing(Protocol):
    """Notes what a user has seen of a ticket."""

    def __call__(self, act: Act, ticket: int, /, *, user: int) -> None: ...


def _see(call: Call, ticket: str, act: Seeing) -> None:
    call.require("ticket.work")
    user = own_user(call)

    def work(done: Act) -> None:
        act(done, _id(call, done.transaction, ticket), user=user)

    call.act(work)


@router.post("/tickets/{ticket}/accept")
def accept(call: InAccount, ticket: shapes.TicketName, body: Person) -> shapes.Ticket:
    """Let a guest take part in the ticket; `exclude` undoes it."""
    return _on(tickets.accept, call, ticket, body.address)


@router.post("/tickets/{ticket}/exclude")
def exclude(call: InAccount, ticket: shapes.TicketName, body: Person) -> shapes.Ticket:
    """Make somebody a guest of the ticket (again); `accept` undoes it."""
    return _on(tickets.exclude, call, ticket, body.address)


@router.post("/tickets/{ticket}/requester")
def requester(call: InAccount, ticket: shapes.TicketName, body: Requester) -> shapes.Ticket:
    """Set whose ticket it is, and so who is answered. Setting whoever it was before undoes it."""
    return _on(set_requester, call, ticket, call.house.directory, body.address)


@router.post("/tickets/{ticket}/notes", status_code=201)
def add_note(call: InAccount, ticket: shapes.TicketName, body: Text) -> shapes.Note:
    """Write an internal note."""
    call.require("ticket.work")
    user = own_user(call)

    def act(transaction: Transaction) -> shapes.Note:
        found = _id(call, transaction, ticket)
        row = tickets.note(
            Act(transaction, call.actor.name, call.account, clock.now()), found, user=user, text=body.text
        )
        author = users.find_user(transaction.connection, call.account, user)
        return shapes.Note(
            id=row.id,
            author=author.email if author else None,
            created_at=shapes.instant(row.created_at) or "",
            text=row.text,
        )

    return call.house.writer.run(act)


class SetNote(Protocol):
    """Takes a note back, or puts it back."""

    def __call__(self, act: Act, note_id: int, /) -> object: ...


@router.delete("/notes/{note}", status_code=204)
def take_back_note(call: InAccount, note: shapes.Id) -> None:
    """A note is shown no more; POST .../restore undoes it."""
    _set_note(call, note, tickets.take_back_note)


@router.post("/notes/{note}/restore", status_code=204)
def put_back_note(call: InAccount, note: shapes.Id) -> None:
    """A note that was taken back is in force again."""
    _set_note(call, note, tickets.put_back_note)


def _set_note(call: Call, note: int, act: SetNote) -> None:
    call.require("ticket.work")
    call.act(act, note)


@router.post("/tickets/{ticket}/replies", status_code=202)
def answer(call: InAccount, ticket: shapes.TicketName, body: Reply) -> Queued:
    """Answer the requester by mail. Without a relay nothing is queued, and the error says so."""
    call.require("ticket.work")
    with call.house.database.read() as connection:
        found = ticket_id(connection, call, ticket)
    written = Answer(
        account=call.account,
        ticket=found,
        actor=call.actor.name,
        user=own_user(call),
        text=body.text,
        copies=tuple(body.copies),
        to=body.to or "",
    )
    done = reply(call.house.database, call.house.writer, call.house.reply(), written, now=clock.now())
    outbox = [row.id for row in done.queued]

    queued = Queued(message=done.message, message_id=done.message_id, ticket=done.ticket, outbox=outbox)
    return named_one(call, queued)


@router.post("/tickets/{ticket}/purge")
def purge(call: InAccount, ticket: shapes.TicketName, confirm: str = "") -> Purged:
    """Remove a ticket for good, with what it taught the filter. `confirm` repeats the ticket, as a guard.

    Needs a fresh second factor.
    """
    call.require("ticket.purge")
    call.require_fresh()
    if confirm != ticket:
        raise BadRequest("this cannot be undone: repeat the ticket as ?confirm=")

    now = clock.now()
    going = call.house.writer.run(
        lambda tx: purging.begin(Act(tx, call.actor.name, call.account, now), _id(call, tx, ticket))
    )
    purging.carry_out(call.house.purging(), call.account, going.ticket, now=now)

    return Purged(tickets=list(going.tickets), messages=list(going.messages))

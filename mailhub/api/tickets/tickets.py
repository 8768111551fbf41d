"""/v1/tickets: lists, one, and search. What agents do to tickets is in ``ticket_work.py``."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named
from mailhub.api.frame.shapes import After, Limit, Page, page
from mailhub.api.tickets import views
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.conditions import tag_of
from mailhub.callers.named import mailbox_id, the_ticket, ticket_id, user_id
from mailhub.callers.names import is_id
from mailhub.callers.searching import search_readable
from mailhub.errors import BadRequest, NotFound
from mailhub.filter.verdict import Verdict
from mailhub.reading.shown import contents_of
from mailhub.tickets.tagging import tag_name
from storage.database import Connection
from storage.mail import message_lists
from storage.privacy.holds import is_contact
from storage.privacy.persons import contacts_of_persons
from storage.tickets import tags, ticket_lists, ticket_views
from storage.tickets.ticket_lists import PLACE, ListPlace, TicketFilter, TicketOrder, TicketRow, place_from
from storage.words import Priority, TicketState

router = APIRouter(tags=["tickets"])

PriorityWord = Literal["low", "normal", "high", "urgent"]  # of ``Priority``
STATES = tuple(TicketState)
VERDICTS = tuple(Verdict)
MESSAGES_SHOWN = 200  # of one ticket at once; `?after=` goes on
NOTES_SHOWN = 200  # the latest; the others are in their own list


class TicketWithMessages(shapes.Ticket):
    """A ticket with its messages, oldest first, its latest notes, and who takes part.

    ``next`` is what to send as ``after`` for more messages; null with the last ones.
    """

    messages: list[shapes.Message]
    next: int | None
    participants: list[shapes.Participant]
    watchers: list[str]
    notes: list[shapes.Note]


class TicketPage(shapes.Shape):
    """A page of tickets. ``next`` is what to send as ``after``; null on the last page."""

    items: list[shapes.Ticket]
    next: str | None


Behind = Annotated[
    str | None,
    Query(
        pattern=f"{PLACE}|^[0-9]{{1,18}}$",
        description="Go on after this: `next` of the page before, or the id of its last ticket.",
        examples=["a1764000000000000.1000000042"],
    ),
]


@router.get("/tickets")
def list_tickets(
    call: InAccount,
    state: Annotated[
        str, Query(description="open, pending, snoozed, closed, spam, trash, merged, or all")
    ] = TicketState.OPEN,
    mailbox: Annotated[str | None, Query(description="Mailbox by address or id.")] = None,
    assignee: Annotated[str | None, Query(description="User by login or id, `me`, or `none`.")] = None,
    verdict: Annotated[str | None, Query(description="spam, ham or unsure")] = None,
    contact: Annotated[int | None, Query(ge=1, description="Of the person who is this contact.")] = None,
    responsible: Annotated[str | None, Query(description="User by login or id, `me`, or `none`.")] = None,
    priority: Annotated[PriorityWord | None, Query(description="How urgent.")] = None,
    tag: Annotated[str | None, Query(description="Tags that it has, all of them: a, or a,b.")] = None,
    watching: Annotated[bool, Query(description="Only what you watch.")] = False,
    waiting: Annotated[bool | None, Query(description="Whether somebody waits for an answer.")] = None,
    unread: Annotated[bool | None, Query(description="Whether you have not seen its newest mail.")] = None,
    attachments: Annotated[bool | None, Query(description="Whether a message of it has files.")] = None,
    order: Annotated[
        TicketOrder,
        Query(
            description="waiting: who waits longest first, then where nobody waits; activity: the newest message"
            " first; created, number: the newest ticket first; priority: the most urgent first"
        ),
    ] = TicketOrder.ACTIVITY,
    limit: Limit = 50,
    after: Behind = None,
) -> TicketPage:
    """Tickets in the order asked for."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        wanted = TicketFilter(
            states=_states(state),
            mailbox=None if mailbox is None else mailbox_id(connection, call.account, mailbox),
            assignee=None if assignee is None else _assignee(connection, call, assignee),
            verdict=_verdict(verdict),
            contacts=None if contact is None else _of_person(connection, call, contact),
            responsible=None if responsible is None else _assignee(connection, call, responsible),
            priority=None if priority is None else Priority[priority.upper()],
            tags=() if tag is None else _tags(connection, call, tag),
            watched_by=_reader(call) if watching else None,
            waiting=waiting,
            has_attachments=attachments,
            unread_by=_reader(call) if unread else None,
            read_by=_reader(call) if unread is False else None,
        )
        return _page(call, connection, wanted, order, after, limit)


def _page(
    call: Call,
    connection: Connection,
    wanted: TicketFilter,
    order: TicketOrder,
    after: str | None,
    limit: int,
) -> TicketPage:
    place = None if after is None else _place(connection, call, after, order)
    rows: list[TicketRow] = []
    closed = set[int]()
    more = True
    while more and len(rows) < limit:
        asked = limit - len(rows)
        found = ticket_lists.list_tickets(
            connection, call.account, wanted, order, reader=call.actor.user, after=place, limit=asked
        )
        closed |= call.restricted(connection, [row.id for row in found])
        # A restricted row does not show its tags, so asking for a tag must not find it, nor shorten the page.
        rows += [row for row in found if not (wanted.tags and row.id in closed)]
        more = len(found) == asked
        place = ticket_lists.place_of(found[-1], order) if found else place

    items = named(call, connection, [views.ticket(row, restricted=row.id in closed) for row in rows])
    return TicketPage(items=items, next=str(place) if more and place else None)


def _place(connection: Connection, call: Call, after: str, order: TicketOrder) -> ListPlace:
    """Where a list goes on: behind a place, or behind where the ticket with this id stands now."""
    if not is_id(after):
        return place_from(after)
    row = ticket_lists.tickets_by_id(connection, call.account, [int(after)]).get(int(after))
    if row is None:
        raise BadRequest("there is no ticket with this id to go on after: begin the list anew")
    return ticket_lists.place_of(row, order)


def _tags(connection: Connection, call: Call, names: str) -> tuple[int, ...]:
    wanted = [tag_name(each) for each in names.split(",")]
    known = tags.find_tags(connection, call.account, wanted)
    if missing := [each for each in wanted if each not in known]:
        raise NotFound(f"there is no tag {missing[0]}")
    return tuple(known[each] for each in wanted)


def _reader(call: Call) -> int:
    if call.actor.user is None:
        raise BadRequest("the operator is no user: nothing is read or unread by them")
    return call.actor.user


def _of_person(connection: Connection, call: Call, contact: int) -> tuple[int, ...]:
    """Every contact of the person, whom the caller may read."""
    if not is_contact(connection, call.account, contact):
        raise NotFound(f"there is no contact {contact}")
    call.require_readable_contact(connection, contact)
    return tuple(contacts_of_persons(connection, call.account, [contact]))


def _verdict(verdict: str | None) -> str | None:
    if verdict is not None and verdict not in VERDICTS:
        raise BadRequest(f"no such verdict: {verdict}; there are {', '.join(VERDICTS)}")
    return verdict


def _states(state: str) -> tuple[str, ...] | None:
    if state == "all":
        return None
    wanted = tuple(state.split(","))
    if unknown := [each for each in wanted if each not in STATES]:
        raise BadRequest(f"no such state: {unknown[0]}; there are {', '.join(STATES)} and all")
    return wanted


def _assignee(connection: Connection, call: Call, name: str) -> int:
    if name == "none":
        return 0
    if name == "me":
        if call.actor.user is None:
            raise BadRequest("the operator is no user: no ticket is their")
        return call.actor.user
    return user_id(connection, call.account, name)


@router.get("/tickets/search")
def search_tickets(
    call: InAccount,
    query: Annotated[
        str, Query(min_length=1, max_length=1000, description="Words; all must occur in a message.")
    ],
    limit: Limit = 50,
    after: After = None,
) -> Page[shapes.Ticket]:
    """Tickets in which some message holds every word, by the newest such message; `after` counts messages."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        before = after if after is not None else 2**62
        found = search_readable(connection, call, query, before=before, limit=limit)
        tickets = _tickets_of(connection, call, found)
        items = named(call, connection, [views.ticket(row) for row in tickets])
    return Page(
        items=items,
        next=found[-1] if len(found) == limit else None,
    )


def _tickets_of(connection: Connection, call: Call, messages: list[int]) -> list[TicketRow]:
    by_message = message_lists.tickets_of_messages(connection, call.account, messages)
    ordered = list(dict.fromkeys(by_message[each] for each in messages if each in by_message))
    rows = ticket_lists.tickets_by_id(connection, call.account, ordered, reader=call.actor.user)
    return [rows[each] for each in ordered if each in rows]


@router.get("/tickets/{ticket}")
def show_ticket(call: InAccount, ticket: shapes.TicketName, after: After = None) -> TicketWithMessages:
    """One ticket, by id or number, with up to 200 messages after the one named. Its ETag is what `If-Match` takes."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        stored = the_ticket(connection, call, ticket)
        view = ticket_views.view(
            connection,
            call.account,
            stored.id,
            reader=call.actor.user,
            after=after or 0,
            messages=MESSAGES_SHOWN,
            notes=NOTES_SHOWN,
        )
        if view is None:
            raise NotFound(f"no such ticket: {ticket}")
        contents = contents_of(connection, call.account, view.messages, call.charges)
        (shown,) = named(call, connection, [views.ticket(view.ticket)])

    call.headers["ETag"] = tag_of(stored)
    return TicketWithMessages(
        **shown.model_dump(),
        participants=[shapes.made(shapes.Participant, each) for each in view.participants],
        messages=[views.message(row, contents[row.id], view.told) for row in view.messages],
        watchers=list(view.watchers),
        next=view.messages[-1].id if len(view.messages) == MESSAGES_SHOWN else None,
        notes=[views.note(row) for row in reversed(view.notes)],
    )


@router.get("/tickets/{ticket}/notes")
def list_notes(
    call: InAccount, ticket: shapes.TicketName, limit: Limit = 50, after: After = None
) -> Page[shapes.Note]:
    """Notes of a ticket, latest first."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        rows = message_lists.notes_of_ticket(
            connection, call.account, ticket_id(connection, call, ticket), before=after, limit=limit
        )
    return page(rows, views.note, limit)

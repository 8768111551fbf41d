"""/tickets and /search: what waits, and what words find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from mailhub.access.holds import concealed
from mailhub.callers.caller import Call
from mailhub.callers.searching import search_readable
from mailhub.errors import BadRequest
from mailhub.web.inbox import undoing
from mailhub.web.inbox.screens import Screen, go_to, show
from mailhub.web.inbox.session import Work
from storage.database import Connection
from storage.mail import message_lists
from storage.tickets import ticket_lists
from storage.tickets.ticket_lists import PLACE, TicketFilter, TicketOrder, TicketRow, place_from, place_of
from storage.words import TicketState

router = APIRouter(route_class=Screen)

ROWS = 50


@dataclass(frozen=True, slots=True)
class NamedView:
    """A list that has a name: what is in it, and what to say where nothing is."""

    title: str
    empty: str
    states: tuple[str, ...] = (TicketState.OPEN,)
    whose: str = "all"  # mine, nobody or all
    order: TicketOrder = TicketOrder.ACTIVITY


_BY_WAIT = TicketOrder.WAITING  # who waits longest first

VIEWS = {
    "open": NamedView("Open", "Nobody waits. New mail shows up here.", order=_BY_WAIT),
    "mine": NamedView("Mine", "Nothing is yours. Take a ticket with m.", whose="mine", order=_BY_WAIT),
    "nobody": NamedView("Nobody's", "Everything open has an owner.", whose="nobody", order=_BY_WAIT),
    "pending": NamedView("Pending", "We wait for nobody.", (TicketState.PENDING,)),
    "snoozed": NamedView("Snoozed", "Nothing is put off.", (TicketState.SNOOZED,)),
    "closed": NamedView("Closed", "Nothing was closed yet.", (TicketState.CLOSED,)),
    "spam": NamedView("Spam", "The filter found no spam, and nobody marked any.", (TicketState.SPAM,)),
    "trash": NamedView("Trash", "The trash is empty.", (TicketState.TRASH,)),
}


@router.get("/tickets")
def show_list(
    call: Work, view: str = "open", after: Annotated[str | None, Query(pattern=PLACE)] = None, done: str = ""
) -> Response:
    """A view in its order; ``after`` goes on behind a ticket. ``done`` is what was done a moment ago, to undo it."""
    call.require("ticket.read")
    if view not in VIEWS:
        raise BadRequest(f"there is no view of that name; there are {', '.join(VIEWS)}")
    chosen = VIEWS[view]
    wanted = TicketFilter(states=chosen.states, assignee=_assignee(call, chosen.whose))

    with call.house.database.read() as connection:
        rows = ticket_lists.list_tickets(
            connection,
            call.account,
            wanted,
            chosen.order,
            reader=call.actor.user,
            after=None if after is None else place_from(after),
            limit=ROWS,
        )
        restricted = call.restricted(connection, [row.id for row in rows])
    shown = [concealed(row) if row.id in restricted else row for row in rows]
    more = {"view": view, "after": str(place_of(rows[-1], chosen.order))} if len(rows) == ROWS else None

    return show(
        "list.html",
        views=VIEWS,
        view=view,
        title=chosen.title,
        empty=chosen.empty,
        rows=shown,
        older=f"/tickets?{urlencode(more)}" if more else None,
        query="",
        done=undoing.of(done),
    )


def _assignee(call: Call, whose: str) -> int | None:
    return {"mine": call.actor.user, "nobody": 0}.get(whose)


@router.get("/search")
def search(
    call: Work,
    q: Annotated[str, Query(max_length=1000)] = "",
    after: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Tickets in which some message holds every word, by the newest of them; a ticket's number leads straight to it.

    ``after`` goes on behind a message: a ticket stands on each page on which one of its messages is found.
    """
    call.require("ticket.read")
    words = q.strip()
    number = words.removeprefix("#")
    if number.isascii() and number.isdecimal() and len(number) < 10:
        return go_to(f"/tickets/{int(number)}")

    rows: list[TicketRow] = []
    found: list[int] = []
    if words:
        with call.house.database.read() as connection:
            found = search_readable(connection, call, words, before=after or 2**62, limit=ROWS)
            rows = _tickets_of(connection, call, found)
    more = {"q": words, "after": found[-1]} if len(found) == ROWS else None

    return show(
        "list.html",
        views=VIEWS,
        view="",
        title="Search",
        empty="No message has all of these words. Fewer words find more; ka* finds what begins with ka.",
        rows=rows,
        older=f"/search?{urlencode(more)}" if more else None,
        query=words,
        done=None,
    )


def _tickets_of(connection: Connection, call: Call, messages: list[int]) -> list[TicketRow]:
    """The tickets of these messages, in their order, as the caller has seen them."""
    by_message = message_lists.tickets_of_messages(connection, call.account, messages)
    ordered = dict.fromkeys(by_message[each] for each in messages if each in by_message)
    rows = ticket_lists.tickets_by_id(connection, call.account, ordered, reader=call.actor.user)
    return [rows[each] for each in ordered if each in rows]

"""Tickets as people see them: lists by keyset in several orders, and one. Reads only; the flows' own reads are theirs.

How a page is found, whatever the filter and the order, with the same number of statements:

    sizes   of each filter that an index answers: how many tickets it leaves, counted up to ``FEW``
    places  a filter that leaves few: these are read and sorted. None does: the order's index is walked state by
            state, and what the filters leave out is passed over; then that is at least one in some hundred
    rows    of these places, by id

So the work of a page is bounded by some thousand rows of an index, at a million tickets, on either engine. No count
over a list and no OFFSET anywhere: they kill the list at some 100,000 tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from storage.schema import (
    contact,
    contact_address,
    mailbox,
    message,
    ticket,
    ticket_mailbox,
    ticket_seen,
    ticket_tag,
    ticket_watcher,
    user,
)
from storage.tickets.tags import tags_of
from storage.words import TicketState

FEW = 2_000  # tickets that are read and sorted rather than walked past


class TicketOrder(StrEnum):
    """By what a list of tickets is ordered."""

    WAITING = "waiting"  # who waits longest first; then where nobody waits, by activity
    ACTIVITY = "activity"  # the newest message first
    CREATED = "created"  # the newest ticket first
    NUMBER = "number"  # the highest number first
    PRIORITY = "priority"  # the most urgent first, of these the newest ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """A ticket with the names of what it refers to. Instants are microseconds since the epoch, UTC."""

    id: int
    number: int
    mailbox: str
    subject: str
    state: str
    assignee: str | None
    contact_id: int | None
    contact_name: str | None
    contact: str | None  # the requester's address
    message_count: int
    verdict: str
    probability: float | None
    flood: bool
    merged_into: int | None
    may_belong_to: int | None
    created_at: int
    updated_at: int
    waiting_since: int | None
    last_activity_at: int
    snippet: str  # how the newest message begins
    has_attachments: bool
    unread: bool  # by the user who asked
    priority: int
    responsible: str | None
    snoozed_until: int | None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """What a list is limited to; None does not limit. ``assignee`` 0 means nobody; ``contacts``: of one person."""

    states: tuple[str, ...] | None = None
    mailbox: int | None = None
    assignee: int | None = None
    verdict: str | None = None
    contacts: tuple[int, ...] | None = None  # of one person
    responsible: int | None = None  # 0 means nobody
    priority: int | None = None
    tags: tuple[int, ...] = ()  # all of these
    watched_by: int | None = None  # a user
    waiting: bool | None = None
    has_attachments: bool | None = None
    unread_by: int | None = None  # a user
    read_by: int | None = None


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Where a page ends: in which part of the order, by which key, at which ticket."""

    part: str
    key: int
    ticket: int

    def __str__(self) -> str:
        return f"{self.part}{self.key}.{self.ticket}"


PLACE = r"^[acnpqw]-?[0-9]{1,18}\.[0-9]{1,18}$"  # what ``str`` of one is like


def place_from(text: str) -> ListPlace:
    """The place that a text, which is like ``PLACE``, stands for."""
    key, _, ticket_id = text[1:].partition(".")
    return ListPlace(text[0], int(key), int(ticket_id))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an order: tickets by a column, with the index that has them in this order below each state."""

    name: str
    column: Column[Any]
    descending: bool
    index: str
    by_state: bool = True
    only: ColumnElement[bool] | None = None


_WAITING = _Part(
    "w", ticket.c.waiting_since, False, "ticket_waiting", False, ticket.c.waiting_since.is_not(None)
)
_NOT_WAITING = _Part(
    "q", ticket.c.last_activity_at, True, "ticket_by_activity", only=ticket.c.waiting_since.is_(None)
)
_ACTIVITY = _Part("a", ticket.c.last_activity_at, True, "ticket_by_activity")
_PARTS: dict[TicketOrder, tuple[_Part, ...]] = {
    TicketOrder.WAITING: (_WAITING, _NOT_WAITING),
    TicketOrder.ACTIVITY: (_ACTIVITY,),
    TicketOrder.CREATED: (_Part("c", ticket.c.id, True, "ticket_by_state"),),
    TicketOrder.PRIORITY: (_Part("p", ticket.c.priority, True, "ticket_by_priority"),),
    TicketOrder.NUMBER: (_Part("n", ticket.c.number, True, "ticket_by_state_and_number"),),
}
_PRIMARY = "sqlite_autoindex_ticket_1"  # SQLite's name of the primary key's index


def list_tickets(
    connection: Connection,
    account_id: int,
    wanted: TicketFilter,
    order: TicketOrder = TicketOrder.ACTIVITY,
    *,
    reader: int | None = None,
    after: ListPlace | None = None,
    limit: int = 100,
) -> Sequence[TicketRow]:
    """Tickets in the order asked for, behind ``after``, as ``reader`` (a user) has seen them."""
    ids = _find(connection, account_id, wanted, order, after, limit)
    rows = tickets_by_id(connection, account_id, ids, reader=reader)
    return [rows[each] for each in ids]


def place_of(row: TicketRow, order: TicketOrder) -> ListPlace:
    """Where a list in this order goes on behind the row."""
    if order is TicketOrder.WAITING:
        if row.waiting_since is not None:
            return ListPlace(_WAITING.name, row.waiting_since, row.id)
        return ListPlace(_NOT_WAITING.name, row.last_activity_at, row.id)
    (part,) = _PARTS[order]
    return ListPlace(part.name, getattr(row, part.column.name), row.id)


def _find(
    connection: Connection,
    account_id: int,
    wanted: TicketFilter,
    order: TicketOrder,
    after: ListPlace | None,
    limit: int,
) -> Sequence[int]:
    """Ids of the tickets of a page, in order; a place of another order begins nowhere."""
    parts = _PARTS[order]
    if after is not None:
        known = [part.name for part in parts]
        parts = parts[known.index(after.part) :] if after.part in known else ()

    plan = _plan(connection, account_id, wanted)
    found: list[int] = []
    for part in parts:
        behind = after if after is not None and after.part == part.name else None
        query = _places(account_id, wanted, part, plan, behind, limit - len(found))
        found += [row.place for row in connection.execute(query)]
        if len(found) == limit:
            break

    return found


def tickets_by_id(
    connection: Connection, account_id: int, ids: Iterable[int], *, reader: int | None = None
) -> dict[int, TicketRow]:
    """These tickets, as ``reader`` (a user) has seen them; ids of other accounts are absent."""
    wanted = list(ids)
    query = _select(reader).where(ticket.c.account_id == account_id, ticket.c.id.in_(wanted))
    tags = tags_of(connection, account_id, wanted)
    return {row.id: row for row in _rows(connection, query, tags)}


def count_by_state(connection: Connection, account_id: int) -> dict[str, int]:
    """How many tickets are in each state: one pass over the state index."""
    query = (
        select(ticket.c.state, func.count()).where(ticket.c.account_id == account_id).group_by(ticket.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


# --- which tickets ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Way:
    """Tickets that an index finds: the condition, and SQLite's name of the index."""

    condition: ColumnElement[bool]
    index: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the tickets of a filter are found: read whole by these ways, or with () by walking the order."""

    few: tuple[_Way, ...]
    few_further: bool  # whether few are shown in the mailbox asked for besides their own


def _ways(account_id: int, wanted: TicketFilter) -> Iterator[tuple[_Way, ...]]:
    """Of each filter that could be read by indexes: by which, with the states where the index has them."""
    states = ticket.c.state.in_(wanted.states or tuple(TicketState))
    if wanted.mailbox is not None:  # first: see ``_plan``
        own = and_(ticket.c.mailbox_id == wanted.mailbox, states)
        yield _Way(own, "ticket_of_mailbox"), _further(account_id, wanted.mailbox)
    if wanted.contacts is not None:
        yield (_Way(ticket.c.contact_id.in_(wanted.contacts), "ticket_of_contact"),)
    if wanted.assignee:
        yield (_Way(and_(ticket.c.assignee_id == wanted.assignee, states), "ticket_of_assignee"),)
    if wanted.responsible:
        theirs = and_(ticket.c.responsible_id == wanted.responsible, states)
        yield (_Way(theirs, "ticket_of_responsible"),)
    for each in wanted.tags:
        yield (_Way(_tagged(account_id, each), _PRIMARY),)
    if wanted.watched_by is not None:
        yield (_Way(_watched(account_id, wanted.watched_by), _PRIMARY),)
    if wanted.waiting:
        yield (_Way(ticket.c.waiting_since.is_not(None), "ticket_waiting"),)
    if wanted.verdict is not None:
        yield (_Way(and_(ticket.c.verdict == wanted.verdict, states), "ticket_by_verdict"),)
    if wanted.states is not None:
        yield (_Way(states, "ticket_by_state"),)


def _further(account_id: int, mailbox_id: int) -> _Way:
    there = (ticket_mailbox.c.account_id == account_id, ticket_mailbox.c.mailbox_id == mailbox_id)
    return _Way(ticket.c.id.in_(select(ticket_mailbox.c.ticket_id).where(*there)), _PRIMARY)


def _tagged(account_id: int, tag_id: int) -> ColumnElement[bool]:
    there = (ticket_tag.c.account_id == account_id, ticket_tag.c.tag_id == tag_id)
    return ticket.c.id.in_(select(ticket_tag.c.ticket_id).where(*there))


def _watched(account_id: int, user_id: int) -> ColumnElement[bool]:
    there = (ticket_watcher.c.account_id == account_id, ticket_watcher.c.user_id == user_id)
    return ticket.c.id.in_(select(ticket_watcher.c.ticket_id).where(*there))


def _plan(connection: Connection, account_id: int, wanted: TicketFilter) -> _Plan:
    """The filter that leaves fewest tickets, if they are few; one statement."""
    ways = list(_ways(account_id, wanted))
    if not ways:
        return _Plan((), few_further=False)
    each = [_size(account_id, way) for several in ways for way in several]
    sizes = list(connection.execute(select(*each)).one())
    few_further = wanted.mailbox is not None and sizes[1] <= FEW

    totals = [sum(sizes.pop(0) for _ in several) for several in ways]
    least = min(totals)
    return _Plan(ways[totals.index(least)] if least <= FEW else (), few_further=few_further)


def _size(account_id: int, way: _Way) -> Any:
    some = select(literal(1).label("one")).where(ticket.c.account_id == account_id, way.condition)
    few = _by(some, way.index).limit(FEW + 1).subquery()
    return select(func.count()).select_from(few).scalar_subquery()


def _places(
    account_id: int, wanted: TicketFilter, part: _Part, plan: _Plan, behind: ListPlace | None, limit: int
) -> Select[tuple[int, int]]:
    own = [ticket.c.account_id == account_id, *_conditions(wanted)]
    if part.only is not None:
        own.append(part.only)
    if behind is not None:
        here = tuple_(part.column, ticket.c.id)
        there = tuple_(literal(behind.key), literal(behind.ticket))
        own.append(here < there if part.descending else here > there)

    chosen = select(part.column.label("key"), ticket.c.id.label("place")).where(*own)
    if plan.few:
        arms = [_by(chosen.where(way.condition), way.index) for way in plan.few]
    else:
        arms = [select(arm.subquery()) for arm in _walks(chosen, part, account_id, wanted, plan, limit)]

    # a few are read whole and then sorted: else PostgreSQL may walk an order to save the sort
    found = union_all(*arms).cte("found").prefix_with("MATERIALIZED")
    by = (found.c.key.desc(), found.c.place.desc()) if part.descending else (found.c.key, found.c.place)
    return select(found.c.key, found.c.place).order_by(*by).limit(limit)


def _walks(
    chosen: Any, part: _Part, account_id: int, wanted: TicketFilter, plan: _Plan, limit: int
) -> Iterator[Any]:
    """Beginnings of the order, state by state, each by the index that has it so; what is asked for is among them."""
    by = (part.column.desc(), ticket.c.id.desc()) if part.descending else (part.column, ticket.c.id)
    states = (wanted.states or tuple(TicketState)) if part.by_state else (None,)
    by_activity = part.column is ticket.c.last_activity_at

    for state in states:
        here = chosen if state is None else chosen.where(ticket.c.state == state)
        if by_activity and wanted.verdict is not None:
            yield _by(here, "ticket_by_verdict").order_by(*by).limit(limit)
        elif by_activity and wanted.assignee:
            yield _by(here, "ticket_of_assignee").order_by(*by).limit(limit)
        elif by_activity and wanted.mailbox is not None:
            own = here.where(ticket.c.mailbox_id == wanted.mailbox)
            yield _by(own, "ticket_of_mailbox").order_by(*by).limit(limit)
            further = _further(account_id, wanted.mailbox)
            index = further.index if plan.few_further else part.index
            yield _by(here.where(further.condition), index).order_by(*by).limit(limit)
        else:
            yield _by(here, part.index).order_by(*by).limit(limit)


def _by(query: Any, index: str) -> Any:
    """The query by this index: SQLite, which has no statistics, is told; PostgreSQL knows."""
    return query.with_hint(ticket, f"INDEXED BY {index}", "sqlite")


def _conditions(wanted: TicketFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.states is not None:
        yield ticket.c.state.in_(wanted.states)
    if wanted.mailbox is not None:
        yield or_(ticket.c.mailbox_id == wanted.mailbox, _also_in(wanted.mailbox))
    if wanted.assignee is not None:
        yield ticket.c.assignee_id == wanted.assignee if wanted.assignee else ticket.c.assignee_id.is_(None)
    if wanted.verdict is not None:
        yield ticket.c.verdict == wanted.verdict
    if wanted.contacts is not None:
        yield ticket.c.contact_id.in_(wanted.contacts)
    if wanted.responsible is not None:
        theirs = ticket.c.responsible_id
        yield theirs == wanted.responsible if wanted.responsible else theirs.is_(None)
    if wanted.priority is not None:
        yield ticket.c.priority == wanted.priority
    for each in wanted.tags:
        yield _has(ticket_tag, ticket_tag.c.tag_id == each)
    if wanted.watched_by is not None:
        yield _has(ticket_watcher, ticket_watcher.c.user_id == wanted.watched_by)
    if wanted.waiting is not None:
        yield ticket.c.waiting_since.is_not(None) if wanted.waiting else ticket.c.waiting_since.is_(None)
    if wanted.has_attachments is not None:
        yield ticket.c.attachments == int(wanted.has_attachments)
    if wanted.unread_by is not None:
        yield ~_seen(wanted.unread_by)
    if wanted.read_by is not None:
        yield _seen(wanted.read_by)


def _also_in(mailbox_id: int) -> ColumnElement[bool]:
    return _has(ticket_mailbox, ticket_mailbox.c.mailbox_id == mailbox_id)


def _has(table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a table has such a row of the ticket."""
    return exists().where(
        table.c.account_id == ticket.c.account_id, table.c.ticket_id == ticket.c.id, condition
    )


def _seen(reader: int) -> ColumnElement[bool]:
    """Whether a user has seen the newest mail that came in: as they said of the ticket, or else of all before."""
    looked = (
        select(ticket_seen.c.seen_at)
        .where(
            ticket_seen.c.account_id == ticket.c.account_id,
            ticket_seen.c.user_id == reader,
            ticket_seen.c.ticket_id == ticket.c.id,
        )
        .scalar_subquery()
    )
    reading = user.alias("reading")
    of_all = (
        select(reading.c.read_until)
        .where(reading.c.account_id == ticket.c.account_id, reading.c.id == reader)
        .scalar_subquery()
    )
    return func.coalesce(ticket.c.last_incoming_at, 0) <= func.coalesce(looked, of_all, 0)


# --- rows -------------------------------------------------------------------------------------------------------------


def _select(reader: int | None) -> Select[tuple[object, ...]]:
    address = (
        select(func.min(contact_address.c.address))
        .where(
            contact_address.c.account_id == ticket.c.account_id,
            contact_address.c.contact_id == ticket.c.contact_id,
        )
        .scalar_subquery()
    )
    made = {"flood", "mailbox", "assignee", "contact_name", "contact", "snippet", "has_attachments", "unread"}
    made |= {"responsible", "tags"}
    chosen = [ticket.c[name] for name in TicketRow.__slots__ if name not in made]
    answering = user.alias("answering")
    unread = literal(0) if reader is None else case((_seen(reader), 0), else_=1)

    return (
        select(
            *chosen,
            ticket.c.flood,
            mailbox.c.address.label("mailbox"),
            user.c.email.label("assignee"),
            answering.c.email.label("responsible"),
            contact.c.name.label("contact_name"),
            address.label("contact"),
            func.coalesce(message.c.snippet, "").label("snippet"),
            ticket.c.attachments.label("has_attachments"),
            unread.label("unread"),
        )
        .select_from(ticket)
        .outerjoin(
            mailbox, (mailbox.c.account_id == ticket.c.account_id) & (mailbox.c.id == ticket.c.mailbox_id)
        )
        .outerjoin(user, (user.c.account_id == ticket.c.account_id) & (user.c.id == ticket.c.assignee_id))
        .outerjoin(
            answering,
            (answering.c.account_id == ticket.c.account_id) & (answering.c.id == ticket.c.responsible_id),
        )
        .outerjoin(
            contact, (contact.c.account_id == ticket.c.account_id) & (contact.c.id == ticket.c.contact_id)
        )
        .outerjoin(
            message,
            (message.c.account_id == ticket.c.account_id) & (message.c.id == ticket.c.last_message_id),
        )
    )


_MARKS = ("flood", "has_attachments", "unread")


def _rows(
    connection: Connection, query: Select[tuple[object, ...]], tags: Mapping[int, Sequence[str]]
) -> list[TicketRow]:
    found = connection.execute(query).mappings()
    return [
        TicketRow(
            **{**row, **{name: bool(row[name]) for name in _MARKS}, "mailbox": row["mailbox"] or ""},
            tags=tuple(tags.get(row["id"], ())),
        )
        for row in found
    ]

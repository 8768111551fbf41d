"""Tickets as people see them: lists by keyset, and one. Reads only; the flows' own reads are in ``filing`` and theirs.

No count over a list and no OFFSET anywhere: they kill the list at some 100,000 tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, exists, func, or_, select

from storage.schema import contact, contact_address, mailbox, ticket, ticket_mailbox, user


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFilter:
    """What a list is limited to; None does not limit. ``assignee`` 0 means nobody; ``contacts``: of one person."""

    states: tuple[str, ...] | None = None
    mailbox: int | None = None
    assignee: int | None = None
    verdict: str | None = None
    contacts: tuple[int, ...] | None = None


def list_tickets(
    connection: Connection,
    account_id: int,
    wanted: TicketFilter,
    *,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[TicketRow]:
    """Tickets newest first, each with an id below ``before``."""
    query = _filtered(_select().where(ticket.c.account_id == account_id), wanted)
    if before is not None:
        query = query.where(ticket.c.id < before)
    return _rows(connection, query.order_by(ticket.c.id.desc()).limit(limit))


def tickets_by_id(connection: Connection, account_id: int, ids: Iterable[int]) -> dict[int, TicketRow]:
    """These tickets; ids of other accounts are absent."""
    query = _select().where(ticket.c.account_id == account_id, ticket.c.id.in_(list(ids)))
    return {row.id: row for row in _rows(connection, query)}


def count_by_state(connection: Connection, account_id: int) -> dict[str, int]:
    """How many tickets are in each state: one pass over the state index."""
    query = (
        select(ticket.c.state, func.count()).where(ticket.c.account_id == account_id).group_by(ticket.c.state)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def _select() -> Select[tuple[object, ...]]:
    address = (
        select(func.min(contact_address.c.address))
        .where(
            contact_address.c.account_id == ticket.c.account_id,
            contact_address.c.contact_id == ticket.c.contact_id,
        )
        .scalar_subquery()
    )
    chosen = [column for column in ticket.c if column.name in TicketRow.__slots__ and column.name != "flood"]

    return (
        select(
            *chosen,
            (ticket.c.flood == 1).label("flood"),
            mailbox.c.address.label("mailbox"),
            user.c.email.label("assignee"),
            contact.c.name.label("contact_name"),
            address.label("contact"),
        )
        .select_from(ticket)
        .outerjoin(
            mailbox, (mailbox.c.account_id == ticket.c.account_id) & (mailbox.c.id == ticket.c.mailbox_id)
        )
        .outerjoin(user, (user.c.account_id == ticket.c.account_id) & (user.c.id == ticket.c.assignee_id))
        .outerjoin(
            contact, (contact.c.account_id == ticket.c.account_id) & (contact.c.id == ticket.c.contact_id)
        )
    )


def _filtered(query: Select[tuple[object, ...]], wanted: TicketFilter) -> Select[tuple[object, ...]]:
    if wanted.states is not None:
        query = query.where(ticket.c.state.in_(wanted.states))
    if wanted.mailbox is not None:
        also = exists().where(
            ticket_mailbox.c.account_id == ticket.c.account_id,
            ticket_mailbox.c.ticket_id == ticket.c.id,
            ticket_mailbox.c.mailbox_id == wanted.mailbox,
        )
        query = query.where(or_(ticket.c.mailbox_id == wanted.mailbox, also))

    if wanted.assignee is not None:
        query = query.where(
            ticket.c.assignee_id == wanted.assignee if wanted.assignee else ticket.c.assignee_id.is_(None)
        )

    if wanted.verdict is not None:
        query = query.where(ticket.c.verdict == wanted.verdict)
    if wanted.contacts is not None:
        query = query.where(ticket.c.contact_id.in_(wanted.contacts))

    return query


def _rows(connection: Connection, query: Select[tuple[object, ...]]) -> list[TicketRow]:
    found = connection.execute(query).mappings()
    return [
        TicketRow(**{**row, "flood": bool(row["flood"]), "mailbox": row["mailbox"] or ""}) for row in found
    ]

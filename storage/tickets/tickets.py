"""Rows of tickets: read, lock, add, change. Functions take a connection of the caller's transaction, commit nothing.

Invariants that the flows keep and tests hold: ``message_count`` is the number of the ticket's message rows; a message's
references lead to its own ticket; ``merged_into`` never makes a loop.
Not here: what an act means (``mailhub.tickets.acts``), filing (``filing``), lists (``ticket_lists``), moving messages
(``ticket_messages``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from storage.mail.filing import MERGE_HOPS, take_numbers
from storage.schema import FIRST_ID, ticket
from storage.words import TicketState


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket's row."""

    account_id: int
    id: int
    number: int
    mailbox_id: int
    contact_id: int | None
    subject: str
    state: str  # one of ``TicketState``
    state_before: str | None = None
    assignee_id: int | None = None
    merged_into: int | None = None
    may_belong_to: int | None = None
    flood: int = 0
    message_count: int
    verdict: str
    probability: float | None
    created_at: int
    updated_at: int
    priority: int = 0
    responsible_id: int | None = None
    snoozed_until: int | None = None


_COLUMNS = tuple(ticket.c[name] for name in Ticket.__slots__)


def _own(account_id: int, ticket_id: int) -> tuple[Any, Any]:
    return ticket.c.account_id == account_id, ticket.c.id == ticket_id


def ticket_key(id_or_number: int) -> Any:
    """The condition that finds a ticket by id or by number: ids begin where no number of a ticket ever comes."""
    return ticket.c.id == id_or_number if id_or_number >= FIRST_ID else ticket.c.number == id_or_number


def find_ticket(connection: Connection, account_id: int, id_or_number: int) -> Ticket | None:
    """The ticket with this id or number."""
    query = select(*_COLUMNS).where(ticket.c.account_id == account_id, ticket_key(id_or_number))
    row = connection.execute(query).one_or_none()
    return Ticket(**row._mapping) if row else None


def lock_tickets(connection: Connection, account_id: int, tickets: Iterable[int]) -> Mapping[int, Ticket]:
    """The tickets by id, locked in key order until the commit (PostgreSQL; SQLite has one writer anyway)."""
    query = select(*_COLUMNS).where(ticket.c.account_id == account_id, ticket.c.id.in_(sorted(tickets)))
    rows = connection.execute(query.order_by(ticket.c.id).with_for_update())
    return {row.id: Ticket(**row._mapping) for row in rows}


def merge_chain(connection: Connection, account_id: int, ticket_id: int) -> Sequence[int]:
    """The ticket and those it was merged into, one after the other, the last of them live; () when one is gone."""
    chain = [ticket_id]
    while len(chain) <= MERGE_HOPS:
        row = connection.execute(
            select(ticket.c.merged_into).where(*_own(account_id, chain[-1]))
        ).one_or_none()
        if row is None:
            return ()
        if row.merged_into is None:
            return chain
        chain.append(row.merged_into)
    return ()


def live_end(connection: Connection, account_id: int, ticket_id: int) -> int | None:
    """The ticket that this one was merged into in the end, or itself; None when it is gone."""
    chain = merge_chain(connection, account_id, ticket_id)
    return chain[-1] if chain else None


def merged_tickets(connection: Connection, account_id: int, tickets: Iterable[int]) -> Sequence[Ticket]:
    """All tickets that were merged into these, over any number of steps."""
    found: dict[int, Ticket] = {}
    wanted = set(tickets)

    for _ in range(MERGE_HOPS):
        query = select(*_COLUMNS).where(ticket.c.account_id == account_id, ticket.c.merged_into.in_(wanted))
        fresh = {row.id: Ticket(**row._mapping) for row in connection.execute(query) if row.id not in found}
        if not fresh:
            break
        found.update(fresh)
        wanted = set(fresh)

    return list(found.values())


def list_purging(connection: Connection, account_id: int) -> Sequence[int]:
    """Ids of tickets that are going for good."""
    own = (ticket.c.account_id == account_id, ticket.c.state == TicketState.PURGING)
    return connection.execute(select(ticket.c.id).where(*own).order_by(ticket.c.id)).scalars().all()


def list_due_snoozes(connection: Connection, account_id: int, now: int, *, limit: int) -> Sequence[int]:
    """Ids of snoozed tickets whose date has come, the longest due first."""
    own = (
        ticket.c.account_id == account_id,
        ticket.c.snoozed_until <= now,
        ticket.c.state == TicketState.SNOOZED,
    )
    query = select(ticket.c.id).where(*own).order_by(ticket.c.snoozed_until).limit(limit)
    return connection.execute(query).scalars().all()


def change_ticket(connection: Connection, account_id: int, ticket_id: int, *, at: int, **values: Any) -> None:
    """Set columns of a ticket, and when something last happened to it."""
    connection.execute(update(ticket).where(*_own(account_id, ticket_id)).values(updated_at=at, **values))


def add_ticket(
    connection: Connection,
    account_id: int,
    ticket_id: int,
    *,
    mailbox_id: int,
    contact_id: int | None,
    subject: str,
    verdict: str,
    probability: float | None,
    created_at: int,
    at: int,
) -> Ticket:
    """Insert an open ticket without messages; it gets the account's next number."""
    made = Ticket(
        account_id=account_id,
        id=ticket_id,
        number=take_numbers(connection, account_id, 1),
        mailbox_id=mailbox_id,
        contact_id=contact_id,
        subject=subject,
        state=TicketState.OPEN,
        message_count=0,
        verdict=verdict,
        probability=probability,
        created_at=created_at,
        updated_at=at,
    )
    values = {name: getattr(made, name) for name in Ticket.__slots__}
    connection.execute(insert(ticket).values(**values, last_activity_at=created_at, attachments=0))

    return made


def assigned_tickets(connection: Connection, account_id: int, user_id: int, *, limit: int) -> Sequence[int]:
    """Ids of tickets that are a user's, in any state, at most ``limit``, locked in key order until the commit."""
    own = (ticket.c.account_id == account_id, ticket.c.assignee_id == user_id)
    query = select(ticket.c.id).where(*own).order_by(ticket.c.id).limit(limit).with_for_update()
    return connection.execute(query).scalars().all()


def tickets_answered_for(
    connection: Connection, account_id: int, user_id: int, *, limit: int
) -> Sequence[int]:
    """Ids of tickets that a user is responsible for, as ``assigned_tickets``."""
    own = (ticket.c.account_id == account_id, ticket.c.responsible_id == user_id)
    query = select(ticket.c.id).where(*own).order_by(ticket.c.id).limit(limit).with_for_update()
    return connection.execute(query).scalars().all()


def hand_responsibility(
    connection: Connection, account_id: int, tickets: Sequence[int], user_id: int | None, *, at: int
) -> None:
    """Make another user, or nobody, responsible for tickets."""
    own = (ticket.c.account_id == account_id, ticket.c.id.in_(tickets))
    connection.execute(update(ticket).where(*own).values(responsible_id=user_id, updated_at=at))


def reassign(
    connection: Connection, account_id: int, tickets: Sequence[int], assignee: int | None, *, at: int
) -> None:
    """Give tickets to another user, or to nobody."""
    own = (ticket.c.account_id == account_id, ticket.c.id.in_(tickets))
    connection.execute(update(ticket).where(*own).values(assignee_id=assignee, updated_at=at))

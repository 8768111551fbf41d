"""What retention rules find: tickets that nothing happened to for long, and records of deliveries and refusals.

Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select

from storage.engine.by_date import Over
from storage.schema import intake, mailbox, refusal, ticket

Which = ColumnElement[bool]  # of the tickets: made by ``in_state``


def mailbox_ids(connection: Connection, account_id: int) -> dict[str, int]:
    """The account's mailboxes by address."""
    rows = connection.execute(
        select(mailbox.c.address, mailbox.c.id).where(mailbox.c.account_id == account_id)
    )
    return {row.address: row.id for row in rows}


def tickets_due(
    connection: Connection, account_id: int, which: Which, *, before: int, after: int, limit: int
) -> Sequence[int]:
    """Ids above ``after`` of tickets to which nothing happened since ``before``, in order. See ``in_state``."""
    own = (ticket.c.account_id == account_id, ticket.c.id > after, ticket.c.updated_at < before, which)
    return (
        connection.execute(select(ticket.c.id).where(*own).order_by(ticket.c.id).limit(limit)).scalars().all()
    )


def count_tickets_due(connection: Connection, account_id: int, which: Which, *, before: int) -> int:
    """How many such tickets there are."""
    own = (ticket.c.account_id == account_id, ticket.c.updated_at < before, which)
    return connection.execute(select(func.count()).where(*own)).scalar_one()


def in_state(state: str, *, mailbox_id: int | None, but: Sequence[int]) -> Which:
    """Tickets in a state: of one mailbox, or with None of all ``but`` those that have a rule of their own."""
    if mailbox_id is not None:
        return (ticket.c.state == state) & (ticket.c.mailbox_id == mailbox_id)
    return (ticket.c.state == state) & ticket.c.mailbox_id.not_in(but)


def is_due(connection: Connection, account_id: int, ticket_id: int, which: Which, *, before: int) -> bool:
    """Whether the ticket, which the caller locked, is due still."""
    return ticket_id in tickets_due(
        connection, account_id, which, before=before, after=ticket_id - 1, limit=1
    )


def deliveries_due(
    connection: Connection, account_id: int, *, before: int, after: int, limit: int
) -> Sequence[int]:
    """Which of the oldest records of deliveries are from before an instant. One in quarantine is no mere record."""
    own = (intake.c.account_id == account_id, intake.c.id > after, intake.c.fate != "quarantined")
    oldest = select(intake.c.id, intake.c.received_at).where(*own).order_by(intake.c.id).limit(limit)
    return [row.id for row in connection.execute(oldest) if row.received_at < before]


def delete_deliveries(connection: Connection, account_id: int, ids: Sequence[int]) -> int:
    """Delete records of deliveries; how many."""
    own = (intake.c.account_id == account_id, intake.c.id.in_(ids))
    return connection.execute(delete(intake).where(*own)).rowcount


def refusals_over(before: int) -> Over:
    """Counts of refusals from before an instant."""
    return Over(refusal, refusal.c.hour < before)

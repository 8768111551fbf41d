"""What users have seen of tickets. Functions take a connection of the caller's transaction and commit nothing.

A ticket is unread by a user when its newest mail came in after what they have seen of it (``ticket_seen``), or, where
they said nothing of it, after the instant up to which everything counts as seen (``user.read_until``).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from storage.schema import ticket, ticket_seen, user

NEVER = 0  # seen_at of a ticket that was marked as unread


def set_seen(
    connection: Connection, account_id: int, user_id: int, tickets: Sequence[int], *, seen: bool
) -> None:
    """The user has seen these tickets as they are now, or none of their mail."""
    own = (ticket_seen.c.account_id == account_id, ticket_seen.c.user_id == user_id)
    connection.execute(delete(ticket_seen).where(*own, ticket_seen.c.ticket_id.in_(tickets)))
    newest = select(ticket.c.id, ticket.c.last_incoming_at).where(
        ticket.c.account_id == account_id, ticket.c.id.in_(tickets)
    )
    rows = [
        {
            "account_id": account_id,
            "user_id": user_id,
            "ticket_id": row.id,
            "seen_at": (row.last_incoming_at or NEVER) if seen else NEVER,
        }
        for row in connection.execute(newest)
    ]
    if rows:
        connection.execute(insert(ticket_seen), rows)


def set_all_seen(connection: Connection, account_id: int, user_id: int, *, until: int) -> None:
    """Everything that came in before is seen by the user; what they said of single tickets is let go."""
    own = (user.c.account_id == account_id, user.c.id == user_id)
    connection.execute(update(user).where(*own).values(read_until=until))
    forget_seen(connection, account_id, user_id)


def forget_seen(connection: Connection, account_id: int, user_id: int) -> None:
    """Remove what is known of what a user has seen."""
    key = tuple_(*ticket_seen.primary_key.columns)
    own = (ticket_seen.c.account_id == account_id, ticket_seen.c.user_id == user_id)
    found = select(*ticket_seen.primary_key.columns).where(*own)
    connection.execute(delete(ticket_seen).where(key.in_(found)))

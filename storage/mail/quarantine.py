"""Rows of deliveries whose message could not be read. Functions take a connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from storage.schema import intake, message


def unreadable_message(connection: Connection, account_id: int, intake_id: int) -> tuple[int, int] | None:
    """(message, ticket) that this delivery's message was filed as, if it could not be read; None otherwise."""
    query = (
        select(message.c.id, message.c.ticket_id)
        .join(intake, (intake.c.account_id == message.c.account_id) & (intake.c.message_id == message.c.id))
        .where(intake.c.account_id == account_id, intake.c.id == intake_id, message.c.unreadable == 1)
    )
    row = connection.execute(query).one_or_none()
    return (row.id, row.ticket_id) if row else None


def set_fates(
    connection: Connection, account_id: int, fates: Mapping[int, tuple[str, str, int | None, int | None]]
) -> None:
    """Give deliveries another fate: (fate, reason, message, ticket) by delivery."""
    for number, (fate, reason, message_id, ticket_id) in fates.items():
        values = {"fate": fate, "reason": reason, "message_id": message_id, "ticket_id": ticket_id}
        own = (intake.c.account_id == account_id, intake.c.id == number)
        connection.execute(update(intake).where(*own).values(values))


def delete_deliveries_since(
    connection: Connection, account_id: int, first_id: int, messages: Sequence[int]
) -> None:
    """Remove the deliveries of these messages with ids from ``first_id`` on: what is filed anew has a row already."""
    own = (intake.c.account_id == account_id, intake.c.id >= first_id, intake.c.message_id.in_(messages))
    connection.execute(delete(intake).where(*own))

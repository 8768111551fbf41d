"""Who takes part in a ticket besides its requester. Functions take a connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from storage.schema import contact_address, participant


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One address of a ticket. ``role``: one of ``ParticipantRole``; a guest may not write into it."""

    address: str
    role: str
    contact_id: int | None


def list_participants(connection: Connection, account_id: int, ticket_id: int) -> Sequence[Participant]:
    """Everybody of a ticket, by address."""
    person = (contact_address.c.account_id == participant.c.account_id) & (
        contact_address.c.address == participant.c.address
    )
    query = (
        select(participant.c.address, participant.c.role, contact_address.c.contact_id)
        .outerjoin(contact_address, person)
        .where(participant.c.account_id == account_id, participant.c.ticket_id == ticket_id)
        .order_by(participant.c.address)
    )

    return [Participant(**row._mapping) for row in connection.execute(query)]


def add(connection: Connection, account_id: int, ticket_id: int, address: str, role: str) -> None:
    """Somebody takes part in a ticket, in whatever role they had there before."""
    own = (participant.c.account_id == account_id, participant.c.ticket_id == ticket_id)
    known = select(participant.c.role).where(*own, participant.c.address == address)
    if connection.execute(known).first() is not None:
        set_role(connection, account_id, ticket_id, address, role)
        return
    row = {"account_id": account_id, "ticket_id": ticket_id, "address": address, "role": role}
    connection.execute(insert(participant).values(row))


def set_role(connection: Connection, account_id: int, ticket_id: int, address: str, role: str) -> None:
    """Change what an address may do in a ticket."""
    own = (participant.c.account_id == account_id, participant.c.ticket_id == ticket_id)
    connection.execute(update(participant).where(*own, participant.c.address == address).values(role=role))

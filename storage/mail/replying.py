"""What answering a ticket needs to know of its people. Reads only; functions take a connection of the caller's."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from storage.privacy.contacts import addresses_of
from storage.privacy.persons import contacts_of_persons
from storage.schema import contact, message, participant
from storage.tickets.tickets import Ticket
from storage.words import ParticipantRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """The ticket's requester, and the message of theirs that an answer answers."""

    contact_id: int
    name: str
    address: str  # the one they last wrote from, lower case
    others: tuple[str, ...]  # further people the ticket was copied to, lower case
    last_message: int | None  # id of their last message in the ticket; None when there is none


def find_correspondent(connection: Connection, ticket: Ticket) -> Correspondent | None:
    """Whom an answer goes to; None when the ticket has no requester, or one without an address."""
    if ticket.contact_id is None:
        return None

    account_id = ticket.account_id
    people = contacts_of_persons(connection, account_id, [ticket.contact_id])
    addresses = addresses_of(connection, account_id, [ticket.contact_id])
    every = addresses_of(connection, account_id, people)
    person = (contact.c.account_id == account_id, contact.c.id == ticket.contact_id)
    name = connection.execute(select(contact.c.name).where(*person)).scalar_one_or_none()
    if name is None or not addresses:
        return None

    last = connection.execute(
        select(message.c.id, message.c.from_address)
        .where(
            message.c.account_id == account_id,
            message.c.ticket_id == ticket.id,
            message.c.contact_id.in_(people),
        )
        .order_by(message.c.id.desc())
        .limit(1)
    ).one_or_none()
    written = last.from_address.lower() if last else ""

    return Correspondent(
        contact_id=ticket.contact_id,
        name=name,
        address=written if written in every else min(addresses),
        others=_others(connection, ticket),
        last_message=last.id if last else None,
    )


def _others(connection: Connection, ticket: Ticket) -> tuple[str, ...]:
    query = select(participant.c.address).where(
        participant.c.account_id == ticket.account_id,
        participant.c.ticket_id == ticket.id,
        participant.c.role.in_((ParticipantRole.CC, ParticipantRole.MERGED)),
    )
    return tuple(connection.execute(query.order_by(participant.c.address)).scalars())

"""What people call what rows name by an id: tickets by number, users by login, contacts and mailboxes by address.

Ids are of one series, so an id alone says what it names. Reads only; who may see a name is the caller's to ask.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, func, select

from storage.schema import contact_address, mailbox, ticket, user

CHUNK = 500  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names by id; contacts apart, since not everybody who reads of an act may read of a contact."""

    things: dict[int, str]  # tickets, users, mailboxes
    contacts: dict[int, str]


def names_of(connection: Connection, account_id: int, ids: Collection[int]) -> Names:
    """The names of those of the ids that name a ticket, a user who is still there, a mailbox or a contact."""
    found = Names(things={}, contacts={})
    left = iter(sorted(set(ids)))
    while chunk := list(islice(left, CHUNK)):
        numbers = select(ticket.c.id, ticket.c.number).where(
            ticket.c.account_id == account_id, ticket.c.id.in_(chunk)
        )
        found.things.update({row.id: f"#{row.number}" for row in connection.execute(numbers)})
        logins = select(user.c.id, user.c.email).where(
            user.c.account_id == account_id, user.c.id.in_(chunk), user.c.deleted_at.is_(None)
        )
        found.things.update({row.id: row.email for row in connection.execute(logins)})
        served = select(mailbox.c.id, mailbox.c.address).where(
            mailbox.c.account_id == account_id, mailbox.c.id.in_(chunk)
        )
        found.things.update({row.id: row.address for row in connection.execute(served)})
        addresses = (
            select(contact_address.c.contact_id, func.min(contact_address.c.address).label("address"))
            .where(contact_address.c.account_id == account_id, contact_address.c.contact_id.in_(chunk))
            .group_by(contact_address.c.contact_id)
        )
        found.contacts.update({row.contact_id: row.address for row in connection.execute(addresses)})

    return found

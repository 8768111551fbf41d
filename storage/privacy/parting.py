"""An address that is not a contact's after all becomes another contact's, with what was written from it.

Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select

from storage.schema import contact, contact_address, ledger, message, ticket


def written_forms(connection: Connection, account_id: int, contact_id: int) -> Sequence[str]:
    """The addresses in From of what a contact wrote, each as it was written."""
    own = (message.c.account_id == account_id, message.c.contact_id == contact_id)
    return connection.execute(select(message.c.from_address).where(*own).distinct()).scalars().all()


def drop_address(connection: Connection, account_id: int, contact_id: int, address: str) -> None:
    """Let an address be nobody's."""
    own = (contact_address.c.account_id == account_id, contact_address.c.contact_id == contact_id)
    connection.execute(delete(contact_address).where(*own, contact_address.c.address == address))


def part(
    connection: Connection, account_id: int, old: int, new: int, *, address: str, forms: Collection[str]
) -> None:
    """A new contact with this address, and with what was written under these forms of it.

    Tickets go along whose first mail of the two is the new contact's; labels go with their messages.
    """
    theirs = (message.c.account_id == account_id, message.c.contact_id == old)
    written = (*theirs, message.c.from_address.in_(sorted(forms)))
    query = select(message.c.from_name, message.c.received_at).where(*written).order_by(message.c.id)
    rows = connection.execute(query).all()
    values = {"id": new, "name": rows[-1].from_name, "created_at": rows[0].received_at}
    connection.execute(insert(contact).values(account_id=account_id, **values))

    known = (contact_address.c.account_id == account_id, contact_address.c.contact_id == old)
    connection.execute(
        contact_address.update().where(*known, contact_address.c.address == address).values(contact_id=new)
    )
    connection.execute(message.update().where(*written).values(contact_id=new))
    moved = select(message.c.id).where(message.c.account_id == account_id, message.c.contact_id == new)
    labelled = (ledger.c.account_id == account_id, ledger.c.message_id.in_(moved))
    connection.execute(ledger.update().where(*labelled).values(contact_id=new))

    first = (
        select(message.c.contact_id)
        .where(
            message.c.account_id == account_id,
            message.c.ticket_id == ticket.c.id,
            message.c.contact_id.in_((old, new)),
        )
        .order_by(message.c.id)
        .limit(1)
        .scalar_subquery()
    )
    asked = (ticket.c.account_id == account_id, ticket.c.contact_id == old)
    connection.execute(ticket.update().where(*asked, first == new).values(contact_id=new))

"""Which rows were not there yet when an erasure gathered whom it means: they are a new contact's, or about one.

Told by ids, not by clocks, which two nodes need not share: every row there was has an id up to
``highest_id``. An id above it is a later row's; what another node made later with an id below it counts as
there before, which costs a round and leaves nothing out. Functions take a connection and change nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from storage.privacy import personal
from storage.privacy.personal import Key, Table
from storage.schema import contact_address, message, participant


def highest_id(connection: Connection, account_id: int) -> int:
    """The highest id of any row of the account that can name somebody; each by the end of its primary key."""
    ids = [
        connection.execute(select(func.max(table.c.id)).where(table.c.account_id == account_id)).scalar_one()
        for table, _ in personal.spoken_of()
        if "id" in table.primary_key.columns
    ]
    return max((each for each in ids if each is not None), default=0)


def is_later(connection: Connection, account_id: int, table: Table, key: Key, cut: int) -> bool:
    """Whether a row came after the cut. An address is as old as its contact, a participant as the ticket's
    last mail.
    """
    if "id" in table.primary_key.columns:
        return int(key[-1]) > cut
    if table is contact_address:
        own = (contact_address.c.account_id == account_id, contact_address.c.address == key[-1])
        contact = connection.execute(select(contact_address.c.contact_id).where(*own)).scalar_one_or_none()
        return contact is not None and contact > cut
    return table is participant and has_later_mail(connection, account_id, key[1], cut)


def has_later_mail(connection: Connection, account_id: int, ticket_id: int, cut: int) -> bool:
    """Whether the ticket got a message after the cut."""
    own = (message.c.account_id == account_id, message.c.ticket_id == ticket_id, message.c.id > cut)
    return connection.execute(select(message.c.id).where(*own).limit(1)).first() is not None

"""Who objected to their mail teaching the filter (GDPR art. 21), and what it still teaches.

An objection is a person's: of one of their contacts, it holds for all that are merged with it. Functions take a
connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, func, select, update

from storage.privacy.persons import contacts_of_persons, heads_of
from storage.schema import contact, ledger, message

_PERSON = func.coalesce(contact.c.merged_into, contact.c.id)


def set_objection(connection: Connection, account_id: int, contacts: Collection[int], at: int | None) -> None:
    """Note when these contacts objected, or with None that they do not any more."""
    own = (contact.c.account_id == account_id, contact.c.id.in_(sorted(contacts)))
    connection.execute(update(contact).where(*own).values(objected_at=at))


def objecting(connection: Connection, account_id: int, contacts: Collection[int]) -> set[int]:
    """Those of these contacts whose person objected. One statement where nobody of the account did."""
    own = (contact.c.account_id == account_id, contact.c.objected_at.is_not(None))
    persons = set(connection.execute(select(_PERSON).where(*own)).scalars())
    if not persons:
        return set()
    return {each for each, head in heads_of(connection, account_id, contacts).items() if head in persons}


def objecting_persons(connection: Connection) -> Sequence[tuple[int, int]]:
    """Account and standing contact of everybody who objected, of all accounts."""
    query = select(contact.c.account_id, _PERSON).where(contact.c.objected_at.is_not(None)).distinct()
    return [(row[0], row[1]) for row in connection.execute(query.order_by(contact.c.account_id))]


def still_teaching(
    connection: Connection, account_id: int, contact_id: int, *, after: int = 0, limit: int
) -> Sequence[int]:
    """Messages of the person who is this contact whose labels are in force, behind ``after``, by id."""
    people = contacts_of_persons(connection, account_id, [contact_id])
    of_message = (ledger.c.account_id == message.c.account_id) & (ledger.c.message_id == message.c.id)
    query = (
        select(message.c.id)
        .join(ledger, of_message)
        .where(message.c.account_id == account_id, message.c.contact_id.in_(people), message.c.id > after)
        .order_by(message.c.id)
        .limit(limit)
    )
    return connection.execute(query).scalars().all()

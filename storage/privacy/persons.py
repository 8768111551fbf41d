"""Which contacts are one person: some are *merged into* another, which stands for all of them and is merged into none.

One level, so that a person is found in two steps from any of their contacts. Functions take a connection of the
caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select, update

from storage.engine.bulk import select_in
from storage.privacy import contacts as contact_rows
from storage.schema import contact

CHUNK = 500  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePerson:
    """All that is known to be one person: addresses (lower case), and contacts, by id."""

    addresses: tuple[str, ...]
    contacts: tuple[int, ...]


_HEADS = select(contact.c.id, func.coalesce(contact.c.merged_into, contact.c.id)).where(
    contact.c.account_id == bindparam("account"), contact.c.id.in_(bindparam("keys", expanding=True))
)


def heads_of(connection: Connection, account_id: int, contacts: Collection[int]) -> Mapping[int, int]:
    """Of each of these contacts the one that stands for their person; those there are not are absent."""
    found: dict[int, int] = {}
    wanted = sorted(contacts)
    for start in range(0, len(wanted), CHUNK):
        found |= {
            row[0]: row[1] for row in select_in(connection, _HEADS, account_id, wanted[start : start + CHUNK])
        }
    return found


def contacts_of_persons(connection: Connection, account_id: int, contacts: Collection[int]) -> Sequence[int]:
    """These contacts and every other of the same persons, by id."""
    heads = sorted(set(heads_of(connection, account_id, contacts).values()))
    found = {*contacts, *heads}
    for start in range(0, len(heads), CHUNK):
        some = heads[start : start + CHUNK]
        query = select(contact.c.id).where(
            contact.c.account_id == account_id, contact.c.merged_into.in_(some)
        )
        found.update(connection.execute(query).scalars())
    return sorted(found)


def whole_person(
    connection: Connection, account_id: int, *, addresses: Sequence[str] = (), contacts: Sequence[int] = ()
) -> WholePerson:
    """Whoever has these addresses or is these contacts: what was merged with them, further addresses, plus forms.

    The addresses asked about come first, in their order.
    """
    known = dict.fromkeys(addresses)
    looked: set[str] = set()
    ids = {*contacts}
    more = True

    while more:
        for each in [address for address in known if address not in looked]:
            looked.add(each)
            known |= dict.fromkeys(contact_rows.plus_forms(connection, account_id, each))
        ids.update(contact_rows.contacts_of(connection, account_id, list(known)))
        ids.update(contacts_of_persons(connection, account_id, ids))
        known |= dict.fromkeys(contact_rows.addresses_of(connection, account_id, ids))
        more = not looked >= known.keys()

    return WholePerson(addresses=tuple(known), contacts=tuple(sorted(ids)))


def lock(connection: Connection, account_id: int, contacts: Collection[int]) -> Mapping[int, int | None]:
    """Lock these contacts, in the order of their ids; into which each is merged. Those there are not are absent."""
    own = (contact.c.account_id == account_id, contact.c.id.in_(sorted(contacts)))
    query = select(contact.c.id, contact.c.merged_into).where(*own).order_by(contact.c.id).with_for_update()
    return {row.id: row.merged_into for row in connection.execute(query)}


def merged_into(connection: Connection, account_id: int, head: int) -> Sequence[int]:
    """The contacts that are merged into this one, by id."""
    own = (contact.c.account_id == account_id, contact.c.merged_into == head)
    return connection.execute(select(contact.c.id).where(*own).order_by(contact.c.id)).scalars().all()


def link(connection: Connection, account_id: int, contacts: Collection[int], head: int | None) -> None:
    """Let these contacts be merged into ``head``, or with None into nobody."""
    own = (contact.c.account_id == account_id, contact.c.id.in_(sorted(contacts)))
    connection.execute(update(contact).where(*own).values(merged_into=head))


def dissolve(connection: Connection, account_id: int, heads: Collection[int]) -> int:
    """Let every contact of these persons stand for itself; how many did not."""
    own = (contact.c.account_id == account_id, contact.c.merged_into.in_(sorted(heads)))
    return connection.execute(update(contact).where(*own).values(merged_into=None)).rowcount


def is_of_person(account_id: int, head: Any) -> ColumnElement[bool]:
    """The condition on a contact's row that it is one of the person for whom ``head``, an id or a query of one, stands."""
    return (contact.c.account_id == account_id) & or_(contact.c.id == head, contact.c.merged_into == head)

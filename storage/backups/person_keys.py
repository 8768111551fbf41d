"""The live key store of backups: a sealed key for each contact, and one per account for the rest.

Durable state: ``person_key``. A key that is deleted here and in every key file makes its holder's part of
every backup unreadable. The values are sealed by the caller; this file never sees a key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, func, select, tuple_

from storage.schema import account, contact, person_key

CONTACT = "contact"
ACCOUNT = "account"
INSTALLATION = 0  # the "account" of what belongs to the service itself

Holder = tuple[int, str, int]  # account, kind, contact or 0


def find_keys(connection: Connection, holders: Collection[Holder]) -> dict[Holder, bytes]:
    """The sealed keys of those of up to some thousand holders that have one."""
    whose = tuple_(person_key.c.account_id, person_key.c.holder_kind, person_key.c.holder_id)
    rows = connection.execute(select(person_key).where(whose.in_(list(holders))))
    return {(row.account_id, row.holder_kind, row.holder_id): row.key for row in rows}


def add_keys(connection: Connection, made: Mapping[Holder, bytes]) -> dict[Holder, bytes]:
    """Keep a sealed key for each holder that has none; the keys in force. None is kept for who is gone meanwhile."""
    present = find_keys(connection, made)
    kept = {holder: made[holder] for holder in _living(connection, made.keys() - present.keys())}
    rows = [
        {"account_id": account_id, "holder_kind": kind, "holder_id": holder_id, "key": key}
        for (account_id, kind, holder_id), key in kept.items()
    ]
    if rows:
        connection.execute(person_key.insert(), rows)
    return present | kept


def _living(connection: Connection, holders: Collection[Holder]) -> set[Holder]:
    tenants = {account_id for account_id, _, _ in holders}
    accounts = set(connection.execute(select(account.c.id).where(account.c.id.in_(tenants))).scalars())
    own = tuple_(contact.c.account_id, contact.c.id)
    wanted = [(account_id, holder_id) for account_id, kind, holder_id in holders if kind == CONTACT]
    query = select(contact.c.account_id, contact.c.id).where(own.in_(wanted))
    people = {(account_id, contact_id) for account_id, contact_id in connection.execute(query)}

    return {
        (account_id, kind, holder_id)
        for account_id, kind, holder_id in holders
        if account_id == INSTALLATION
        or ((account_id, holder_id) in people if kind == CONTACT else account_id in accounts)
    }


def delete_contacts(connection: Connection, account_id: int, contacts: Collection[int]) -> int:
    """Destroy the live keys of contacts; how many there were. Needs a write transaction."""
    own = (person_key.c.account_id == account_id, person_key.c.holder_kind == CONTACT)
    return connection.execute(delete(person_key).where(*own, person_key.c.holder_id.in_(contacts))).rowcount


def delete_account(connection: Connection, account_id: int) -> int:
    """Destroy every live key of an account; how many there were. Needs a write transaction."""
    return connection.execute(delete(person_key).where(person_key.c.account_id == account_id)).rowcount


def highest_holder(connection: Connection) -> int:
    """The highest id that ever had a key which is still there; 0 for an empty store."""
    return connection.execute(select(func.max(person_key.c.holder_id))).scalar_one() or 0

"""The live key store of backups: a sealed key for each contact, and one per account for the rest.

Durable state: ``person_key``. A key that is deleted here and in every key file makes its holder's part of every backup
unreadable. The values are sealed by the caller; this file never sees a key.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, func, select

from .schema import account, contact, person_key

CONTACT, ACCOUNT = "contact", "account"
INSTALLATION = 0  # the "account" of what belongs to the service itself

Holder = tuple[int, str, int]  # account, kind, contact or 0


def find_key(connection: Connection, holder: Holder) -> bytes | None:
    """The sealed key of a holder; None when it has none."""
    found: bytes | None = connection.execute(select(person_key.c.key).where(*_own(holder))).scalar_one_or_none()
    return found


def _own(holder: Holder) -> tuple[ColumnElement[bool], ...]:
    account_id, kind, holder_id = holder
    return (
        person_key.c.account_id == account_id,
        person_key.c.holder_kind == kind,
        person_key.c.holder_id == holder_id,
    )


def add_key(connection: Connection, holder: Holder, sealed: bytes) -> bytes | None:
    """Keep a key, unless there is one; the key in force. None, and none is kept, when the holder is gone meanwhile."""
    present = find_key(connection, holder)
    if present is not None or not _lives(connection, holder):
        return present
    account_id, kind, holder_id = holder
    row = {"account_id": account_id, "holder_kind": kind, "holder_id": holder_id, "key": sealed}
    connection.execute(person_key.insert().values(row))
    return sealed


def _lives(connection: Connection, holder: Holder) -> bool:
    account_id, kind, holder_id = holder
    if account_id == INSTALLATION:
        return True
    query = select(func.count()).select_from(account).where(account.c.id == account_id)
    if kind == CONTACT:
        own = (contact.c.account_id == account_id, contact.c.id == holder_id)
        query = select(func.count()).select_from(contact).where(*own)
    return bool(connection.execute(query).scalar_one())


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

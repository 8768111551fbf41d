"""Every row of one account, found by walking the catalogue: removed some at a time, and looked for afterwards.

A tenant's and a directory's tables have ``account_id``; whatever table is added later is walked too. What
stays is named here. Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Connection, Delete, Select, Table, bindparam, delete, func, select, text, tuple_

from storage.catalogue import metadata
from storage.schema import OPERATOR_TABLES, message
from storage.tickets.removal import delete_messages

PROOF = frozenset(
    {"journal"}
)  # opaque ids only; anchors name its heads, so a missing chain would look like tampering
UNTIL_PURGED = frozenset({"tombstone", "person_tombstone"})  # a restored backup is cleaned by them
CONFIGURATION = (
    "address",
    "api_token",
    "session",
    "link",
    "allow_list",
    "access_grant",
    "imap_todo",
    "imap_folder",
    "imap_source",
    "idempotency",
    "mailbox_watch",
    "mailbox",
    "mail_domain",  # else nobody could serve the freed addresses
)
_ORPHANS_IN_INDEX = {
    "sqlite": "SELECT count(*) FROM message_index_docsize WHERE id NOT IN (SELECT id FROM message)",
    "postgresql": "SELECT count(*) FROM message_index WHERE account_id = :account",
}


@cache  # a walk of every table for every account that goes: to build the statements took most of its time
def _delete_some(table: Table) -> Delete:
    keys = [*table.primary_key.columns]
    some = select(*keys).where(table.c.account_id == bindparam("account")).limit(bindparam("at_most"))
    return delete(table).where(tuple_(*keys).in_(some))


@cache
def _count(table: Table) -> Select[int]:
    return select(func.count()).select_from(table).where(table.c.account_id == bindparam("account"))


@cache
def tables_of_accounts() -> Sequence[Table]:
    """Every table with rows of accounts, but the account's own row."""
    named = sorted(metadata.tables.values(), key=lambda table: table.name)
    return [table for table in named if table.name not in OPERATOR_TABLES and "account_id" in table.c]


def delete_configuration(connection: Connection, account_id: int) -> Mapping[str, int]:
    """Remove routes, pulls, ApiTokens, sessions, rules and mailboxes; rows gone by table."""
    gone = {}
    for name in CONFIGURATION:
        table = metadata.tables[name]
        gone[name] = connection.execute(delete(table).where(table.c.account_id == account_id)).rowcount
    return gone


def delete_some_messages(connection: Connection, account_id: int, *, limit: int) -> int:
    """Delete some messages with index entries, raw bytes and all that hangs on them; how many."""
    some = select(message.c.id).where(message.c.account_id == account_id).order_by(message.c.id).limit(limit)
    ids = connection.execute(some).scalars().all()
    delete_messages(connection, account_id, ids)
    return len(ids)


def delete_some(connection: Connection, table: Table, account_id: int, *, limit: int) -> int:
    """Delete some rows of an account in a table; how many."""
    return connection.execute(_delete_some(table), {"account": account_id, "at_most": limit}).rowcount


def rows_left(connection: Connection, account_id: int) -> Mapping[str, int]:
    """How many rows of the account each table still has, those without left out, and entries of the index."""
    left = {}
    for table in tables_of_accounts():
        left[table.name] = connection.execute(_count(table), {"account": account_id}).scalar_one()
    orphans = text(_ORPHANS_IN_INDEX[connection.dialect.name])
    wanted = {} if connection.dialect.name == "sqlite" else {"account": account_id}
    left["message_index"] = connection.execute(orphans, wanted).scalar_one()
    return {name: count for name, count in left.items() if count}

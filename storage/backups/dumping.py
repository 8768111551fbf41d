"""Every row that a backup holds, from one snapshot, each with its holder; and rows back into an empty database.

A message's rows go with who sent it, ours and notes with the ticket's requester, what names a known address
with whose it is; the rest with the account. A ticket goes in two: its shell with the account (others wrote in
it, too), its subject and requester with the requester. Derived data (the index of texts) and what
``LEFT_OUT`` names stay outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Table,
    and_,
    func,
    inspect,
    select,
    text,
    tuple_,
)

from storage.backups.person_keys import ACCOUNT, CONTACT, INSTALLATION, Holder
from storage.schema import contact, contact_address, message, metadata, raw, ticket

LEFT_OUT = frozenset(
    {
        "person_key",  # in the key file, as are the next six
        "tombstone",
        "person_tombstone",
        "redaction",
        "backup",
        "backup_target",
        "recovery_key",
        "half_restored",
        "idempotency",  # answers of the last 24 hours
        "letter_rate",
        "login_attempt",
        "clock_mark",
        "raw_pending",
    }
)
PERSONAL = "ticket.personal"  # the part of a ticket that is its requester's
PERSONAL_COLUMNS = ("subject", "contact_id")
STEP_ROWS = 500
STEP_SLICES = 32  # of up to 1 MiB each
_NAMING = {
    "participant": "address",
    "outbox": "recipient",
    "intake": "mail_from",
    "privacy_request": "address",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one table that have the same holder."""

    table: str
    holder: Holder
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


def dump(connection: Connection) -> Iterator[Sequence[Group]]:
    """Every group of every table, step by step. ``connection`` is one snapshot; memory is bounded by a step."""
    for table in metadata.sorted_tables:
        if table.name not in LEFT_OUT:
            for rows in _steps(connection, table):
                yield list(_grouped(table, rows))


def count_rows(connection: Connection) -> int:
    """How many rows ``dump`` gives, of the same snapshot."""
    tables = [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]
    counted = (connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)
    return sum(counted)


def _steps(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    key = list(table.primary_key.columns)
    query = _query(table).order_by(*key)
    step = STEP_SLICES if table is raw else STEP_ROWS
    rows = connection.execute(query.limit(step)).all()
    while rows:
        yield rows
        last = tuple(rows[-1][table.columns.keys().index(column.name)] for column in key)
        rows = connection.execute(query.where(tuple_(*key) > tuple_(*last)).limit(step)).all()


def _query(table: Table) -> Select[Any]:
    source: FromClause = table
    holders: list[ColumnElement[Any]] = []

    if table is contact:
        holders = [table.c.id]
    elif "contact_id" in table.c:
        holders = [table.c.contact_id]

    if "message_id" in table.c and table is not message:
        source = source.join(message, _same(table, message, "message_id"), isouter=table is not raw)
        of_ticket = and_(ticket.c.account_id == message.c.account_id, ticket.c.id == message.c.ticket_id)
        source = source.join(ticket, of_ticket, isouter=True)
        holders += [message.c.contact_id, ticket.c.contact_id]
    elif "ticket_id" in table.c:
        source = source.join(ticket, _same(table, ticket, "ticket_id"), isouter=True)
        holders += [ticket.c.contact_id]

    if named := _NAMING.get(table.name):
        theirs = and_(
            contact_address.c.account_id == table.c.account_id,
            contact_address.c.address == func.lower(table.c[named]),
        )
        source = source.join(contact_address, theirs, isouter=True)
        holders.insert(len(holders) if table.name == "intake" else 0, contact_address.c.contact_id)

    holder: Any = func.coalesce(*holders, 0) if holders else text("0")
    return select(*table.columns, holder).select_from(source)


def _same(table: Table, other: Table, name: str) -> ColumnElement[bool]:
    return and_(other.c.account_id == table.c.account_id, other.c.id == table.c[name])


def _grouped(table: Table, rows: Sequence[Any]) -> Iterator[Group]:
    columns = tuple(table.columns.keys())
    tenant = columns.index("account_id") if "account_id" in columns else None
    tenant = columns.index("id") if table.name == "account" else tenant
    groups: dict[Holder, list[Sequence[Any]]] = {}

    for *row, whose in rows:
        account_id = INSTALLATION if tenant is None else row[tenant]
        groups.setdefault((account_id, CONTACT if whose else ACCOUNT, whose), []).append(row)

    if table is not ticket:
        yield from (Group(table.name, holder, columns, kept) for holder, kept in groups.items())
        return

    for holder, kept in groups.items():
        yield Group(table.name, (holder[0], ACCOUNT, 0), columns, [_shell(columns, row) for row in kept])
        names = ("account_id", "id", *PERSONAL_COLUMNS)
        yield Group(PERSONAL, holder, names, [[row[columns.index(name)] for name in names] for row in kept])


def _shell(columns: Sequence[str], row: Sequence[Any]) -> list[Any]:
    hidden = {"subject": "", "contact_id": None}
    return [hidden.get(name, value) for name, value in zip(columns, row, strict=True)]


class Loader:
    """Puts groups into a database that has their schema and no rows. Needs one write transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._quote = connection.dialect.identifier_preparer.quote
        names = inspect(connection).get_table_names()
        self._columns = {name: {c["name"] for c in inspect(connection).get_columns(name)} for name in names}
        connection.execute(text("DELETE FROM id_block"))

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows of a table, or complete tickets; ValueError for what this schema does not have."""
        real = "ticket" if table == PERSONAL else table
        if not self._columns.get(real, set()).issuperset(columns):
            raise ValueError(f"the schema has no such table or columns: {table}")

        marks = [f":c{index}" for index in range(len(columns))]
        names = [self._quote(column) for column in columns]

        if table == PERSONAL:
            changes = [f"{names[index]} = {marks[index]}" for index in range(2, len(columns))]
            statement = f"UPDATE ticket SET {', '.join(changes)} WHERE account_id = :c0 AND id = :c1"  # noqa: S608 quoted, known names
        else:
            statement = f"INSERT INTO {self._quote(table)}({', '.join(names)}) VALUES({', '.join(marks)})"

        values = [{f"c{index}": value for index, value in enumerate(row)} for row in rows]
        if values:
            self._connection.execute(text(statement), values)

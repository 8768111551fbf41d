"""Rows that go when a message or a ticket goes, in every table that holds something of them.

What was labelled (ledger, mark) has rules of its own and stays; intake rows stay as the record of the
delivery's fate and lose what they quote of the message and what they point at.
``tests/tickets/test_removal.py`` walks the catalogue and fails when a table is added that names messages or
tickets and is not dealt with here. Needs a write transaction and commits nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, tuple_, update

from storage.mail.search import remove_from_index
from storage.schema import (
    draft,
    imap_copy,
    intake,
    mark_request,
    message,
    message_reference,
    note,
    outbox,
    participant,
    raw,
    raw_pending,
    redaction,
    ticket,
    ticket_mailbox,
    ticket_seen,
    ticket_tag,
    ticket_watcher,
)

CHUNK = 500  # ids in one statement, far below either engine's bound on parameters
OF_MESSAGE = (raw, raw_pending, redaction, message_reference, outbox, imap_copy, mark_request)
OF_TICKET = (draft, note, participant, ticket_mailbox, ticket_seen, ticket_tag, ticket_watcher)


def count_notes(connection: Connection, account_id: int, tickets: Iterable[int]) -> int:
    """How many notes stand on these tickets, those that were taken back among them."""
    found = 0
    for chunk in _chunks(sorted(tickets)):
        query = select(func.count()).select_from(note).where(keyed(note, "ticket_id", account_id, chunk))
        found += connection.execute(query).scalar_one()
    return found


def delete_messages(connection: Connection, account_id: int, messages: Sequence[int]) -> Mapping[str, int]:
    """Delete messages with all that hangs on them; rows gone by table. Ticket counts are the caller's to mend."""
    gone: dict[str, int] = {}
    for chunk in _chunks(messages):
        remove_from_index(connection, account_id, chunk)
        forget = {"message_id": None, "ticket_id": None, "trace": None}
        connection.execute(
            update(intake).where(keyed(intake, "message_id", account_id, chunk)).values(forget)
        )
        for table in OF_MESSAGE:
            _delete(connection, table, account_id, "message_id", chunk, gone)
        _delete(connection, message, account_id, "id", chunk, gone)
    return gone


def delete_tickets(connection: Connection, account_id: int, tickets: Sequence[int]) -> Mapping[str, int]:
    """Delete tickets without messages, with all that hangs on them; rows gone by table."""
    gone: dict[str, int] = {}
    for chunk in _chunks(tickets):
        connection.execute(
            update(intake).where(keyed(intake, "ticket_id", account_id, chunk)).values(ticket_id=None)
        )
        for table in OF_TICKET:
            _delete(connection, table, account_id, "ticket_id", chunk, gone)
        _delete(connection, ticket, account_id, "id", chunk, gone)
    return gone


def messages_of_tickets(connection: Connection, account_id: int, tickets: Iterable[int]) -> Sequence[int]:
    """Ids of all messages in these tickets, in order."""
    query = select(message.c.id).where(keyed(message, "ticket_id", account_id, tickets))
    return sorted(connection.execute(query).scalars())  # asked for an order, SQLite walks the messages by it


def first_messages(connection: Connection, account_id: int, ticket_id: int, *, limit: int) -> Sequence[int]:
    """The ticket's oldest messages."""
    own = (message.c.account_id == account_id, message.c.ticket_id == ticket_id)
    return (
        connection.execute(select(message.c.id).where(*own).order_by(message.c.id).limit(limit))
        .scalars()
        .all()
    )


def tickets_of_messages(
    connection: Connection, account_id: int, messages: Sequence[int]
) -> Mapping[int, int]:
    """Ticket of each of these messages, by message; ids of other accounts are absent."""
    query = select(message.c.id, message.c.ticket_id).where(keyed(message, "id", account_id, messages))
    return {row.id: row.ticket_id for row in connection.execute(query)}


def keyed(table: Table, key: str, account_id: int, ids: Iterable[int]) -> ColumnElement[bool]:
    """The account's rows with any of these ids, found by both columns of a key. As ``account_id = ? AND id IN
    (...)`` SQLite, which has no statistics, takes an index by the account alone: 60 ms and more in one of a
    million messages.
    """
    return tuple_(table.c.account_id, table.c[key]).in_([(account_id, each) for each in ids])


def _chunks(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def _delete(
    connection: Connection, table: Table, account_id: int, key: str, ids: Sequence[int], gone: dict[str, int]
) -> None:
    primary = tuple(
        table.primary_key.columns
    )  # found first: else SQLite walks a table without rowids by the account
    found = select(*primary).where(keyed(table, key, account_id, ids))
    statement = delete(table).where(tuple_(*primary).in_(found))
    gone[table.name] = gone.get(table.name, 0) + connection.execute(statement).rowcount

"""Looking into the outbox, and up the merges, costs the same however much was sent and however many tickets exist."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, text

from storage.database import Database
from storage.mail import outbox
from storage.schema import outbox as outbox_table
from storage.schema import ticket
from storage.tickets.tickets import merged_tickets
from storage.writer import WritingThread

SENT = {
    "account_id": 1, "message_id": 1, "ticket_id": 1, "kind": "reply", "mail_from": None, "recipient": "a@b",
    "state": "sent", "reason": "accepted", "attempts": 1, "created_at": 1, "not_after": 9, "done_at": 2, "reply": "250",
}  # fmt: skip
TICKET = {
    "account_id": 1, "mailbox_id": 1, "subject": "", "state": "open", "flood": 0, "message_count": 0,
    "verdict": "ham", "created_at": 1, "updated_at": 1,
}  # fmt: skip
ROWS = 3_000


@contextmanager
def explained(connection: Connection) -> Iterator[list[str]]:
    """The plans of all statements run within the block."""
    plans: list[str] = []
    prefix = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        cursor.execute(prefix + statement, parameters)
        plans.append(" ".join(str(row[-1]) for row in cursor.fetchall()))

    event.listen(connection, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(connection, "before_cursor_execute", explain)


@pytest.fixture
def grown(database: Database, writer: WritingThread) -> Database:
    """A database with many sent mails and open tickets, which the planner knows about."""
    sent = [{**SENT, "id": n, "next_attempt_at": n} for n in range(ROWS)]
    tickets = [{**TICKET, "id": n, "number": n} for n in range(ROWS)]
    writer.run(lambda tx: tx.connection.execute(insert(outbox_table), sent) and None)
    writer.run(lambda tx: tx.connection.execute(insert(ticket), tickets) and None)
    if not database.is_sqlite:
        with database.writing.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    return database


@pytest.mark.parametrize(
    ("look", "index"),
    [
        (outbox.next_due, "outbox_due"),
        (lambda connection: merged_tickets(connection, 1, [5]), "ticket_merged_into"),
    ],
)
def test_looks_use_their_index(grown: Database, look: Callable[[Connection], object], index: str) -> None:
    """What is looked for often is found by its small index, not by reading all rows."""
    with grown.read() as connection, explained(connection) as plans:
        look(connection)
    assert [index in plan for plan in plans] == [True]


def test_claims_use_the_index_of_what_is_queued(grown: Database, writer: WritingThread) -> None:
    """Claiming the next row does not read what was sent."""

    def claim(transaction: Any) -> list[str]:
        with explained(transaction.connection) as plans:
            outbox.claim_due(transaction.connection, ROWS, until=ROWS + 1)
        return plans

    plans = writer.run(claim)
    assert plans
    assert all("outbox_due" in plan for plan in plans), plans

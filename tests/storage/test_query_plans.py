"""Filing a batch never walks a table: every statement finds its rows by all the keys it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event

from storage.database import Database
from storage.filter import ledger
from storage.mail import derived, filing, outbox, raws, refusals
from storage.mail.filing import Rows, Wanted
from storage.mail.search import find_messages
from storage.privacy import contacts
from storage.proof import journal
from storage.tickets import notes, removal, tickets
from storage.writer import Transaction, WritingThread
from tests.houses.inbox import ACCOUNT, file_message, make_account


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """What the writer sends to the database."""
    seen: list[tuple[str, Any]] = []

    def listen(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database.writing, "before_cursor_execute", listen)
    yield seen
    event.remove(database.writing, "before_cursor_execute", listen)


def work(transaction: Transaction) -> None:
    """Everything that filing asks of the tables, once."""
    connection = transaction.connection
    wanted = Wanted(
        identities=[b"1" * 16, b"2" * 16],
        tombstones=[b"5" * 16, b"6" * 16],
        id_hashes=[b"3" * 16, b"4" * 16],
        addresses=["kim@customer.example", "lee@customer.example"],
        tickets=[1, 2],
        numbers=[1, 2],
        senders=["kim@customer.example", "customer.example"],
    )
    filing.load(connection, 1, wanted)
    filing.flood_ticket(connection, 1, mailbox=1, contact=7, since=0)
    filing.flood_ticket(connection, 1, mailbox=1, contact=None, since=0)
    filing.messages_by_id(connection, 1, [1, 2])
    rows = Rows()
    filing.touch(rows, 5, state="open", message=9, at=0, waits=True, incoming=True, files=False)
    filing.write(connection, 1, rows)
    refusals.add(connection, {("192.0.2.1", "junk"): 1}, at=0)
    find_messages(connection, 1, "word", before=9, limit=9)


@pytest.fixture
def sqlite_writer(sqlite_database: Database) -> Iterator[WritingThread]:
    started = WritingThread(sqlite_database)
    started.start()
    yield started
    started.close()


def plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """The steps by which SQLite executes a statement."""
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [str(row[3]) for row in rows]


def walked(database: Database, seen: list[tuple[str, Any]]) -> set[str]:
    """Steps of these statements that scan a table, or use an index by its account_id alone."""
    asked = [
        (sql, values)
        for sql, values in seen
        if re.match("SELECT|UPDATE|DELETE", sql) and "id_block" not in sql
    ]
    assert len(asked) >= 10
    with database.read() as connection:
        steps = {step for sql, values in asked for step in plan(connection, sql, flat(values))}
    bad = {
        step for step in steps if step.startswith("SCAN") and "VIRTUAL" not in step and "VALUES" not in step
    }
    return bad | {step for step in steps if step.endswith("(account_id=?)")}


def test_every_step_uses_all_its_keys(sqlite_database: Database, sqlite_writer: WritingThread) -> None:
    """No statement scans a table, and no index is used by its account_id alone."""
    with statements(sqlite_database) as seen:
        sqlite_writer.run(work)
    assert walked(sqlite_database, seen) == set()


def test_a_removal_walks_no_table_either(sqlite_database: Database, sqlite_writer: WritingThread) -> None:
    """Removing messages of an account of a million is the work of these messages: 155 ms a turn it was."""
    with statements(sqlite_database) as seen:
        sqlite_writer.run(lambda tx: removal.tickets_of_messages(tx.connection, 1, [1, 2, 3]))
        sqlite_writer.run(lambda tx: removal.delete_messages(tx.connection, 1, [1, 2, 3]))
        sqlite_writer.run(lambda tx: removal.messages_of_tickets(tx.connection, 1, [7, 8]))
        sqlite_writer.run(lambda tx: removal.delete_tickets(tx.connection, 1, [7, 8]))
        sqlite_writer.run(lambda tx: tickets.merged_tickets(tx.connection, 1, [7, 8]))
        sqlite_writer.run(lambda tx: tickets.lock_tickets(tx.connection, 1, [7, 8]))
        sqlite_writer.run(lambda tx: removal.first_messages(tx.connection, 1, 7, limit=9))
    assert walked(sqlite_database, seen) == set()


def test_what_belongs_to_a_message_or_ticket_is_found_by_it(
    sqlite_database: Database, sqlite_writer: WritingThread
) -> None:
    """Also where it is asked for in the order of ids: an account's table is not walked to save a sort of ten rows."""

    def ask(transaction: Transaction) -> None:
        connection = transaction.connection
        derived.find_received(connection, ACCOUNT, 101)
        notes.list_notes(connection, ACCOUNT, 7)
        notes.note_ids(connection, ACCOUNT, 7)
        outbox.rows_of_messages(connection, ACCOUNT, [1, 2])
        ledger.latest_marks(connection, ACCOUNT, [1, 2])
        ledger.last_words(connection, ACCOUNT, [1, 2])
        ledger.first_marks(connection, ACCOUNT, [1, 2])
        journal.of_object(connection, ACCOUNT, "ticket:7")
        journal.find_last(connection, ACCOUNT, "ticket:7", "ticket.close")
        raws.read(connection, ACCOUNT, 101)
        contacts.messages_of(connection, ACCOUNT, [7], limit=9)

    sqlite_writer.run(make_account)
    sqlite_writer.run(lambda tx: file_message(tx, 101))
    with statements(sqlite_database) as seen:
        sqlite_writer.run(ask)
    assert walked(sqlite_database, seen) == set()


def test_the_planner_is_told_of_every_index_that_begins_with_the_account(sqlite_database: Database) -> None:
    """From the schema alone: the statistics hold numbers, and nothing of any row."""
    with sqlite_database.read() as connection:
        told = connection.exec_driver_sql("SELECT tbl, idx, stat FROM sqlite_stat1").all()
        samples = connection.exec_driver_sql("SELECT count(*) FROM sqlite_stat4").scalar_one()
    assert {name for name, *_ in told} >= {"message", "intake", "ticket", "mark", "outbox", "contact_address"}
    assert all(re.fullmatch(r"1000000 1000000( \d+)*|1000000 1", stat) for *_, stat in told)
    assert samples == 0


def flat(values: Any) -> Any:
    """The first set of an executemany's parameters."""
    return values[0] if isinstance(values, list) else values

"""Lists of tickets in every order and by every filter: the same rows as a plain sort gives, by indexes alone."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from storage.database import Database
from storage.schema import ticket, ticket_mailbox, ticket_seen, ticket_tag, ticket_watcher
from storage.tickets import ticket_lists
from storage.tickets.ticket_lists import (
    ListPlace,
    TicketFilter,
    TicketOrder,
    TicketRow,
    list_tickets,
    place_of,
)
from storage.words import TicketState
from storage.writer import Transaction, WritingThread

ACCOUNT = 1
READER = 7
STATES = (TicketState.OPEN, TicketState.CLOSED, TicketState.SPAM)
TICKETS = 150

FILTERS = {
    "all": TicketFilter(),
    "open": TicketFilter(states=("open",)),
    "two states": TicketFilter(states=("open", "spam")),
    "mailbox": TicketFilter(mailbox=2),
    "open in a mailbox": TicketFilter(states=("open",), mailbox=2),
    "mine": TicketFilter(states=("open",), assignee=READER),
    "nobody's": TicketFilter(assignee=0),
    "verdict": TicketFilter(verdict="unsure"),
    "contact": TicketFilter(contacts=(3, 4)),
    "waiting": TicketFilter(waiting=True),
    "not waiting": TicketFilter(states=("open",), waiting=False),
    "files": TicketFilter(has_attachments=True),
    "unread": TicketFilter(states=("open",), unread_by=READER),
    "read": TicketFilter(read_by=READER),
    "answered for": TicketFilter(states=("open",), responsible=READER),
    "nobody answers for": TicketFilter(responsible=0),
    "urgent": TicketFilter(priority=2),
    "tagged": TicketFilter(tags=(5,)),
    "tagged twice": TicketFilter(states=("open", "closed"), tags=(5, 6)),
    "watched": TicketFilter(watched_by=READER),
    "several": TicketFilter(states=("open", "closed"), mailbox=2, assignee=READER, has_attachments=True),
}


@pytest.fixture
def office(database: Database, writer: WritingThread) -> Database:
    """Some tickets of every kind, their times partly the same, and some more of another account."""

    def fill(transaction: Transaction) -> None:
        drawn = random.Random(7)
        rows = [_row(drawn, account, number) for account in (ACCOUNT, 2) for number in range(1, TICKETS + 1)]
        transaction.connection.execute(insert(ticket), rows)
        further = [
            {"account_id": ACCOUNT, "ticket_id": number, "mailbox_id": 2}
            for number in range(1, TICKETS, 9)
            if rows[number - 1]["mailbox_id"] != 2
        ]
        transaction.connection.execute(insert(ticket_mailbox), further)
        seen = [
            {"account_id": ACCOUNT, "user_id": READER, "ticket_id": number, "seen_at": drawn.randrange(60)}
            for number in range(1, TICKETS, 2)
        ]
        transaction.connection.execute(insert(ticket_seen), seen)
        transaction.connection.execute(insert(ticket_tag), [_tagged(*each) for each in TAGGED])
        watched = [
            {"account_id": ACCOUNT, "user_id": READER, "ticket_id": number} for number in sorted(WATCHED)
        ]
        transaction.connection.execute(insert(ticket_watcher), watched)

    writer.run(fill)
    return database


TAGGED = [(5, number) for number in range(1, TICKETS, 3)] + [(6, number) for number in range(1, TICKETS, 2)]
WATCHED = set(range(1, TICKETS, 7))


def _tagged(tag: int, number: int) -> dict[str, int]:
    return {"account_id": ACCOUNT, "tag_id": tag, "ticket_id": number}


def _row(drawn: random.Random, account: int, number: int) -> dict[str, Any]:
    at = drawn.randrange(40)
    return {
        "account_id": account,
        "id": number,
        "number": number,
        "mailbox_id": drawn.choice((1, 2)),
        "contact_id": drawn.randrange(1, 9),
        "subject": "",
        "state": drawn.choice(STATES),
        "state_before": None,
        "assignee_id": drawn.choice((None, READER, 8)),
        "merged_into": None,
        "may_belong_to": None,
        "flood": 0,
        "message_count": 1,
        "verdict": drawn.choice(("ham", "unsure", "spam")),
        "probability": None,
        "created_at": at,
        "updated_at": at,
        "waiting_since": drawn.choice((None, at)),
        "last_activity_at": at,
        "last_incoming_at": at,
        "last_message_id": None,
        "attachments": drawn.choice((0, 1)),
        "priority": drawn.choice((-1, 0, 0, 1, 2)),
        "responsible_id": drawn.choice((None, READER, 8)),
    }


@contextmanager
def asked(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are read with meanwhile."""
    seen: list[tuple[str, Any]] = []

    def listen(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    event.listen(database._reading, "before_cursor_execute", listen)
    yield seen
    event.remove(database._reading, "before_cursor_execute", listen)


def pages(
    database: Database, wanted: TicketFilter, order: TicketOrder, size: int
) -> Sequence[Sequence[TicketRow]]:
    """The whole list, page by page."""
    found: list[Sequence[TicketRow]] = []
    after: ListPlace | None = None
    while not found or len(found[-1]) == size:
        with database.read() as connection:
            page = list_tickets(connection, ACCOUNT, wanted, order, reader=READER, after=after, limit=size)
        found.append(page)
        after = place_of(page[-1], order) if page else None
    return found


def plainly(rows: Sequence[TicketRow], order: TicketOrder) -> list[int]:
    """The ids in this order, by a plain sort."""
    if order is TicketOrder.WAITING:
        first = sorted(
            (r for r in rows if r.waiting_since is not None), key=lambda r: (r.waiting_since, r.id)
        )
        rest = [r for r in rows if r.waiting_since is None]
        return [r.id for r in (*first, *sorted(rest, key=lambda r: (-r.last_activity_at, -r.id)))]
    key = {
        TicketOrder.ACTIVITY: lambda r: (-r.last_activity_at, -r.id),
        TicketOrder.CREATED: lambda r: (-r.id,),
        TicketOrder.NUMBER: lambda r: (-r.number,),
        TicketOrder.PRIORITY: lambda r: (-r.priority, -r.id),
    }[order]
    return [r.id for r in sorted(rows, key=key)]


@pytest.mark.parametrize("few", [0, 2_000], ids=["walked", "read whole"])
@pytest.mark.parametrize("order", TicketOrder)
def test_a_list_is_what_a_plain_sort_gives(
    office: Database, monkeypatch: pytest.MonkeyPatch, order: TicketOrder, few: int
) -> None:
    """For every filter, in pages that meet without a gap or a double, whichever way the tickets are found."""
    monkeypatch.setattr(ticket_lists, "FEW", few)
    with office.read() as connection:
        everything = list_tickets(connection, ACCOUNT, TicketFilter(), reader=READER, limit=1000)
    for name, wanted in FILTERS.items():
        found = [row for page in pages(office, wanted, order, 13) for row in page]
        ids = {row.id for row in found}
        assert [row.id for row in found] == plainly([r for r in everything if r.id in ids], order), name
        assert {row.id for row in everything if _matches(row, wanted)} == ids, name


def _matches(row: TicketRow, wanted: TicketFilter) -> bool:
    """Whether the row is what was asked for; mailboxes and owners as the rows of ``_row`` have them."""
    facts = FACTS[row.id]
    return (
        (wanted.states is None or row.state in wanted.states)
        and (wanted.mailbox is None or wanted.mailbox in facts["mailboxes"])
        and (wanted.assignee is None or (facts["assignee_id"] or 0) == wanted.assignee)
        and (wanted.verdict is None or row.verdict == wanted.verdict)
        and (wanted.contacts is None or row.contact_id in wanted.contacts)
        and (wanted.responsible is None or (facts["responsible_id"] or 0) == wanted.responsible)
        and (wanted.priority is None or row.priority == wanted.priority)
        and all((tag, row.id) in TAGGED for tag in wanted.tags)
        and (wanted.watched_by is None or row.id in WATCHED)
        and (wanted.waiting is None or (row.waiting_since is not None) == wanted.waiting)
        and (wanted.has_attachments is None or row.has_attachments == wanted.has_attachments)
        and (wanted.unread_by is None or row.unread)
        and (wanted.read_by is None or not row.unread)
    )


def _facts() -> dict[int, dict[str, Any]]:
    drawn = random.Random(7)
    facts = {number: _row(drawn, ACCOUNT, number) for number in range(1, TICKETS + 1)}
    for number, row in facts.items():
        also = {2} if number % 9 == 1 and number < TICKETS else set()
        row["mailboxes"] = {row["mailbox_id"], *also}
    return facts


FACTS = _facts()


@pytest.mark.parametrize("few", [0, 2_000], ids=["walked", "read whole"])
def test_no_list_walks_the_table(office: Database, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Every filter in every order is planned by indexes with the account and more: nothing is scanned."""
    monkeypatch.setattr(ticket_lists, "FEW", few)
    for order in TicketOrder:
        for name, wanted in FILTERS.items():
            with asked(office) as seen:
                pages(office, wanted, order, 60)
            with office.read() as connection:
                walked = {step for sql, values in seen for step in _walks(connection, sql, values)}
            assert walked == set(), (order, name)


def _walks(connection: Connection, sql: str, values: Any) -> set[str]:
    """Steps that read a whole table, or an index by its account alone."""
    if not re.match(r"\s*(SELECT|WITH)", sql):
        return set()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a small table is read whole else
        steps = connection.exec_driver_sql(f"EXPLAIN {sql}", values).scalars().all()
        return {step for step in steps if "Seq Scan on" in step}
    steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]
    tables = r"SCAN (ticket\w*|tag|message|user|reading|answering|contact\w*|mailbox)\b"
    return {step for step in steps if re.match(tables, step) or step.endswith("(account_id=?)")}


def test_a_page_of_many_asks_no_more_than_one_of_few(office: Database) -> None:
    """At most six statements, whatever is asked for and however long the page is."""
    for order in TicketOrder:
        for wanted in FILTERS.values():
            counts = set()
            for size in (5, 100):
                with asked(office) as seen, office.read() as connection:
                    list_tickets(connection, ACCOUNT, wanted, order, reader=READER, limit=size)
                counts.add(len([sql for sql, _ in seen if re.match(r"\s*(SELECT|WITH)", sql)]))
            assert max(counts) <= 6

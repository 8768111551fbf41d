"""scripts/bench lists: what a page of tickets costs, by every order and filter, in an office of a million.

Makes the rows of tickets as an office has them (nine in ten closed, a few thousand open, ten users, one busy mailbox
and a rare one, tags common and rare) without their mail, on SQLite in a folder that is removed afterwards, and asks for
the first and the third page of each list as the API does. Milliseconds of the processor: median, 95 of 100.
Example: scripts/bench lists --tickets 100000
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from storage.database import Database
from storage.migrate import migrate
from storage.schema import ticket, ticket_seen, ticket_tag
from storage.tickets.ticket_lists import ListPlace, TicketFilter, TicketOrder, list_tickets, place_of

ACCOUNT = 1
PORTION = 20_000
PAGE = 50
COMMON, RARE = 1, 2  # tags; and mailboxes
LISTS = {
    "open": TicketFilter(states=("open",)),
    "all": TicketFilter(),
    "closed": TicketFilter(states=("closed",)),
    "my open ones": TicketFilter(states=("open",), assignee=3),
    "all mine": TicketFilter(assignee=3),
    "a rare mailbox": TicketFilter(mailbox=RARE),
    "the busy mailbox, closed": TicketFilter(states=("closed",), mailbox=COMMON),
    "one verdict": TicketFilter(states=("open", "closed"), verdict="unsure"),
    "one person": TicketFilter(contacts=(77,)),
    "a common tag": TicketFilter(tags=(COMMON,)),
    "a rare tag": TicketFilter(tags=(RARE,)),
    "both tags": TicketFilter(tags=(COMMON, RARE)),
    "unread": TicketFilter(states=("open",), unread_by=3),
    "waiting": TicketFilter(waiting=True),
    "urgent": TicketFilter(states=("open",), priority=2),
}


def rows_of(drawn: random.Random, tickets: int) -> Iterator[dict[str, Any]]:
    """The rows of tickets, the oldest first."""
    for number in range(1, tickets + 1):
        is_open = number > tickets * 0.98 and drawn.random() < 0.25
        spam = drawn.random() < 0.08
        waits = is_open and drawn.random() < 0.5
        yield {
            "account_id": ACCOUNT,
            "id": number,
            "number": number,
            "mailbox_id": RARE if drawn.random() < 0.0005 else COMMON,
            "contact_id": drawn.randrange(tickets // 5),
            "subject": "The oven",
            "state": "spam" if spam else "open" if is_open else "closed",
            "state_before": None,
            "assignee_id": drawn.randrange(10) or None,
            "merged_into": None,
            "may_belong_to": None,
            "flood": 0,
            "message_count": 3,
            "verdict": "spam" if spam else "unsure" if drawn.random() < 0.01 else "ham",
            "probability": 0.1,
            "created_at": number * 1000,
            "updated_at": number * 1000,
            "waiting_since": number * 1000 if waits else None,
            "last_activity_at": number * 1000 + drawn.randrange(10_000_000),
            "last_incoming_at": number * 1000,
            "last_message_id": None,
            "attachments": int(drawn.random() < 0.2),
            "priority": drawn.choice((0, 0, 0, 0, 0, 0, 0, 1, 2, -1)),
            "responsible_id": None,
            "snoozed_until": None,
        }


def fill(database: Database, tickets: int) -> None:
    """Make the office."""
    drawn = random.Random(7)
    portion: list[dict[str, Any]] = []
    for row in rows_of(drawn, tickets):
        portion.append(row)
        if len(portion) == PORTION or row["id"] == tickets:
            with database.writing.begin() as connection:
                connection.execute(insert(ticket), portion)
                connection.execute(insert(ticket_tag), list(_tags(drawn, portion)))
                seen = [{"account_id": ACCOUNT, "user_id": 3, "ticket_id": r["id"], "seen_at": r["created_at"]}
                        for r in portion if r["id"] % 2]  # fmt: skip
                connection.execute(insert(ticket_seen), seen)
            portion = []


def _tags(drawn: random.Random, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, int]]:
    for row in rows:
        for tag, share in ((COMMON, 0.1), (RARE, 0.0002)):
            if drawn.random() < share or row["id"] == tag:
                yield {"account_id": ACCOUNT, "tag_id": tag, "ticket_id": row["id"]}


def ask(database: Database, wanted: TicketFilter, order: TicketOrder, rounds: int) -> list[float]:
    """Milliseconds of the first and the third page, several times."""
    taken = []
    for _ in range(rounds):
        after: ListPlace | None = None
        for page in range(3):
            began = time.thread_time()
            with database.read() as connection:
                rows = list_tickets(connection, ACCOUNT, wanted, order, reader=3, after=after, limit=PAGE)
            if page != 1:
                taken.append((time.thread_time() - began) * 1000)
            if len(rows) < PAGE:
                break
            after = place_of(rows[-1], order)
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "office.sqlite3")
        migrate(database)
        fill(database, options.tickets)
        print(f"{options.tickets} tickets; pages of {PAGE}; processor milliseconds: median, 95 of 100")
        worst = 0.0
        for order in TicketOrder:
            for name, wanted in LISTS.items():
                taken = sorted(ask(database, wanted, order, options.rounds))
                high = taken[min(len(taken) - 1, int(len(taken) * 0.95))]
                worst = max(worst, high)
                print(f"{order:10} {name:28} {statistics.median(taken):8.1f} {high:8.1f}")
        print(f"worst: {worst:.1f}")
        database.close()


if __name__ == "__main__":
    main()

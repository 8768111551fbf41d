"""The ledger's own term: what a label taught is taken back when the label is old enough, however old its message is.

    due (any thread) -> messages whose label is older than the term --expire (writer, a portion at a time)--> gone

The row goes with everything that was ever said about its message, and the counts with it: the model stays the
fold of what is left. The message keeps its verdict, and remembers that it was a label. What a hold covers
stays. A step is a transaction of its own; a stop in between leaves the rest due. Must not: look at a clock,
or loop (the job does).
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.filter.models import Models
from mailhub.proof.act import Act
from storage.database import Connection
from storage.filter import labels, ledger
from storage.filter.ledger import Entry
from storage.privacy import holds
from storage.privacy.persons import contacts_of_persons
from storage.writer import Transaction

PORTION = 16  # labels of one turn of the writer


def expire(
    transaction: Transaction, models: Models, account: int, messages: Sequence[int], *, before: int, now: int
) -> int:
    """Take back labels given before an instant, of these messages (a portion); how many went. Commits nothing."""
    connection = transaction.connection
    with models.change(transaction, account) as change:
        found = ledger.entries_of(connection, account, messages)
        old = [row for row in found.values() if row.given_at < before]
        going = not_held(connection, account, old, now)
        for row in going:
            change.remove(row)

    gone = [row.message_id for row in going]
    ledger.forget_messages(connection, account, gone)
    labels.remember_labels(connection, account, gone)

    if gone:
        Act(transaction, "mailhub", account, now).record(
            "spam.expire", f"account:{account}", labels=len(gone)
        )

    return len(gone)


def not_held(connection: Connection, account: int, rows: Sequence[Entry], now: int) -> list[Entry]:
    """Those that no hold on the account, the person or the ticket keeps."""
    subjects = labels.find_labelled(connection, account, [row.message_id for row in rows])
    tickets = {message: each.ticket_id for message, each in subjects.items()}
    people = {row.contact_id for row in rows if row.contact_id is not None}
    found = holds.find_holds(connection, account, contacts=people, tickets=set(tickets.values()), now=now)
    if any(each.kind == "account" for each in found):
        return []

    named = {"contact": set[int](), "ticket": set[int]()}
    for each in found:
        if each.object_id is not None:
            named[each.kind].add(each.object_id)
    held = set(contacts_of_persons(connection, account, named["contact"]))
    return [
        row
        for row in rows
        if row.contact_id not in held and tickets.get(row.message_id) not in named["ticket"]
    ]

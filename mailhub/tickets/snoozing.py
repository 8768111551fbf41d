"""Tickets that were put off until a date, and open when it has come: a job; mail of a person opens them before.

Durable state: ``ticket.snoozed_until``; what is due follows from it. Each ticket opens in a turn of its own, and one
that cannot stops no other. Must not: put anything off (``tickets.acts``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter

from mailhub.errors import NotFound
from mailhub.proof.act import Act, perform
from mailhub.system.queues import Queue, by_turns, lines_of
from mailhub.tickets import acts
from storage.accounts import accounts
from storage.database import Database
from storage.tickets.tickets import list_due_snoozes
from storage.words import TicketState
from storage.writer import Writer

AT_ONCE = 500  # of one account in one look


def wake_due(database: Database, writer: Writer, *, now: int, stopping: Callable[[], bool] = bool) -> int:
    """Open every ticket whose date has come, the accounts by turns; how many."""
    queue = Queue(database, writer, "snoozes", now=now)
    woken = 0
    for account, ticket in by_turns(lines_of(list(_due(database, now)), itemgetter(0))):
        if stopping():
            break
        woken += bool(queue.run(account, ticket, _open, writer, account, ticket, now))
    return woken


def _due(database: Database, now: int) -> Iterator[tuple[int, int]]:
    after = 0
    while True:
        with database.read() as connection:
            page = accounts.list_accounts(connection, after=after)
            due = [(each.id, list_due_snoozes(connection, each.id, now, limit=AT_ONCE)) for each in page]
        if not page:
            return
        for account, tickets in due:
            yield from ((account, ticket) for ticket in tickets)
        after = page[-1].id


def _open(writer: Writer, account: int, ticket: int, now: int) -> bool:
    return writer.run(perform, _wake, "system", account, now, ticket)


def _wake(act: Act, ticket: int) -> bool:
    """Open one, unless somebody did something else with it meanwhile."""
    try:
        found = acts.locked(act.transaction, act.account, ticket)
    except NotFound:
        return False
    if found.state != TicketState.SNOOZED or found.snoozed_until is None or found.snoozed_until > act.now:
        return False
    acts.wake(act, ticket)
    return True

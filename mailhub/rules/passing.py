"""Rules that wait for time to pass: a job. Nothing happened to an open or pending ticket for so long -> FLOW 6.

Durable state: ``rule.looked_until``, up to which instant of last changes a rule has looked; a ticket is looked at once for
each time it is left alone. A turn looks at ``AT_ONCE`` tickets of a rule and state, and moves the mark in the same
transaction; a rule that fails stops no other. Must not: say what a rule does (``running``).
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter

from mailhub.proof.act import Act, perform
from mailhub.rules.facts import facts_of_ticket
from mailhub.rules.form import On
from mailhub.rules.matching import Ready
from mailhub.rules.running import Rules, asking, fire_one
from mailhub.system.queues import Queue, by_turns, lines_of
from storage.database import Database
from storage.rules import rules
from storage.tickets.ticket_lists import tickets_by_id
from storage.words import TicketState
from storage.writer import Writer

AT_ONCE = 200
STATES = (TicketState.OPEN, TicketState.PENDING)


def look(
    database: Database, writer: Writer, parts: Rules, *, now: int, stopping: Callable[[], bool] = bool
) -> int:
    """Let every rule on time look once, the accounts by turns; how many tickets were looked at."""
    due: list[tuple[int, Ready]] = []
    with database.read() as connection:
        accounts = rules.accounts_with_rules(connection)
        for account in accounts:
            due += [(account, rule) for rule in parts.book.of(connection, account).on.get(On.TIME, ())]
    parts.book.keep_only(accounts)

    queue = Queue(database, writer, "rules", now=now)
    seen = 0
    for account, rule in by_turns(lines_of(due, itemgetter(0))):
        if stopping():
            break
        seen += queue.run(account, rule.id, _look, writer, parts, account, rule, now) or 0
    return seen


def _look(writer: Writer, parts: Rules, account: int, rule: Ready, now: int) -> int:
    return writer.run(perform, _step, "system", account, now, parts, rule)


def _step(act: Act, parts: Rules, rule: Ready) -> int:
    """The tickets that became due since the rule last looked, and how far it has looked now."""
    connection = act.transaction.connection
    after = rules.looked_until(connection, act.account, rule.id)
    until = act.now - rule.rule.idle
    if after is None or after >= until:
        return 0

    found: list[int] = []
    for state in STATES:
        page = rules.untouched(connection, act.account, state, after=after, until=until, limit=AT_ONCE)
        if len(page) == AT_ONCE and page[0][0] != page[-1][0]:
            until = min(until, page[-1][0] - 1)  # those of the page's last instant may go on behind it
        found += [ticket for at, ticket in page]

    rows = tickets_by_id(connection, act.account, found)
    for ticket in found:
        row = rows.get(ticket)
        if row is not None and row.updated_at <= until:
            facts = facts_of_ticket(row, at=act.now, ticket=asking(act, ticket))
            fire_one(act, parts, rule, ticket, facts)
    rules.set_looked_until(connection, act.account, rule.id, until)
    return len(found)

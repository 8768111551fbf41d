"""Retention rules: what goes for good because its time is over. In the words of ISO/IEC 27555:

A *deletion rule* says of a *data cluster* (tickets in a state, in a mailbox or any; records of deliveries and
refusals) its *starting point* (when something last happened to the ticket; when the mail came) and its
*standard deletion period*; 0 is none. A mailbox's own rule stands in place of the general one. Deletion is
``removal``'s, as a purge's is: with what was taught to the filter, with tombstones, in short turns, each
asking again: still due, and not held?

Durable states: none of its own; stopped anywhere, the next run finds the rest due. Runs on every account that
is not deleted, also on sealed ones. Must not: look at a clock, delete what a hold covers (records stay while
anything of the account is held, since they name people).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mailhub.clock import DAY
from mailhub.config import Retention
from mailhub.errors import ConfigurationError
from mailhub.proof.act import MACHINE, Act
from mailhub.system.queues import Queue, by_turns
from mailhub.tickets.removal import Forget, remove_ticket_in_part
from storage.accounts import accounts
from storage.database import Connection, Database
from storage.privacy import holds, retaining
from storage.privacy.tombstones import Tombstones
from storage.tickets.tickets import lock_tickets
from storage.words import TicketState
from storage.writer import Transaction, Writer

STATES = (TicketState.SPAM, TicketState.TRASH, TicketState.CLOSED)
TICKETS_A_PAGE = 100
RECORDS_A_TURN = 200
ACTOR = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retaining:
    """What the rules work with."""

    database: Database
    writer: Writer
    settings: Retention
    forget: Forget
    tombstone_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One deletion rule of an account. ``mailbox`` "" is every one without a rule of its own for this state."""

    state: str
    mailbox: str
    mailbox_id: int | None
    but: tuple[int, ...]  # mailboxes with a rule of their own
    period: int  # microseconds; 0 never

    @property
    def days(self) -> float:
        return self.period / DAY


@dataclass(frozen=True, slots=True)
class Planned:
    """A rule, and how many tickets would go by it now: those that nothing holds."""

    rule: Rule
    due: int


def parse_mailboxes(settings: Retention) -> Mapping[str, Mapping[str, float]]:
    """``retention.mailboxes``: days by state by address, lower case. ``ConfigurationError`` says what is wrong."""
    found: dict[str, dict[str, float]] = {}
    for address, text in settings.mailboxes.items():
        for part in filter(None, (each.strip() for each in text.split(","))):
            state, _, days = part.partition(" ")
            if state not in STATES or not days.strip().replace(".", "", 1).isdecimal():
                raise ConfigurationError(
                    f'retention.mailboxes: "{part}" is not like "closed 180"; states: {STATES}'
                )
            found.setdefault(address.lower(), {})[state] = float(days)
    return found


def rules_of(connection: Connection, account: int, settings: Retention) -> list[Rule]:
    """The account's deletion rules, those of mailboxes first."""
    ids = retaining.mailbox_ids(connection, account)
    special = parse_mailboxes(settings)
    general: dict[str, float] = {
        TicketState.SPAM: settings.spam_days,
        TicketState.TRASH: settings.trash_days,
        TicketState.CLOSED: settings.closed_days,
    }
    rules = []

    for state in STATES:
        own = {address: days[state] for address, days in special.items() if address in ids and state in days}
        for address, days in own.items():
            rule = Rule(state=state, mailbox=address, mailbox_id=ids[address], but=(), period=int(days * DAY))
            rules.append(rule)
        but = tuple(ids[address] for address in own)
        rules.append(
            Rule(state=state, mailbox="", mailbox_id=None, but=but, period=int(general[state] * DAY))
        )

    return rules


def plan(database: Database, settings: Retention, account: int, *, now: int) -> list[Planned]:
    """The dry run: each rule and how many tickets would go by it. Reads only."""
    with database.read() as connection:
        return [
            Planned(rule, _count_going(connection, account, rule, now) if rule.period else 0)
            for rule in rules_of(connection, account, settings)
        ]


def _count_going(connection: Connection, account: int, rule: Rule, now: int) -> int:
    """The due tickets but the held ones, as a step of ``apply`` would find them; counted at once where
    nothing is held.
    """
    before = now - rule.period
    which = _which(rule)
    if not holds.any_hold(connection, account, now):
        return retaining.count_tickets_due(connection, account, which, before=before)

    going = 0
    after = 0
    while page := retaining.tickets_due(
        connection, account, which, before=before, after=after, limit=TICKETS_A_PAGE
    ):
        going += sum(not holds.find_holds_on_tickets(connection, account, [each], now) for each in page)
        after = page[-1]
    return going


def apply(context: Retaining, *, now: int, stopping: Callable[[], bool]) -> Mapping[str, int]:
    """Delete what is due, the accounts by turns; how much of each kind. Returns after the last commit."""
    tickets = Queue(context.database, context.writer, "retention", now=now)
    records = Queue(context.database, context.writer, "retention-records", now=now)
    some = list(_accounts(context.database))
    deleted = Counter[str]()

    for account, rule, ticket in by_turns({each: _due(context, each, now) for each in some}):
        if stopping():
            break
        done = tickets.run(account, ticket, _ticket, context, account, rule, ticket, now, stopping)
        deleted["tickets"] += bool(done)

    for account in some:
        deleted["deliveries"] += _deliveries(context, records, account, now, stopping)
    if context.settings.log_days:
        before = now - int(context.settings.log_days * DAY)
        deleted["refusals"] += records.sweep(MACHINE, retaining.refusals_over(before), stopping=stopping)

    return deleted


def _accounts(database: Database) -> Iterator[int]:
    after = 0
    while True:
        with database.read() as connection:
            page = accounts.list_accounts(connection, after=after)
        if not page:
            return
        yield from (each.id for each in page if each.stage not in ("deleted", "purged"))
        after = page[-1].id


# --- tickets ----------------------------------------------------------------------------------------------------------


def _due(context: Retaining, account: int, now: int) -> Iterator[tuple[int, Rule, int]]:
    """An account's tickets that are due, each with the rule by which it is."""
    with context.database.read() as connection:
        rules = [rule for rule in rules_of(connection, account, context.settings) if rule.period]
    for rule in rules:
        after = 0
        before = now - rule.period
        while page := _page(context, account, rule, before, after):
            yield from ((account, rule, ticket) for ticket in page)
            after = page[-1]


def _page(context: Retaining, account: int, rule: Rule, before: int, after: int) -> Sequence[int]:
    with context.database.read() as connection:
        return retaining.tickets_due(
            connection, account, _which(rule), before=before, after=after, limit=TICKETS_A_PAGE
        )


def _ticket(
    context: Retaining, account: int, rule: Rule, ticket: int, now: int, stopping: Callable[[], bool]
) -> bool:
    """Delete one ticket, its messages first, some in each turn; False when it is due no more, or held."""
    step = partial(_step, context=context, account=account, rule=rule, ticket=ticket, now=now)
    while not stopping():
        done = context.writer.run(step)
        if done is not None:
            return done
    return False


def _step(
    transaction: Transaction, *, context: Retaining, account: int, rule: Rule, ticket: int, now: int
) -> bool | None:
    """One turn: some messages (None: there is more), or the ticket (True); False when it stays."""
    connection = transaction.connection
    lock_tickets(connection, account, [ticket])
    due = retaining.is_due(connection, account, ticket, _which(rule), before=now - rule.period)
    if not due or holds.find_holds_on_tickets(connection, account, [ticket], now):
        return False

    tombstones = Tombstones(key=context.tombstone_key, at=now)
    removed = remove_ticket_in_part(
        transaction, account, ticket, forget=context.forget, tombstones=tombstones
    )
    if not removed.tickets:
        return None

    detail = {"state": rule.state, "days": rule.days, "tickets": list(removed.tickets)}
    _record(transaction, account, f"ticket:{ticket}", now, detail)

    return True


def _which(rule: Rule) -> retaining.Which:
    return retaining.in_state(rule.state, mailbox_id=rule.mailbox_id, but=rule.but)


# --- records ----------------------------------------------------------------------------------------------------------


def _deliveries(
    context: Retaining, queue: Queue, account: int, now: int, stopping: Callable[[], bool]
) -> int:
    """Delete records of deliveries that are older than their period; how many."""
    if not context.settings.log_days:
        return 0
    before = now - int(context.settings.log_days * DAY)
    deleted = after = 0

    def delete(transaction: Transaction, ids: Sequence[int]) -> int:
        connection = transaction.connection
        if holds.any_hold(connection, account, now):
            return 0
        _record(transaction, account, f"account:{account}", now, {"deliveries": len(ids)})
        return retaining.delete_deliveries(connection, account, ids)

    while not stopping():
        with context.database.read() as connection:
            if holds.any_hold(connection, account, now):
                break
            due = retaining.deliveries_due(
                connection, account, before=before, after=after, limit=RECORDS_A_TURN
            )
        if not due:
            break
        after = due[-1]
        rows = {each: each for each in due}
        deleted += sum(queue.together(account, rows, lambda ids: context.writer.run(delete, ids)))
    return deleted


def _record(transaction: Transaction, account: int, on: str, now: int, detail: Mapping[str, object]) -> None:
    Act(transaction, ACTOR, account, now).record("retention.delete", on, **detail)

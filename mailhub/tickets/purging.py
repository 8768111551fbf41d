"""A ticket goes for good, however many messages it has: asked for in one turn of the writer, carried out in short ones.

    begin       its state is ``purging``: nobody works on it, no mail joins it, nothing brings it back; on record
    carry_out   some messages a turn, with what they taught the filter; in the last turn the ticket, notes and shells
    go_on       (job) every ticket in that state: one that a stopped process left, or whose hold was lifted

Durable state: ``ticket.state``. Words of what went stay in the pages of the full-text index until the job
``index`` writes these anew (``storage.mail.search``). Must not: decide who may ask for it (``access``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from mailhub.access.holds import require_not_held
from mailhub.errors import Conflict
from mailhub.proof.act import Act
from mailhub.system.queues import Queue, by_turns, lines_of
from mailhub.tickets.acts import locked
from mailhub.tickets.removal import Forget, remove_ticket_in_part
from storage.accounts import accounts
from storage.database import Database
from storage.privacy.holds import find_holds_on_tickets
from storage.privacy.tombstones import Tombstones
from storage.tickets.removal import messages_of_tickets
from storage.tickets.tickets import change_ticket, find_ticket, list_purging, merged_tickets
from storage.words import TicketState
from storage.writer import Transaction, Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Purging:
    """What it works with. ``tombstone_key`` hashes what keeps the messages from coming back."""

    database: Database
    writer: Writer
    forget: Forget
    tombstone_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What is going: ids."""

    ticket: int
    tickets: tuple[int, ...]  # with the shells of those that were merged into it
    messages: tuple[int, ...]


def begin(act: Act, ticket: int) -> Purge:
    """From here on the ticket goes; cannot be undone. One that goes already is the same again.

    One that was merged away is a ``Conflict``: its messages are in another ticket now. So is one that is held.
    """
    connection = act.transaction.connection
    found = locked(act.transaction, act.account, ticket)
    if found.state == TicketState.MERGED:
        raise Conflict(f"ticket {found.number} was merged into another one: purge that, or unmerge it first")

    require_not_held(find_holds_on_tickets(connection, act.account, [found.id], act.now))
    shells = [each.id for each in merged_tickets(connection, act.account, [found.id])]
    going = tuple(sorted({found.id, *shells}))
    purge = Purge(
        ticket=found.id, tickets=going, messages=tuple(messages_of_tickets(connection, act.account, going))
    )

    if found.state != TicketState.PURGING:
        change_ticket(
            connection, act.account, found.id, at=act.now, state=TicketState.PURGING, state_before=None
        )
        ids = {"tickets": list(purge.tickets), "messages": list(purge.messages)}
        act.record("ticket.purge", f"ticket:{found.id}", **ids)

    return purge


def carry_out(
    parts: Purging, account: int, ticket: int, *, now: int, stopping: Callable[[], bool] = bool
) -> bool:
    """Remove a ticket that is ``purging``, turn by turn; False when a hold or the end of the process stopped it."""
    step = partial(_step, parts=parts, account=account, ticket=ticket, now=now)
    while not stopping():
        done = parts.writer.run(step)
        if done is not None:
            return done
    return False


def _step(transaction: Transaction, *, parts: Purging, account: int, ticket: int, now: int) -> bool | None:
    """One turn; None: there is more."""
    found = find_ticket(transaction.connection, account, ticket)
    if found is None or found.state != TicketState.PURGING:
        return True  # another one was faster
    if find_holds_on_tickets(transaction.connection, account, [ticket], now):
        return False
    tombstones = Tombstones(key=parts.tombstone_key, at=now)
    removed = remove_ticket_in_part(transaction, account, ticket, forget=parts.forget, tombstones=tombstones)
    return True if removed.tickets else None


def go_on(parts: Purging, *, now: int, stopping: Callable[[], bool] = bool) -> int:
    """Carry out what was begun and is not done, the accounts by turns; how many tickets went."""
    queue = Queue(parts.database, parts.writer, "purges", now=now)
    gone = 0

    for account, ticket in by_turns(lines_of(_left(parts.database), itemgetter(0))):
        if stopping():
            break
        done = queue.run(account, ticket, carry_out, parts, account, ticket, now=now, stopping=stopping)
        gone += bool(done)

    return gone


def _left(database: Database) -> list[tuple[int, int]]:
    """Account and id of every ticket that is ``purging``."""
    left: list[tuple[int, int]] = []
    after = 0
    while True:
        with database.read() as connection:
            page = accounts.list_accounts(connection, after=after)
            left += [(each.id, ticket) for each in page for ticket in list_purging(connection, each.id)]
        if not page:
            return left
        after = page[-1].id

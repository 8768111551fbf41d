"""How the rows of a queue get their turns: account by account, each alone, a failed one again later.

    lines of rows, one an account -> ``by_turns``: one row of each account in turn -> ``Queue.run``: its work, or, when
    that fails, a row of ``queue_fault`` that says why, how often, and when it is tried again

So a row that cannot be done stops no other, of its own account or of another, and who has many delays nobody
else's by more than one at a time. Rows with columns of their own for that (erasures, outbox, owed IMAP acts)
use those.

Durable state: ``queue_fault``, gone with the success. Must not: decide what is due (the tables do), or hold a
text that may quote a mail: a reason is one of ours, or the id of what the log says.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

import structlog

from mailhub import clock
from mailhub.errors import MailhubError
from mailhub.system.logs import new_error_id
from storage.database import Database
from storage.engine import queue_faults
from storage.engine.by_date import Key, Over, delete_keys, item_of, old_keys
from storage.engine.queue_faults import QueueFault
from storage.errors import StorageError
from storage.writer import Transaction, Writer

FIRST_WAIT = 10 * clock.SECOND
LONGEST_WAIT = 6 * clock.HOUR
DOUBLINGS = 20
ROWS_A_SWEEP = 200  # deleted in one turn

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
log = structlog.get_logger("mailhub.system.queues")


class Queue:
    """One look at one queue. ``now`` is the instant of the look: what failed in it is not tried again in it."""

    def __init__(self, database: Database, writer: Writer, name: str, *, now: int) -> None:
        self._database = database
        self._writer = writer
        self._name = name
        self._now = now
        with database.read() as connection:
            known = queue_faults.list_faults(connection, name)
        self._known = {(fault.account_id, fault.item): fault for fault in known}

    def waits(self, account: int, item: int) -> bool:
        """Whether this row failed and its next try is later."""
        fault = self._known.get((account, item))
        return fault is not None and fault.next_attempt_at > self._now

    def run(
        self, account: int, item: int, work: Callable[P, T], /, *args: P.args, **named: P.kwargs
    ) -> T | None:
        """Do the work of one row; None when it waits, or failed, which is on record then."""
        if self.waits(account, item):
            return None

        try:
            done = work(*args, **named)
        except Exception as error:  # noqa: BLE001 boundary: one row, whatever is in it
            self._note(account, item, error)
            return None

        self._forget(account, [item])
        return done

    def together(self, account: int, rows: Mapping[int, R], work: Callable[[Sequence[R]], T]) -> list[T]:
        """Do the work of some rows of an account in one go, or, when that fails, of each alone; what came of it.

        ``rows`` by their ids. Those that wait are left out.
        """
        ready = {item: row for item, row in rows.items() if not self.waits(account, item)}
        if not ready:
            return []

        if len(ready) > 1:
            with contextlib.suppress(Exception):  # whose fault it was is told when each runs alone
                done = work(list(ready.values()))
                self._forget(account, ready)
                return [done]

        alone = [self.run(account, item, work, [row]) for item, row in ready.items()]
        return [done for done in alone if done is not None]

    def sweep(self, account: int, over: Over, *, stopping: Callable[[], bool] = bool) -> int:
        """Delete rows that are over by their dates, a portion a turn; how many. One that cannot be stops no other."""
        after: Key | None = None
        deleted = 0
        while not stopping():
            with self._database.read() as connection:
                page = old_keys(connection, over, after=after, limit=ROWS_A_SWEEP)
            if not page:
                break
            after = page[-1]
            rows = {item_of(over, key): key for key in page}
            deleted += sum(self.together(account, rows, partial(self._delete, over)))
        return deleted

    def _delete(self, over: Over, keys: Sequence[Key]) -> int:
        return self._writer.run(lambda tx: delete_keys(tx.connection, over, keys))

    def _forget(self, account: int, items: Iterable[int]) -> None:
        for item in items:
            if self._known.pop((account, item), None) is not None:
                self._writer.run(_forget, account=account, queue=self._name, item=item)

    def _note(self, account: int, item: int, error: Exception) -> None:
        reason = reason_of(
            error, log, "a row of a queue failed", queue=self._name, account=account, item=item
        )
        before = self._known.get((account, item))
        attempts = before.attempts + 1 if before else 1
        fault = QueueFault(
            account_id=account,
            queue=self._name,
            item=item,
            attempts=attempts,
            first_at=before.first_at if before else self._now,
            next_attempt_at=self._now + wait_after(attempts),
            reason=reason,
        )

        self._writer.run(_put, fault=fault)
        self._known[account, item] = fault


def _put(transaction: Transaction, *, fault: QueueFault) -> None:
    queue_faults.put_fault(transaction.connection, fault)


def _forget(transaction: Transaction, *, account: int, queue: str, item: int) -> None:
    queue_faults.forget_fault(transaction.connection, account, queue, item)


def wait_after(attempts: int) -> int:
    """Microseconds until the next try: twice as long after each."""
    return min(FIRST_WAIT << min(attempts - 1, DOUBLINGS), LONGEST_WAIT)


def reason_of(error: Exception, logger: Any, event: str, **ids: object) -> str:
    """Log a failure under an id, and say why in words: ours hold no personal data; others' may, and stay unsaid."""
    error_id = new_error_id()
    if isinstance(error, MailhubError | StorageError):
        logger.warning(event, error_id=error_id, error=type(error).__name__, reason=str(error), **ids)
        return str(error)
    logger.exception(event, error_id=error_id, **ids)
    return f"a fault of mailhub: the log has it under {error_id}"


def lines_of(rows: Sequence[R], account_of: Callable[[R], int]) -> dict[int, Iterator[R]]:
    """The rows, as one line for each account."""
    lines: dict[int, list[R]] = {}
    for row in rows:
        lines.setdefault(account_of(row), []).append(row)
    return {account: iter(line) for account, line in lines.items()}


def by_turns(lines: dict[int, Iterator[R]], *, served: Iterable[int] = ()) -> Iterator[R]:
    """One row of each line, then the next of each. ``served``: accounts that had a turn, the latest last: they wait."""
    last = {account: place for place, account in enumerate(served, start=1)}
    waiting = deque(sorted(lines, key=lambda account: last.get(account, 0)))
    while waiting:
        account = waiting.popleft()
        for row in lines[account]:
            waiting.append(account)
            yield row
            break

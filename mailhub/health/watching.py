"""Keeps each mailbox's rhythm on record, and tells of silence, once an episode.

Durable state: ``mailbox_watch``. What is due follows from it alone: a mailbox is silent from its ``alarm_at``
on, and mail moves that. Not told in the first hour of a process: what could not come while it was down is
still on its way. Must not: decide what silence is (``mailhub.health.silence``), log an address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial, reduce
from operator import attrgetter, itemgetter

import structlog

from mailhub import clock
from mailhub.errors import NotFound
from mailhub.health import silence
from mailhub.health.silence import Rhythm
from mailhub.proof.act import Act
from mailhub.system.queues import Queue, by_turns, lines_of
from storage.database import Database
from storage.mail import mailboxes, watches
from storage.mail.watches import Watch
from storage.writer import Transaction, Writer

SETTLING_HOURS = 1
READ_AGAIN = (
    1_000  # deliveries of an account that are read at the start, for what a kill lost, or an upgrade brings
)
MAILBOXES_A_TURN = 10

log = structlog.get_logger("mailhub.watching")

Heard = Mapping[tuple[int, int], Sequence[int]]  # (account, mailbox) -> when mail came, in order


class Watching:
    """One for a process. ``look`` is woken each minute."""

    def __init__(
        self, database: Database, writer: Writer, take: Callable[[], Heard], *, started_at: int
    ) -> None:
        """``take`` gives what came since it was last asked."""
        self._database = database
        self._writer = writer
        self._take = take
        self._started_at = started_at
        self._read_again: set[int] | None = None  # accounts whose deliveries are to be read; None: all

    def look(self, *, now: int) -> int:
        """Put on record what came, and tell of what is silent by that; how many mailboxes are silent anew."""
        rhythms = Queue(self._database, self._writer, "rhythms", now=now)
        self._hear(self._read_deliveries(), rhythms)
        self._hear(self._take(), rhythms)
        return self._tell(now) if now - self._started_at >= SETTLING_HOURS * clock.HOUR else 0

    def _read_deliveries(self) -> Heard:
        """What is known from rows: at the start of every account, later of those whose rhythm could not be kept."""
        accounts = self._read_again
        self._read_again = set()
        if accounts is None:
            with self._database.read() as connection:
                accounts = {mailbox.account_id for mailbox in mailboxes.every_mailbox(connection)}

        heard: dict[tuple[int, int], list[int]] = {}
        for account in sorted(accounts):
            with self._database.read() as connection:
                rows = watches.newest_deliveries(connection, account, limit=READ_AGAIN)
            for mailbox, at in sorted(rows):
                heard.setdefault((account, mailbox), []).append(at)

        return heard

    def _hear(self, heard: Heard, queue: Queue) -> None:
        """Keep what came, some mailboxes a turn; what cannot be kept now is read from its rows again."""
        assert self._read_again is not None
        for account, line in lines_of(list(heard), itemgetter(0)).items():
            boxes = list(line)
            for start in range(0, len(boxes), MAILBOXES_A_TURN):
                portion = {box[1]: box for box in boxes[start : start + MAILBOXES_A_TURN]}
                queue.together(account, portion, partial(self._keep, heard))
            if any(queue.waits(*box) for box in boxes):
                self._read_again.add(account)

    def _keep(self, heard: Heard, boxes: Sequence[tuple[int, int]]) -> None:
        self._writer.run(_hear, heard=[(box, heard[box]) for box in boxes])

    def _tell(self, now: int) -> int:
        queue = Queue(self._database, self._writer, "silence", now=now)
        with self._database.read() as connection:
            due = watches.due_watches(connection, now=now)
        told = 0

        for watch in by_turns(lines_of(due, attrgetter("account_id"))):
            if queue.run(watch.account_id, watch.mailbox_id, self._writer.run, _silent, watch=watch, now=now):
                log.warning(
                    "a mailbox is silent: mailhub mailbox list",
                    mailbox=watch.mailbox_id,
                    hours=_hours(watch, now),
                )
                told += 1

        return told


def rhythm_of(watch: Watch) -> Rhythm | None:
    """What the row says of when mail came; None when none did yet."""
    if watch.first_at is None or watch.newest_at is None:
        return None
    return Rhythm(watch.first_at, watch.newest_at, int.from_bytes(watch.hours, "little"))


def with_limit(watch: Watch, limit_hours: int | None) -> Watch:
    """The row under another limit, which may end its silence or begin one."""
    rhythm = rhythm_of(watch)
    due = None if rhythm is None else silence.alarm_at(rhythm, limit_hours=limit_hours)
    return replace(watch, limit_hours=limit_hours, alarm_at=due, silent_at=None)


def set_limit(act: Act, mailbox: int, limit_hours: int | None) -> Watch:
    """Tell of a mailbox's silence by its own rhythm (None), after so many hours, or never (0)."""
    connection = act.transaction.connection
    if mailboxes.find_mailbox(connection, act.account, mailbox) is None:
        raise NotFound(f"no such mailbox: {mailbox}")

    known = watches.find_watch(connection, act.account, mailbox)
    watch = with_limit(known or Watch(account_id=act.account, mailbox_id=mailbox), limit_hours)
    watches.put_watch(connection, watch)
    act.record("mailbox.silence", f"mailbox:{mailbox}")

    return watch


def in_words(watch: Watch, *, now: int) -> str:
    """The silence of a mailbox, "" while it is not told."""
    rhythm = rhythm_of(watch)
    return "" if rhythm is None or watch.silent_at is None else silence.evidence(rhythm, now=now)


def _silent(transaction: Transaction, *, watch: Watch, now: int) -> bool:
    return watches.set_silent(transaction.connection, watch, at=now)


def _hear(transaction: Transaction, *, heard: Sequence[tuple[tuple[int, int], Sequence[int]]]) -> None:
    """Mail came to mailboxes: their silence, if it was one, is over."""
    for (account, mailbox), times in heard:
        known = watches.find_watch(transaction.connection, account, mailbox)
        known = known or Watch(account_id=account, mailbox_id=mailbox)
        later = _heard(known, times)
        if later != known:
            watches.put_watch(transaction.connection, later)


def _heard(watch: Watch, times: Sequence[int]) -> Watch:
    """The row after mail came then."""
    known = rhythm_of(watch)
    rhythm = reduce(Rhythm.heard, times, known or silence.begin(times[0]))
    if (
        known is None or rhythm.bits != known.bits or watch.limit_hours is not None
    ):  # what the alarm follows from
        due = silence.alarm_at(rhythm, limit_hours=watch.limit_hours)
        watch = replace(watch, hours=rhythm.bits.to_bytes(silence.SKETCH_BYTES, "little"), alarm_at=due)
    spoke = known is None or rhythm.newest_at > known.newest_at
    silent_at = None if spoke else watch.silent_at
    return replace(watch, first_at=rhythm.first_at, newest_at=rhythm.newest_at, silent_at=silent_at)


def _hours(watch: Watch, now: int) -> int:
    return (now - (watch.newest_at or now)) // clock.HOUR

"""What runs in the background, and how often it is woken. Each job finds out itself whether anything is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Protocol

import structlog

from mailhub import clock
from mailhub.accounts import lifecycle
from mailhub.accounts.steadiness import SANE, boot_time
from mailhub.backups.erasing import follow_owed
from mailhub.backups.expiring import expire
from mailhub.backups.making import make_due
from mailhub.callers.conditions import KEPT
from mailhub.filter import expiry
from mailhub.filter.mark_requests import give_due
from mailhub.filter.objections import take_back_due
from mailhub.health.watching import Watching
from mailhub.house import House
from mailhub.privacy import erasure, privacy_requests, retention
from mailhub.privacy.breaches import list_overdue
from mailhub.privacy.erasing.second_receipt import issue_second_receipts
from mailhub.proof import audit
from mailhub.rules import passing
from mailhub.service.scheduler import Job
from mailhub.system.queues import Queue, by_turns, lines_of
from mailhub.tickets import purging, sending, snoozing
from storage.database import Connection
from storage.engine import queue_faults
from storage.engine.by_date import Over
from storage.filter import ledger, mark_requests
from storage.mail import letter_rates, outbox, raws, search
from storage.people import idempotency, links, login_attempts, sessions
from storage.privacy import privacy_requests as rows_of_requests
from storage.proof.journal import MACHINE

PENDING_HOURS = 1  # slices of a large message that never came are swept after this
SLICES_A_STEP = 16
LOGIN_DAYS = 30  # sessions and links are kept so long after their end, and where a user logged in
KEYS_A_STEP = 500
SUGGESTION_DAYS = 30
FAULT_DAYS = 7  # a row of a queue that was not tried for so long is none any more

log = structlog.get_logger("mailhub.jobs")


def jobs(house: House, stopping: Callable[[], bool]) -> list[Job]:
    """The jobs of one process; the long ones ask ``stopping`` whether to end."""
    watching = Watching(house.database, house.writer, house.reception.arrivals.take, started_at=clock.now())
    return [
        Job("refusals", 60, house.reception.flush_refusals),
        Job("directory", 10, house.directory.refresh),  # mailboxes made on another node
        Job("models", 60, lambda: house.models.keep_up(house.writer, now=clock.now())),
        Job("mark-requests", 10, lambda: give_marks(house)),
        Job("drafts", 1, lambda: send_drafts(house)),
        Job("suggestions", 3600, partial(by_date, house, sweep_suggestions)),
        Job("slices", 600, partial(by_date, house, sweep_slices)),
        Job("logins", 3600, partial(by_date, house, sweep_logins)),
        Job("idempotency", 3600, partial(by_date, house, sweep_keys)),
        Job("objections", 600, lambda: take_back_objected(house, stopping, now=clock.now())),
        Job("labels", 6 * 3600, partial(by_date, house, sweep_labels)),
        Job("features", 3600, lambda: rebuild_features(house, stopping, now=clock.now())),
        Job("erasures", 2, lambda: erase_due(house, stopping)),
        Job("backup", 1, lambda: make_due(house.vault, stopping=stopping)),
        Job("backups", 3600, partial(by_date, house, expire_backups)),
        Job("breaches", 3600, lambda: tell_overdue(house)),
        Job("key-files", 60, lambda: follow_owed(house.vault)),  # keys that another node destroyed
        Job("silence", 60, lambda: watching.look(now=clock.now())),
        Job("authorisations", 300, lambda: keep_authorisations(house)),
        Job("anchors", 3600, lambda: sign_journal(house)),
        Job("purges", 600, lambda: purging.go_on(house.purging(), now=clock.now(), stopping=stopping)),
        Job(
            "snoozes",
            30,
            lambda: snoozing.wake_due(house.database, house.writer, now=clock.now(), stopping=stopping),
        ),
        Job(
            "rules",
            30,
            lambda: passing.look(
                house.database, house.writer, house.rules(), now=clock.now(), stopping=stopping
            ),
        ),
        Job("index", 6 * 3600, lambda: rewrite_index(house, stopping)),
        Job("retention", 3600, partial(by_date, house, partial(apply_retention, stopping=stopping))),
        Job("letters", 3600, partial(by_date, house, sweep_letters)),
        Job("stages", 600, lambda: sweep_accounts(house)),
        Job("faults", 3600, partial(by_date, house, sweep_faults)),
    ]


class Deleting(Protocol):
    """What deletes by date: everything that is over at ``now``, an instant that is believed."""

    def __call__(self, house: House, *, now: int) -> object: ...


def by_date(house: House, delete: Deleting) -> None:
    """Let it delete while the clock is believed. While it is doubted nothing goes: what is late goes later.

    The instant that was judged is the one that is used: a clock that jumps meanwhile makes nothing due.
    """
    now = clock.now()
    state = lifecycle.clock_state(house.lifecycle(), now=now, boot=boot_time())
    if state == SANE:
        delete(house, now=now)
    else:
        log.warning("nothing is deleted by date while the clock is doubted", clock=state)


def send_drafts(house: House) -> int:
    """Send the drafts whose time has come; how many went."""
    return sending.send_due(house.database, house.writer, house.reply(), now=clock.now())


def erase_due(house: House, stopping: Callable[[], bool]) -> int:
    """Go on with the erasures whose time has come; how many are done by that."""
    return erasure.run_due(replace(house.erasure(), stopping=stopping), now=clock.now())


def expire_backups(house: House, *, now: int) -> None:
    """Delete the backups whose term is over, and say so to those who were erased and stood in them."""
    expire(house.vault, actor="system", now=now)
    issue_second_receipts(house.vault, now=now)


def tell_overdue(house: House) -> int:
    """Say in the log, each hour, which breaches the authority should have been told of; how many."""
    with house.database.read() as connection:
        overdue = list_overdue(connection, clock.now())
    for each in overdue:
        log.warning(
            "the authority was not told of a breach within 72 hours: mailhub breach list",
            account=each.account_id,
            breach=each.id,
        )
    return len(overdue)


def keep_authorisations(house: House) -> None:
    """Renew what mailboxes at providers are opened with before it ends, and warn of what ends or fails."""
    if house.config.imap.enabled:
        house.imap.logins.tokens.keep_alive(house.config.storage.node, house.config.imap)


def sign_journal(house: House) -> None:
    """Anchor the journal; the anchor's hash goes to the log, which may be kept elsewhere."""
    key = house.keys.signer("anchors")
    node = house.config.storage.node
    if made := audit.anchor(house.database, house.writer, key, node=node, now=clock.now()):
        log.info("journal anchored", node=node, anchor=made.sequence, hash=audit.digest_of(made).hex())


def sweep_accounts(house: House) -> None:
    """Warn owners and move accounts whose stage is over, if the clock can be believed."""
    found = lifecycle.sweep(house.lifecycle(), now=clock.now(), boot=boot_time())
    if found.acts or found.clock != SANE:
        left = sum(bool(act.left) for act in found.acts)
        log.info("accounts swept", clock=found.clock, done=len(found.acts) - left, left=left)


def apply_retention(house: House, *, stopping: Callable[[], bool], now: int) -> None:
    """Delete what no rule keeps any longer, a short turn each."""
    deleted = retention.apply(house.retention(), now=now, stopping=stopping)
    if sum(deleted.values()):
        log.info("retention applied", **deleted)


def rewrite_index(house: House, stopping: Callable[[], bool]) -> bool:
    """Write the full-text index anew, some pages a turn, when it still holds words of mail that went; whether it did.

    Then empty the write-ahead log, which has the pages as they were. A reader in the way leaves that to the next time.
    """
    with house.database.read() as connection:
        due = search.holds_removed_words(connection)
    begin = True

    while due and not stopping():
        more = house.writer.run(lambda tx, first=begin: search.rewrite_index(tx.connection, begin=first))  # type: ignore[misc]
        begin = False
        if not more:
            house.database.empty_log()
            return True

    return False


def give_marks(house: House) -> int:
    """Give the marks that were asked for by moves and feedback addresses; how many were."""
    return give_due(house.marking(), now=clock.now())


def sweep_suggestions(house: House, *, now: int) -> int:
    """Let suggestions go that nobody decided on; how many."""
    over = partial(mark_requests.old_suggestions, before=now - SUGGESTION_DAYS * clock.DAY)
    return _sweep_rows(house, "suggestions", over, mark_requests.delete_requests, now=now)


def sweep_slices(house: House, *, now: int) -> int:
    """Delete slices of messages that never came, the accounts by turns, a short turn each; how many went."""
    before = now - PENDING_HOURS * clock.HOUR
    queue = Queue(house.database, house.writer, "slices", now=now)
    with house.database.read() as connection:
        pending = raws.pending_before(connection, before)
    deleted = 0

    for account, message in by_turns(lines_of(pending, itemgetter(0))):
        sweep = partial(raws.sweep, before=before, limit=SLICES_A_STEP, of=(account, message))
        deleted += queue.run(account, message, _swept, house, sweep) or 0

    return deleted


def sweep_labels(house: House, *, now: int) -> int:
    """Let labels go that are older than their term, and old acts that left none, the accounts by turns.

    How many labels. A short turn of the writer each.
    """
    before = now - house.config.spam.keep_labels_days * clock.DAY
    labels = Queue(house.database, house.writer, "labels", now=now)
    marks = Queue(house.database, house.writer, "label-acts", now=now)
    with house.database.read() as connection:
        accounts = ledger.accounts_with_ledger(connection)

    expired = 0
    for account, messages in by_turns({each: _labels_due(house, each, before) for each in accounts}):
        take_back = partial(_expired, house, account, before, now)
        expired += sum(labels.together(account, {each: each for each in messages}, take_back))
    for account in accounts:
        marks.sweep(account, ledger.marks_over(account, before))

    return expired


def take_back_objected(house: House, stopping: Callable[[], bool], *, now: int) -> int:
    """Take back what mail of people who objected still teaches, after a stop, a merge or a restore; how many labels."""
    return take_back_due(house.database, house.writer, house.models, now=now, stopping=stopping)


def _expired(house: House, account: int, before: int, now: int, messages: Sequence[int]) -> int:
    return house.writer.run(expiry.expire, house.models, account, messages, before=before, now=now)


def _labels_due(house: House, account: int, before: int) -> Iterator[tuple[int, list[int]]]:
    """Messages whose labels are older than their term, in portions; what is held, or failed, is passed over."""
    after = 0
    while True:
        with house.database.read() as connection:
            due = ledger.entries_given_before(connection, account, before, after=after, limit=expiry.PORTION)
        if not due:
            return
        after = due[-1][0]
        yield account, [message for _, message in due]


def rebuild_features(house: House, stopping: Callable[[], bool], *, now: int) -> int:
    """After an upgrade: carry labels that another version made over to this one; how many were.

    The accounts by turns, some labels each. An account that would lose more than a fifth of its labels is left to
    `mailhub spam rebuild --yes`.
    """
    queue = Queue(house.database, house.writer, "rebuilds", now=now)
    with house.database.read() as connection:
        accounts = ledger.accounts_with_ledger(connection)
    waiting = deque((account, _rebuilding(house, account, now=now)) for account in accounts)
    carried = 0

    while waiting and not stopping():
        account, steps = waiting.popleft()
        count = queue.run(account, account, next, steps, None)
        if count is not None:
            carried += count
            waiting.append((account, steps))

    return carried


def _rebuilding(house: House, account: int, *, now: int) -> Iterator[int]:
    """The steps of one account's rebuild: how many labels each carried."""
    rebuild = house.rebuild(account)
    planned = rebuild.plan()
    if planned.asks:
        log.warning("labels wait for `mailhub spam rebuild --yes`", account=account, lost=planned.lost)
    if planned.asks or not planned.waiting:
        return

    log.info("rebuilding the filter", account=account, labels=planned.waiting, lost=planned.lost)
    rebuild.begin(yes=False, now=now)
    after: int | None = 0
    while after is not None:
        count, after = rebuild.step(after=after, now=now)
        yield count


def sweep_logins(house: House, *, now: int) -> int:
    """Delete sessions and links a month after their end, and attempts that nobody asks about; how many went."""
    month = now - LOGIN_DAYS * clock.DAY
    attempts = login_attempts.attempts_over(failed_before=now - clock.DAY, succeeded_before=month)
    ended = (sessions.sessions_over(month), links.links_over(month))
    return _sweep_each(house, "logins", *ended, attempts, now=now)


def sweep_letters(house: House, *, now: int) -> int:
    """Delete letters, and requests about people's own data, a month after their end; how many."""
    before = now - privacy_requests.KEPT
    letters = partial(outbox.old_letters, before=before)
    requests = partial(rows_of_requests.old_requests, before=before)
    return (
        _sweep_rows(house, "letters", letters, outbox.delete_letters, now=now)
        + _sweep_rows(house, "privacy-requests", requests, rows_of_requests.delete_requests, now=now)
        + _sweep_each(house, "letter-rates", letter_rates.turns_over(now - clock.DAY), now=now)
    )


def sweep_keys(house: House, *, now: int) -> int:
    """Delete the keys of requests that are too old to be sent again; how many went."""
    return _sweep_each(house, "idempotency", idempotency.requests_over(now - KEPT), now=now)


def sweep_faults(house: House, *, now: int) -> int:
    """Forget rows of queues that failed and went some other way; how many."""
    return _sweep_each(house, "faults", queue_faults.faults_over(now - FAULT_DAYS * clock.DAY), now=now)


# --- what sweeps are made of ------------------------------------------------------------------------------------------


class OldRows(Protocol):
    """The next rows whose time is over, of every account: account and id, in that order, behind ``after``."""

    def __call__(
        self, connection: Connection, /, *, after: tuple[int, int], limit: int
    ) -> Sequence[tuple[int, int]]: ...


class DeleteRows(Protocol):
    """Delete rows of one account by their ids; how many went."""

    def __call__(self, connection: Connection, account_id: int, ids: Sequence[int], /) -> int: ...


class Sweep(Protocol):
    """Delete a portion of what is over; how much that was."""

    def __call__(self, connection: Connection, /) -> int: ...


def _sweep_rows(house: House, name: str, old: OldRows, delete: DeleteRows, *, now: int) -> int:
    """Delete rows that are over, a portion of one account a turn; one that cannot be deleted stops no other."""
    queue = Queue(house.database, house.writer, name, now=now)
    after = (-1, 0)
    deleted = 0

    while True:
        with house.database.read() as connection:
            page = old(connection, after=after, limit=KEYS_A_STEP)
        if not page:
            return deleted
        after = page[-1]
        for account, rows in lines_of(page, itemgetter(0)).items():
            ids = {row: row for _, row in rows}
            deleted += sum(queue.together(account, ids, partial(_deleted, house, delete, account)))


def _deleted(house: House, delete: DeleteRows, account: int, ids: Sequence[int]) -> int:
    return house.writer.run(lambda tx: delete(tx.connection, account, ids))


def _sweep_each(house: House, name: str, *kinds: Over, now: int) -> int:
    """Delete what is over of each kind; how many rows."""
    queue = Queue(house.database, house.writer, name, now=now)
    return sum(queue.sweep(MACHINE, over) for over in kinds)


def _swept(house: House, sweep: Sweep) -> int:
    deleted = 0
    while count := house.writer.run(lambda tx: sweep(tx.connection)):
        deleted += count
    return deleted

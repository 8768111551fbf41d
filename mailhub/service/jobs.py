"""What runs in the background, and how often it is woken. Each job finds out itself whether anything is due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import structlog

from mailhub import clock
from mailhub.accounts import lifecycle
from mailhub.accounts.steadiness import SANE, boot_time
from mailhub.backups.expiring import expire
from mailhub.backups.making import make_due
from mailhub.callers.conditions import KEPT
from mailhub.errors import MailhubError
from mailhub.filter import expiry
from mailhub.filter.mark_requests import give_due
from mailhub.filter.rebuild import Rebuild
from mailhub.health.watching import Watching
from mailhub.house import House
from mailhub.privacy import erasure, privacy_requests, retention
from mailhub.privacy.erasing.second_receipt import issue_second_receipts
from mailhub.proof import audit
from mailhub.service.scheduler import Job
from mailhub.tickets import purging
from storage.filter import ledger, mark_requests
from storage.mail import letter_rates, outbox, raws, search
from storage.people import idempotency, links, login_attempts, sessions
from storage.privacy import privacy_requests as rows_of_requests
from storage.writer import Transaction

PENDING_HOURS = 1  # slices of a large message that never came are swept after this
SLICES_A_STEP = 16
LOGIN_DAYS = 30  # sessions and links are kept so long after their end, and where a user logged in
LOGINS_A_STEP = 200
KEYS_A_STEP = 500
SUGGESTION_DAYS = 30
MARKS_A_STEP = 200

log = structlog.get_logger("mailhub.jobs")


def jobs(house: House, stopping: Callable[[], bool]) -> list[Job]:
    """The jobs of one process; the long ones ask ``stopping`` whether to end."""
    watching = Watching(house.database, house.writer, house.reception.arrivals.take, started_at=clock.now())
    return [
        Job("refusals", 60, house.reception.flush_refusals),
        Job("directory", 10, house.directory.refresh),  # mailboxes made on another node
        Job("models", 60, lambda: house.models.keep_up(house.writer, now=clock.now())),
        Job("mark-requests", 10, lambda: give_marks(house)),
        Job("slices", 600, lambda: sweep_slices(house)),
        Job("logins", 3600, lambda: sweep_logins(house, now=clock.now())),
        Job("idempotency", 3600, lambda: sweep_keys(house)),
        Job("labels", 6 * 3600, lambda: sweep_labels(house, now=clock.now())),
        Job("features", 3600, lambda: rebuild_features(house, stopping, now=clock.now())),
        Job("erasures", 2, lambda: erase_due(house, stopping)),
        Job("backup", 1, lambda: make_due(house.vault, stopping=stopping)),
        Job("backups", 3600, lambda: expire_backups(house, now=clock.now())),
        Job("silence", 60, lambda: watching.look(now=clock.now())),
        Job("authorisations", 300, lambda: keep_authorisations(house)),
        Job("anchors", 3600, lambda: sign_journal(house)),
        Job("purges", 600, lambda: purging.go_on(house.purging(), now=clock.now(), stopping=stopping)),
        Job("index", 6 * 3600, lambda: rewrite_index(house, stopping)),
        Job("retention", 3600, lambda: apply_retention(house, stopping)),
        Job("letters", 3600, lambda: sweep_letters(house, now=clock.now())),
        Job("stages", 600, lambda: sweep_accounts(house)),
    ]


def erase_due(house: House, stopping: Callable[[], bool]) -> int:
    """Go on with the erasures whose time has come; how many are done by that."""
    return erasure.run_due(replace(house.erasure(), stopping=stopping), now=clock.now())


def expire_backups(house: House, *, now: int) -> None:
    """Delete the backups whose term is over, and say so to those who were erased and stood in them."""
    expire(house.vault, actor="system", now=now)
    issue_second_receipts(house.vault, now=now)


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


def apply_retention(house: House, stopping: Callable[[], bool]) -> None:
    """Delete what no rule keeps any longer, a short turn each."""
    deleted = retention.apply(house.retention(), now=clock.now(), stopping=stopping)
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
    """Give the marks that were asked for by moves and feedback addresses; let suggestions go that nobody decided on."""
    now = clock.now()
    before = now - SUGGESTION_DAYS * clock.DAY
    house.writer.run(
        lambda tx: mark_requests.sweep_suggestions(tx.connection, before=before, limit=KEYS_A_STEP)
    )
    return give_due(house.marking(), now=now)


def sweep_slices(house: House) -> int:
    """Delete slices of messages that never came, a short turn each; how many went."""
    before = clock.now() - PENDING_HOURS * clock.HOUR
    deleted = 0
    while count := house.writer.run(lambda tx: raws.sweep(tx.connection, before=before, limit=SLICES_A_STEP)):
        deleted += count
    return deleted


def sweep_labels(house: House, *, now: int) -> int:
    """Let labels go that are older than their term, and old acts that left none, a short turn each; how many labels."""
    before = now - house.config.spam.keep_labels_days * clock.DAY
    expired = 0
    with house.database.read() as connection:
        accounts = ledger.accounts_with_ledger(connection)

    for account in accounts:
        for messages in _labels_due(house, account, before):
            work = partial(
                expiry.expire, models=house.models, account=account, messages=messages, before=before, now=now
            )
            expired += house.writer.run(work)
        sweep = partial(ledger.sweep_marks, account_id=account, instant=before, limit=MARKS_A_STEP)
        while house.writer.run(lambda tx, sweep=sweep: sweep(tx.connection)):  # type: ignore[misc]
            pass

    return expired


def _labels_due(house: House, account: int, before: int) -> Iterator[list[int]]:
    """Messages whose labels are older than their term, in portions; what is held is passed over."""
    after = 0
    while True:
        with house.database.read() as connection:
            due = ledger.entries_given_before(connection, account, before, after=after, limit=expiry.PORTION)
        if not due:
            return
        after = due[-1][0]
        yield [message for _, message in due]


def rebuild_features(house: House, stopping: Callable[[], bool], *, now: int) -> int:
    """After an upgrade: carry labels that another version made over to this one; how many were.

    An account that would lose more than a fifth of its labels is left to `mailhub spam rebuild --yes`.
    """
    with house.database.read() as connection:
        accounts = ledger.accounts_with_ledger(connection)
    carried = 0

    for account in accounts:
        rebuild = house.rebuild(account)
        planned = rebuild.plan()
        if planned.asks:
            log.warning("labels wait for `mailhub spam rebuild --yes`", account=account, lost=planned.lost)
        elif planned.waiting:
            log.info("rebuilding the filter", account=account, labels=planned.waiting, lost=planned.lost)
            try:
                carried += _rebuilt(rebuild, stopping, now=now)
            except MailhubError as error:  # one account's fault is not the others'
                log.exception("rebuild failed", account=account, error=type(error).__name__)

    return carried


def _rebuilt(rebuild: Rebuild, stopping: Callable[[], bool], *, now: int) -> int:
    rebuild.begin(yes=False, now=now)
    after: int | None = 0
    carried = 0
    while after is not None and not stopping():
        count, after = rebuild.step(after=after, now=now)
        carried += count
    return carried


def sweep_logins(house: House, *, now: int) -> int:
    """Delete sessions and links a month after their end, and attempts that nobody asks about, a short turn each."""
    month = now - LOGIN_DAYS * clock.DAY
    day = now - clock.DAY
    sweeps: tuple[Callable[[Transaction], int], ...] = (
        lambda tx: sessions.sweep_sessions(tx.connection, before=month, limit=LOGINS_A_STEP),
        lambda tx: links.sweep_links(tx.connection, before=month, limit=LOGINS_A_STEP),
        lambda tx: login_attempts.sweep_attempts(
            tx.connection, failed_before=day, succeeded_before=month, limit=LOGINS_A_STEP
        ),
    )
    deleted = 0

    for sweep in sweeps:
        while count := house.writer.run(sweep):
            deleted += count

    return deleted


def sweep_letters(house: House, *, now: int) -> int:
    """Delete letters, and requests about people's own data, a month after their end, a short turn each; how many."""
    before = now - privacy_requests.KEPT
    deleted = 0

    for sweep, until in (
        (outbox.sweep_letters, before),
        (rows_of_requests.sweep_requests, before),
        (letter_rates.sweep_turns, now - clock.DAY),
    ):
        step = partial(sweep, before=until, limit=KEYS_A_STEP)
        while count := house.writer.run(lambda tx, step=step: step(tx.connection)):  # type: ignore[misc]
            deleted += count

    return deleted


def sweep_keys(house: House) -> int:
    """Delete the keys of requests that are too old to be sent again, a short turn each; how many went."""
    before = clock.now() - KEPT
    deleted = 0
    while count := house.writer.run(
        lambda tx: idempotency.sweep(tx.connection, before=before, limit=KEYS_A_STEP)
    ):
        deleted += count
    return deleted

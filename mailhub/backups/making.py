"""Make a backup while mail flows: a job that a row drives, one at a time on a node.

    asked for (``ask``: the row) -> begun -> one snapshot, every row sealed for its holder, into NAME.part in the spool
    -> the snapshot is closed -> the key file at every target -> NAME.part copied to each target and renamed
    -> the row finished, in the journal -> the key files again, which now know it

Only the first part holds the snapshot, and the spool is a directory of this machine: a slow target holds up
no checkpoint. A target that fails keeps no other from its copy: the backup is partial and the row says why.
Durable states: the row (table backup), NAME.part in the spool and at a target, NAME at a target. Cut off
anywhere the row is failed by the next who is alone, and what is left of its files goes. Must not: fill the
disk that mail needs.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import structlog

from mailhub import clock
from mailhub.backups import key_file, records
from mailhub.backups.container import Header, Sealer
from mailhub.backups.erasing import rewrite_key_files
from mailhub.backups.holder_keys import HolderKeys
from mailhub.backups.vault import Vault
from mailhub.errors import Conflict, InsufficientStorage, MailhubError, NotFound, Unavailable
from mailhub.proof.act import MACHINE, Act
from storage.backups import backups, targets
from storage.backups.backups import Backup
from storage.backups.dumping import PERSONAL, count_rows, dump
from storage.errors import StorageError
from storage.migrate import HEAD
from storage.writer import Transaction

SUFFIX = ".mailhub"
LOCK = "mailhub.lock"
COPY_BYTES = 1 << 20
PROGRESS_SECONDS = 1.0  # between two notes of how far it is
CUT_OFF = "it was cut off: mailhub ended while it was made"

log = structlog.get_logger("mailhub.backups")


@contextmanager
def alone(vault: Vault) -> Iterator[None]:
    """One making or expiring at a time; raises ``Conflict``. A killed process holds nothing."""
    try:
        vault.room.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(vault.room / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"backup.spool: {vault.room} cannot be written: {error.strerror}") from None

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict("a backup is being made or expired: try again when that is done") from None
    finally:
        os.close(descriptor)


# --- the job ----------------------------------------------------------------------------------------------------------


def ask(vault: Vault, *, actor: str) -> Backup:
    """Enter a backup to be made; ``Conflict`` while one is waiting or being made here."""
    now = clock.now()

    def enter(transaction: Transaction) -> Backup:
        if there := backups.find_unfinished(transaction.connection, vault.node):
            raise Conflict(
                f"backup {there.id} is {there.state}: one at a time (mailhub backup show {there.id})"
            )
        row = _row(vault, transaction.new_id(), now)
        backups.add_backup(transaction.connection, row)
        Act(transaction, actor, MACHINE, now).record("backup.create", f"backup:{row.id}")
        return row

    return vault.writer.run(enter)


def make_due(vault: Vault, *, stopping: Callable[[], bool] = lambda: False) -> Backup | None:
    """Make the backup that was asked for, if any; a failure is in its row, and logged. None: nothing to do now."""
    with vault.database.read() as connection:
        row = backups.find_unfinished(connection, vault.node)
    if row is None:
        return None

    try:
        with alone(vault):
            settle_failed(vault)
            return None if row.begun_at is not None else _make(vault, row, stopping)
    except (MailhubError, StorageError) as error:
        log.warning("backup not made", backup=row.id, reason=str(error))
        if isinstance(error, Unavailable):  # also where not even the lock could be made
            _fail(vault, row, str(error))
        return None


def create(vault: Vault, *, actor: str) -> Backup:
    """``ask`` and make at once, in the caller's thread; raises what it fails with."""
    with alone(vault):
        settle_failed(vault)
        return _make(vault, ask(vault, actor=actor), lambda: False)


def _row(vault: Vault, id_: int, now: int) -> Backup:
    stamp = datetime.fromtimestamp(now / clock.SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
    return Backup(
        id=id_,
        name=f"{stamp}-{id_}{SUFFIX}",
        targets=tuple(str(target.resolve()) for target in vault.targets),
        made_at=now,
        expires_at=now + vault.retention,
        node=vault.node,
    )


def keep_recovery_key(act: Act, public: bytes) -> None:
    """Seal the keys of backups for this key too, from now on. ``Conflict`` where there is one: it was shown then."""
    if backups.find_recovery_key(act.transaction.connection) is not None:
        raise Conflict("there is a recovery key already: it was shown when it was made")
    backups.set_recovery_key(act.transaction.connection, public, at=act.now)
    act.record("backup.recovery-key", "installation")


def lose_target(act: Act, vault: Vault, *, node: int, path: str, reason: str) -> None:
    """Sign a directory off as lost: erasures do not wait for it any more. ``Conflict`` where backups are written."""
    if path in {str(target.resolve()) for target in vault.targets}:
        raise Conflict("backups are written there: take it out of backup.targets first")
    known = targets.sign_off(act.transaction.connection, node, path, at=act.now, by=act.actor, reason=reason)
    if not known:
        raise NotFound("no key file was ever written there: see `mailhub backup targets`")
    act.record("backup.target-lost", "installation")


def _make(vault: Vault, row: Backup, stopping: Callable[[], bool]) -> Backup:
    spooled = vault.room / f"{row.name}.part"
    try:
        written = _spool(vault, row, spooled, stopping)
        failures = _deliver(vault, row, spooled)
    except BaseException as error:
        known = isinstance(error, (MailhubError, StorageError))
        told = str(error) if known else f"{type(error).__name__}: the log says more"
        _fail(vault, row, told)
        raise
    finally:
        spooled.unlink(missing_ok=True)

    _finish(vault, row, written, failures)
    rewrite_key_files(vault)
    with vault.database.read() as connection:
        made = backups.find_backup(connection, row.id)
    assert made is not None

    return made


# --- the snapshot -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Written:
    digest: bytes
    counts: Mapping[str, int]


def _spool(vault: Vault, row: Backup, spooled: Path, stopping: Callable[[], bool]) -> _Written:
    """The whole backup into one file of the spool, durably."""
    digest = hashlib.sha256()
    try:
        with _fresh(spooled) as file:

            def write(data: bytes) -> None:
                digest.update(data)
                _put(file, data, keep_free=vault.keep_free)

            counts = _stream(vault, row, write, stopping)
            os.fsync(file.fileno())
    except OSError as error:
        raise _told(error, vault.room, "backup.spool") from None
    return _Written(digest.digest(), counts)


def _stream(
    vault: Vault, row: Backup, write: Callable[[bytes], None], stopping: Callable[[], bool]
) -> Mapping[str, int]:
    keys = HolderKeys(vault)
    counts = Counter[str]()
    began = time.monotonic()

    with vault.database.snapshot() as connection:
        now = clock.now()
        # before the first statement, which takes the snapshot: what is in it is from then or later
        vault.writer.run(
            lambda tx: backups.begin(tx.connection, row.id, at=now, expires_at=now + vault.retention)
        )
        progress = _Progress(vault, row.id, count_rows(connection))
        sealer = Sealer(Header(id=row.id, made_at=now, revision=HEAD), vault.keys)
        write(sealer.line)
        progress.wrote(len(sealer.line))
        for groups in dump(connection):
            _require_time(vault, time.monotonic() - began, stopping)
            of = keys.of([group.holder for group in groups])
            for group in groups:
                counts[group.table] += len(group.rows)
                if ready := sealer.add(records.seal(group, of[group.holder])):
                    write(ready)
                    progress.wrote(len(ready))
            progress.read(sum(len(group.rows) for group in groups if group.table != PERSONAL))

    last = sealer.add(records.trailer(counts)) + sealer.finish()
    write(last)
    progress.end(len(last))

    return dict(counts)


def _require_time(vault: Vault, seconds: float, stopping: Callable[[], bool]) -> None:
    if stopping():
        raise Unavailable("it was given up: mailhub was stopped while it was made")
    if seconds > vault.longest_snapshot_seconds:
        raise Unavailable(
            f"its snapshot was open for longer than {vault.longest_snapshot_seconds / 60:g} minutes, which holds up"
            " erasures and lets the log grow: put backup.spool on a faster disk, or raise backup.snapshot_minutes"
        )


class _Progress:
    """How far a backup is, in its row, once a second."""

    def __init__(self, vault: Vault, id_: int, rows_total: int) -> None:
        self._vault = vault
        self._id = id_
        self._total = rows_total
        self._rows = self._bytes = 0
        self._noted = 0.0

    def wrote(self, count: int) -> None:
        self._bytes += count

    def read(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() - self._noted >= PROGRESS_SECONDS:
            self._note()

    def end(self, count: int) -> None:
        self._bytes += count
        self._note()

    def _note(self) -> None:
        self._noted = time.monotonic()
        how_far = {"rows": self._rows, "of": self._total, "file_bytes": self._bytes}
        self._vault.writer.run(lambda tx: backups.note_progress(tx.connection, self._id, **how_far))


# --- the targets ------------------------------------------------------------------------------------------------------


def _deliver(vault: Vault, row: Backup, spooled: Path) -> Mapping[str, str]:
    """Copy the file to every target, after its key file; by target what failed. ``Unavailable`` when none got it."""
    without_keys = {str(target.resolve()) for target in rewrite_key_files(vault)}
    failures = {
        target: f"{target}: the key file could not be written: is it mounted, writable, and is there room?"
        for target in row.targets
        if target in without_keys
    }

    spool = str(vault.room.resolve())
    for target in sorted(
        set(row.targets) - without_keys, key=lambda each: (each == spool, each)
    ):  # the rename last
        try:
            _place(spooled, Path(target), row.name)
        except OSError as error:
            failures[target] = str(_told(error, Path(target), "backup.targets"))
            log.warning("backup not at a target", backup=row.id, target=target, error=error.strerror)

    if len(failures) == len(set(row.targets)):
        raise Unavailable("; ".join(failures.values()))

    return failures


def _place(spooled: Path, target: Path, name: str) -> None:
    """The file at one target, durably, or nothing of it."""
    part = target / f"{name}.part"
    try:
        if part.resolve() != spooled.resolve():
            with spooled.open("rb") as source, _fresh(part) as file:
                while data := source.read(COPY_BYTES):
                    _put(file, data)
                os.fsync(file.fileno())
        part.rename(target / name)
        key_file.sync_directory(target)
    except OSError:
        _unlink(part)
        raise


@contextmanager
def _fresh(part: Path) -> Iterator[IO[bytes]]:
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        yield file


def _put(file: IO[bytes], data: bytes, *, keep_free: int = 0) -> None:
    if keep_free and shutil.disk_usage(file.fileno()).free < keep_free + len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _told(error: OSError, where: Path, setting: str) -> InsufficientStorage | Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return InsufficientStorage(f"{where}: no room for the backup: free some there, or set {setting}")
    return Unavailable(f"{where}: {error.strerror}: is it mounted, and writable? (or set {setting})")


# --- how it ends ------------------------------------------------------------------------------------------------------


def _finish(vault: Vault, row: Backup, written: _Written, failures: Mapping[str, str]) -> None:
    reached = [target for target in row.targets if target not in failures]
    failure = "; ".join(failures.values()) or None
    vault.writer.run(
        lambda tx: backups.finish(
            tx.connection,
            row.id,
            at=clock.now(),
            targets=reached,
            failure=failure,
            digest=written.digest,
            counts=written.counts,
        )
    )


def _fail(vault: Vault, row: Backup, why: str) -> None:
    """Say in its row that it failed, and delete what there is of it."""
    vault.writer.run(lambda tx: backups.fail(tx.connection, row.id, at=clock.now(), failure=why))
    _remove(vault, row)


def settle_failed(vault: Vault) -> None:
    """Under ``alone``: what was begun and is not made any more has failed; delete what failed ones left."""
    with vault.database.read() as connection:
        row = backups.find_unfinished(connection, vault.node)
        left = backups.failed_with_remains(connection)
    if row is not None and row.begun_at is not None:
        _fail(vault, row, CUT_OFF)
    for each in left:
        _remove(vault, each)


def _remove(vault: Vault, row: Backup) -> None:
    """Delete the files of one that failed; where that cannot be done the next one tries again."""
    places = {vault.room, *map(Path, row.targets)}
    gone = [_unlink(place / name) for place in places for name in (row.name, f"{row.name}.part")]
    if all(gone):
        vault.writer.run(lambda tx: backups.mark_gone(tx.connection, row.id, at=clock.now()))


def _unlink(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("remains of a backup not deleted", target=str(path.parent), error=error.strerror)
        return False
    return True

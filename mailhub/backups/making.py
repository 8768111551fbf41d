"""Make a backup while mail flows: one snapshot, every row sealed for its holder, the same file at every target.

Durable states, in order: the ledger row (unfinished), ``NAME.part`` at each target, the key files, ``NAME``, the ledger
row finished. Whatever is left of one that was cut short goes when the next is made or backups expire.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO

from mailhub import clock
from mailhub.backups import key_file, records
from mailhub.backups.container import Header, Sealer
from mailhub.backups.erasing import rewrite_key_files
from mailhub.backups.vault import Vault
from mailhub.errors import Conflict, InsufficientStorage, Unavailable
from storage import backups, journal, person_keys
from storage.backups import Backup
from storage.dumping import dump
from storage.migrate import HEAD
from storage.person_keys import Holder
from storage.writer import Transaction

SUFFIX = ".mailhub"
LOCK = "mailhub.lock"
HOLDERS_KEPT = 20_000  # keys in memory at once
TURN_KEYS = 100  # made in one turn of the writer


class HolderKeys:
    """The keys of holders, made when a holder has none. Who is gone meanwhile gets one that nobody keeps."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[Holder, bytes] = {}

    def of(self, holders: Collection[Holder]) -> Mapping[Holder, bytes]:
        """The 32-byte key of each holder of a step, among others."""
        if len(self._known) >= HOLDERS_KEPT:
            self._known.clear()
        wanted = [holder for holder in dict.fromkeys(holders) if holder not in self._known]
        if wanted:
            with self._vault.database.read() as connection:
                sealed = person_keys.find_keys(connection, wanted)
            self._known |= {holder: self._opened(holder, sealed[holder]) for holder in sealed}
            missing = [holder for holder in wanted if holder not in sealed]
            for start in range(0, len(missing), TURN_KEYS):
                self._known |= self._made(missing[start : start + TURN_KEYS])
        return self._known

    def _made(self, holders: Sequence[Holder]) -> dict[Holder, bytes]:
        fresh = {holder: secrets.token_bytes(32) for holder in holders}
        seal = self._vault.keys.seal
        made = {holder: seal("backups", fresh[holder], bound_to=bound_to(holder)) for holder in holders}
        kept = self._vault.writer.run(lambda tx: person_keys.add_keys(tx.connection, made))
        return fresh | {holder: self._opened(holder, kept[holder]) for holder in kept}

    def _opened(self, holder: Holder, sealed: bytes) -> bytes:
        return self._vault.keys.open("backups", sealed, bound_to=bound_to(holder))


def bound_to(holder: Holder) -> bytes:
    """What a holder's sealed key is bound to."""
    return "person-key:{}:{}:{}".format(*holder).encode("ascii")


@contextmanager
def alone(vault: Vault) -> Iterator[None]:
    """One making or expiring at a time; raises ``Conflict``. A killed process holds nothing."""
    directory = vault.targets[0]
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"backup.targets: {directory} cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Conflict("a backup is being made or expired: try again when that is done") from None
    finally:
        os.close(descriptor)


def create(vault: Vault, *, actor: str) -> Backup:
    """Make one backup. ``InsufficientStorage`` or ``Unavailable`` name the target that failed; nothing is left then."""
    with alone(vault):
        clear_unfinished(vault)
        now = clock.now()
        row = vault.writer.run(lambda tx: _enter(tx, vault, now))
        parts = [Path(target) / f"{row.name}.part" for target in row.targets]
        try:
            digest, counts = _write(vault, row, parts)
            _require_keys(vault)
            for part in parts:
                part.rename(part.with_suffix(""))
                key_file.sync_directory(part.parent)
        except OSError as error:
            clear_unfinished(vault)
            raise _told(error) from None
        except BaseException:
            clear_unfinished(vault)
            raise
        vault.writer.run(partial(_finish, row.id, actor, digest, counts))
        rewrite_key_files(vault)
        with vault.database.read() as connection:
            return next(each for each in backups.list_backups(connection) if each.id == row.id)


def _enter(transaction: Transaction, vault: Vault, now: int) -> Backup:
    id_ = transaction.new_id()
    stamp = datetime.fromtimestamp(now / clock.SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
    row = Backup(
        id=id_,
        name=f"{stamp}-{id_}{SUFFIX}",
        targets=tuple(str(target.resolve()) for target in vault.targets),
        made_at=now,
        expires_at=now + vault.retention,
        finished_at=None,
        gone_at=None,
        digest=None,
        counts=None,
    )
    backups.add_backup(transaction.connection, row)
    return row


def _finish(id_: int, actor: str, digest: bytes, counts: Mapping[str, int], transaction: Transaction) -> None:
    now = clock.now()
    backups.finish(transaction.connection, id_, at=now, digest=digest, counts=counts)
    record(transaction, actor, "backup.create", f"backup:{id_}", now)


def record(transaction: Transaction, actor: str, verb: str, object_: str, now: int) -> None:
    """An act on backups in the operator's chain of the journal."""
    connection, node = transaction.connection, transaction.node
    journal.append(connection, journal.MACHINE, node, at=now, actor=actor, verb=verb, object_=object_, detail={})


def _require_keys(vault: Vault) -> None:
    if failed := rewrite_key_files(vault):
        raise Unavailable(f"backup.targets: the key file could not be written to {failed[0]}: no backup was made")


def _told(error: OSError) -> InsufficientStorage | Unavailable:
    where = error.filename or "a target"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return InsufficientStorage(f"no room for a backup at {where}: free some, or set backup.targets; none was made")
    return Unavailable(f"the backup could not be written to {where}: {error.strerror}; none was made")


def _write(vault: Vault, row: Backup, parts: Sequence[Path]) -> tuple[bytes, dict[str, int]]:
    with ExitStack() as stack:
        files = [stack.enter_context(_opened(part)) for part in parts]
        digest = hashlib.sha256()

        def write(data: bytes) -> None:
            digest.update(data)
            for file, part in zip(files, parts, strict=True):
                _put(file, part, data)

        counts = _stream(vault, row, write)
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        return digest.digest(), counts


@contextmanager
def _opened(part: Path) -> Iterator[IO[bytes]]:
    part.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        yield file


def _put(file: IO[bytes], part: Path, data: bytes) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(part.parent)) from None


def _stream(vault: Vault, row: Backup, write: Callable[[bytes], None]) -> dict[str, int]:
    keys, counts = HolderKeys(vault), Counter[str]()
    sealer = Sealer(Header(id=row.id, made_at=row.made_at, revision=HEAD), vault.keys)
    write(sealer.line)
    with vault.database.snapshot() as connection:
        for groups in dump(connection):
            of = keys.of([group.holder for group in groups])
            for group in groups:
                counts[group.table] += len(group.rows)
                if ready := sealer.add(records.seal(group, of[group.holder])):
                    write(ready)
    write(sealer.add(records.trailer(counts)) + sealer.finish())
    return dict(counts)


def clear_unfinished(vault: Vault) -> None:
    """Delete what is left of backups that never became whole; under ``alone`` none of them is being made."""
    with vault.database.read() as connection:
        left = backups.unfinished(connection)
    for row in left:
        for target in row.targets:
            for name in (row.name, f"{row.name}.part"):
                (Path(target) / name).unlink(missing_ok=True)
        vault.writer.run(partial(_drop, row.id))


def _drop(id_: int, transaction: Transaction) -> None:
    backups.drop_unfinished(transaction.connection, id_)

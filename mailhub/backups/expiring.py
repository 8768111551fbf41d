"""Delete backups whose term is over, at every target, and let tombstones end that only backups needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mailhub.backups.erasing import rewrite_key_files
from mailhub.backups.making import alone, settle_failed
from mailhub.backups.vault import Vault
from mailhub.errors import Unavailable
from mailhub.proof.act import MACHINE, Act
from mailhub.system.queues import Queue
from storage.backups import backups
from storage.backups.backups import Backup
from storage.privacy import tombstones
from storage.proof import journal
from storage.writer import Transaction


def expire(vault: Vault, *, actor: str, now: int) -> list[Backup]:
    """Delete what is due; what could not be deleted at some target stays listed and is tried again."""
    with vault.database.read() as connection:
        due = [row for row in backups.list_backups(connection) if row.expires_at <= now]
    gone = _expired(vault, due, actor, now) if due else []

    ended = Queue(vault.database, vault.writer, "tombstones", now=now)
    buried = sum(ended.sweep(journal.MACHINE, over) for over in tombstones.tombstones_over(now))
    if due or buried:
        rewrite_key_files(vault)
    return gone


def _expired(vault: Vault, due: Sequence[Backup], actor: str, now: int) -> list[Backup]:
    queue = Queue(vault.database, vault.writer, "backups", now=now)
    with alone(vault):
        settle_failed(vault)
        gone = [row for row in due if queue.run(journal.MACHINE, row.id, _expire, vault, row, actor, now)]
        vault.writer.run(lambda tx: backups.forget_failed(tx.connection, before=now))
        vault.writer.run(partial(_let_tombstones_end, now))
    return gone


def _expire(vault: Vault, row: Backup, actor: str, now: int) -> bool:
    """One backup: its files, then its row."""
    for target in row.targets:
        try:
            (Path(target) / row.name).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"{target}: {error.strerror}: is it mounted, and writable?") from None
    vault.writer.run(_mark, row.id, actor, now)
    return True


def _let_tombstones_end(now: int, transaction: Transaction) -> None:
    """What went before the oldest backup that is left was made is in none: nothing brings it back."""
    left = backups.list_backups(transaction.connection)
    tombstones.let_expire(transaction.connection, before=left[0].made_at if left else now, at=now)


def _mark(transaction: Transaction, id_: int, actor: str, now: int) -> None:
    backups.mark_gone(transaction.connection, id_, at=now)
    Act(transaction, actor, MACHINE, now).record("backup.expire", f"backup:{id_}")

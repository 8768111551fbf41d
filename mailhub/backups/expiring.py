"""Delete backups whose term is over, at every target, and let tombstones end that only backups needed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog

from mailhub.backups.erasing import rewrite_key_files
from mailhub.backups.making import alone, record, settle_failed
from mailhub.backups.vault import Vault
from storage.backups import backups
from storage.backups.backups import Backup
from storage.privacy import tombstones
from storage.writer import Transaction

TOMBSTONES_A_TURN = 500

log = structlog.get_logger("mailhub.backups")


def expire(vault: Vault, *, actor: str, now: int) -> list[Backup]:
    """Delete what is due; what could not be deleted at some target stays listed and is tried again."""
    with vault.database.read() as connection:
        due = [row for row in backups.list_backups(connection) if row.expires_at <= now]
    if not due:
        return []

    with alone(vault):
        settle_failed(vault)
        gone = [row for row in due if _delete(row)]
        for row in gone:
            vault.writer.run(partial(_mark, row.id, actor, now))
        vault.writer.run(lambda tx: backups.forget_failed(tx.connection, before=now))
        vault.writer.run(partial(_let_tombstones_end, now))
        while vault.writer.run(lambda tx: tombstones.expire(tx.connection, now=now, limit=TOMBSTONES_A_TURN)):
            pass

    rewrite_key_files(vault)
    return gone


def _delete(row: Backup) -> bool:
    try:
        for target in row.targets:
            (Path(target) / row.name).unlink(missing_ok=True)
    except OSError as error:
        log.warning("backup not deleted", backup=row.id, error=error.strerror)
        return False
    return True


def _let_tombstones_end(now: int, transaction: Transaction) -> None:
    """What went before the oldest backup that is left was made is in none: nothing brings it back."""
    left = backups.list_backups(transaction.connection)
    tombstones.let_expire(transaction.connection, before=left[0].made_at if left else now, at=now)


def _mark(id_: int, actor: str, now: int, transaction: Transaction) -> None:
    backups.mark_gone(transaction.connection, id_, at=now)
    record(transaction, actor, "backup.expire", f"backup:{id_}", now)

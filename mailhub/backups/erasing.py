"""What erasure and the lifecycle ask of backups. A key is destroyed when it is in no table and in no key file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import structlog

from mailhub.backups import key_file
from mailhub.backups.vault import Vault
from storage.backups import backups, person_keys, targets
from storage.backups.backups import Backup
from storage.database import Connection

log = structlog.get_logger("mailhub.backups")


def destroy_person_keys(connection: Connection, account: int, contacts: Collection[int]) -> int:
    """Delete the live keys of contacts, in the caller's transaction; how many there were.

    Only after ``rewrite_key_files`` came back empty is their part of every backup unreadable.
    """
    return _owed(connection, person_keys.delete_contacts(connection, account, contacts))


def destroy_account_keys(connection: Connection, account: int) -> int:
    """Delete every live key of an account, as ``destroy_person_keys`` does."""
    return _owed(connection, person_keys.delete_account(connection, account))


def _owed(connection: Connection, destroyed: int) -> int:
    """Whoever had no key, as one who was erased before and came back with a restore, is in no key file either."""
    if destroyed:
        targets.owe(connection)
    return destroyed


def rewrite_key_files(vault: Vault) -> Sequence[Path]:
    """Replace the key file at every target by one of the present state; the targets where that failed.

    Targets are those of the configuration, and every other that this node ever wrote to and that nobody
    signed off as lost: one that left the configuration keeps its backups and its key file. A key that was
    destroyed, and committed, before the call is in no key file of the other targets when it returns. A target
    that lost what it held (not mounted?) has failed: its own key file is somewhere, as it was. So has another
    node's, until that node has followed, and one of the installation that this was restored from: a copy of a
    database must not write into another's directories unless it is told to.
    """
    failed = []
    with vault.database.read() as connection:
        used = backups.targets_in_use(connection)
        known = targets.list_targets(connection)
    configured = {str(target.resolve()): target for target in vault.targets}
    left = [each.path for each in known if each.node == vault.node and each.lost_at is None]

    for path, target in {**{path: Path(path) for path in left}, **configured}.items():
        try:
            if path in used or path not in configured:
                key_file.require_there(target)
            _rewrite(vault, target, path)
        except OSError as error:
            log.warning("key file not rewritten", target=str(target), error=error.strerror)
            failed.append(target)

    with vault.database.read() as connection:
        others = [each for each in targets.list_targets(connection) if each.node != vault.node]
    return [*failed, *(Path(each.path) for each in others if each.state == "owed")]


def _rewrite(vault: Vault, target: Path, path: str) -> None:
    """One key file, known by its row before its first byte; the row then says which state it follows."""
    vault.writer.run(lambda tx: targets.learn(tx.connection, vault.node, path))
    with key_file.held(target):
        with vault.database.read() as connection:
            owed = {
                each.path: each.owed for each in targets.list_targets(connection) if each.node == vault.node
            }
            content = key_file.content(connection, vault.keys)
        key_file.write(target, content)
        vault.writer.run(lambda tx: targets.note_written(tx.connection, vault.node, path, owed[path]))


def follow_owed(vault: Vault) -> int:
    """Rewrite this node's key files if another node, or a failed try, left some owed; how many still are."""
    with vault.database.read() as connection:
        mine = [each for each in targets.list_targets(connection) if each.node == vault.node]
    if not any(each.state == "owed" for each in mine):
        return 0
    return len(rewrite_key_files(vault))


def backups_holding(connection: Connection, *, before: int) -> Sequence[Backup]:
    """Backups that hold what was there at an instant, also one that is just being made."""
    return backups.holding(connection, before=before)

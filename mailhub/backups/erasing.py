"""What erasure and the lifecycle ask of backups. A key is destroyed when it is in no table and in no key file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import structlog

from mailhub.backups import key_file
from mailhub.backups.vault import Vault
from storage.backups import backups, person_keys
from storage.backups.backups import Backup
from storage.database import Connection

log = structlog.get_logger("mailhub.backups")


def destroy_person_keys(connection: Connection, account: int, contacts: Collection[int]) -> int:
    """Delete the live keys of contacts, in the caller's transaction; how many there were.

    Only after ``rewrite_key_files`` came back empty is their part of every backup unreadable.
    """
    return person_keys.delete_contacts(connection, account, contacts)


def destroy_account_keys(connection: Connection, account: int) -> int:
    """Delete every live key of an account, as ``destroy_person_keys`` does."""
    return person_keys.delete_account(connection, account)


def rewrite_key_files(vault: Vault) -> Sequence[Path]:
    """Replace the key file at every target by one of the present state; the targets where that failed.

    A key that was destroyed, and committed, before the call is in no key file of the other targets when it
    returns. A target that lost what it held (not mounted?) has failed: its own key file is somewhere, as it
    was.
    """
    failed = []
    with vault.database.read() as connection:
        used = backups.targets_in_use(connection)

    for target in vault.targets:
        try:
            if str(target.resolve()) in used:
                key_file.require_there(target)
            with key_file.held(target), vault.database.read() as connection:
                key_file.write(target, key_file.content(connection, vault.keys))
        except OSError as error:
            log.warning("key file not rewritten", target=str(target), error=error.strerror)
            failed.append(target)

    return failed


def backups_holding(connection: Connection, *, before: int) -> Sequence[Backup]:
    """Backups that hold what was there at an instant, also one that is just being made."""
    return backups.holding(connection, before=before)

"""The rolling key file, and the seams that erasure uses."""

from __future__ import annotations

import dataclasses
import os
import secrets
from functools import partial
from pathlib import Path

import pytest

from mailhub.backups import key_file
from mailhub.backups.container import Damaged
from mailhub.backups.erasing import destroy_person_keys, follow_owed, rewrite_key_files
from mailhub.backups.vault import Vault
from mailhub.errors import BadRequest
from mailhub.keys import Keys, new_recovery_key
from storage.backups import backups, person_keys, targets
from storage.database import Database
from storage.schema import contact
from storage.writer import Transaction, WritingThread

ROOT = bytes(range(32))


@pytest.fixture
def vault(database: Database, writer: WritingThread, tmp_path: Path) -> Vault:
    """Two targets; Kim and Ana (contacts 7 and 8 of account 1) have keys."""
    made = Vault(
        database=database,
        writer=writer,
        keys=Keys(ROOT),
        targets=(tmp_path / "a", tmp_path / "b"),
        retention=1,
    )
    rows = [{"account_id": 1, "id": id_, "name": "", "created_at": 1} for id_ in (7, 8)]
    writer.run(lambda tx: tx.connection.execute(contact.insert(), rows))
    for id_ in (7, 8):
        assert writer.run(partial(add_key, id_))
    return made


def add_key(contact_id: int, transaction: Transaction) -> bytes | None:
    holder = (1, person_keys.CONTACT, contact_id)
    return person_keys.add_keys(transaction.connection, {holder: secrets.token_bytes(60)}).get(holder)


def keys_in(path: Path, keys: Keys) -> set[int]:
    columns, rows = key_file.read(path.read_bytes(), keys).tables["person_key"]
    return {row[columns.index("holder_id")] for row in rows}


def test_a_destroyed_key_is_in_no_key_file(vault: Vault) -> None:
    """After destroying and rewriting, no target's key file holds the key, and every other key is still there."""
    assert rewrite_key_files(vault) == []
    paths = [target / key_file.NAME for target in vault.targets]
    assert [keys_in(path, vault.keys) for path in paths] == [{7, 8}, {7, 8}]
    vault.writer.run(lambda tx: destroy_person_keys(tx.connection, 1, [7]))
    assert rewrite_key_files(vault) == []
    assert [keys_in(path, vault.keys) for path in paths] == [{8}, {8}]
    assert all([*path.parent.iterdir()] == [path] and path.stat().st_mode & 0o777 == 0o600 for path in paths)


def test_no_key_is_made_for_who_is_gone(vault: Vault) -> None:
    """A contact that an erasure removed gets no new key from a backup that still sees it."""
    assert vault.writer.run(partial(add_key, 9)) is None


def test_a_target_that_fails_is_named(vault: Vault, tmp_path: Path) -> None:
    """A target that cannot be written is told, and the others are written all the same."""
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    failed = rewrite_key_files(dataclasses.replace(vault, targets=(blocked, tmp_path / "b")))
    assert failed == [blocked]
    assert keys_in(tmp_path / "b" / key_file.NAME, vault.keys) == {7, 8}


def test_the_recovery_key_opens_the_root(vault: Vault) -> None:
    """The recovery key gives back the root key out of the key file; another one, and a file without one, give none."""
    rewrite_key_files(vault)
    path = vault.targets[0] / key_file.NAME
    private, public = new_recovery_key()
    with pytest.raises(BadRequest, match="no recovery key"):
        key_file.root_of(path.read_bytes(), private)
    vault.writer.run(lambda tx: backups.set_recovery_key(tx.connection, public, at=1))
    rewrite_key_files(vault)
    assert key_file.root_of(path.read_bytes(), private) == ROOT
    with pytest.raises(Damaged, match="made for another recovery key"):
        key_file.root_of(path.read_bytes(), os.urandom(32))


def test_a_target_that_left_the_configuration_is_rewritten(vault: Vault, tmp_path: Path) -> None:
    """A directory that backups are not written to any more loses a destroyed key as well, or is named."""
    assert rewrite_key_files(vault) == []
    fewer = dataclasses.replace(vault, targets=(tmp_path / "a",))
    vault.writer.run(lambda tx: destroy_person_keys(tx.connection, 1, [7]))
    assert rewrite_key_files(fewer) == []
    assert keys_in(tmp_path / "b" / key_file.NAME, vault.keys) == {8}

    (tmp_path / "b").rename(tmp_path / "unmounted")
    vault.writer.run(lambda tx: destroy_person_keys(tx.connection, 1, [8]))
    assert rewrite_key_files(fewer) == [tmp_path / "b"]
    assert not (tmp_path / "b").exists()
    (tmp_path / "unmounted").rename(tmp_path / "b")
    assert rewrite_key_files(fewer) == []
    assert keys_in(tmp_path / "b" / key_file.NAME, vault.keys) == set()


def test_a_lost_target_is_answered_for_and_found_again(vault: Vault, tmp_path: Path) -> None:
    """What the operator signed off keeps nothing waiting; configured and there again, it is rewritten and
    lost no more.
    """
    assert rewrite_key_files(vault) == []
    path = str(tmp_path / "b")
    (tmp_path / "b" / key_file.NAME).unlink()
    fewer = dataclasses.replace(vault, targets=(tmp_path / "a",))
    assert rewrite_key_files(fewer) == [tmp_path / "b"]
    signed = partial(targets.sign_off, node=0, path=path, at=5, by="operator", reason="shredded")
    assert vault.writer.run(lambda tx: signed(tx.connection))
    assert rewrite_key_files(fewer) == []
    with vault.database.read() as connection:
        assert {each.path: each.state for each in targets.list_targets(connection)}[path] == "lost"
    assert rewrite_key_files(vault) == []
    with vault.database.read() as connection:
        assert {each.state for each in targets.list_targets(connection)} == {"rewritten"}


def test_another_nodes_target_is_waited_for(vault: Vault, tmp_path: Path) -> None:
    """What another node wrote is named until that node has followed, which it does by itself."""
    other = dataclasses.replace(vault, node=1, targets=(tmp_path / "other",))
    assert rewrite_key_files(vault) == rewrite_key_files(other) == []
    vault.writer.run(lambda tx: destroy_person_keys(tx.connection, 1, [7]))
    assert rewrite_key_files(vault) == [tmp_path / "other"]
    assert follow_owed(other) == 0
    assert keys_in(tmp_path / "other" / key_file.NAME, vault.keys) == {8}
    assert rewrite_key_files(vault) == []

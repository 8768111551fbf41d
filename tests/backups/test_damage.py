"""A backup, or its key file, that is not as it was written: told as damaged, wherever and however little it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

import pytest

from mailhub.backups import container, key_file
from mailhub.backups.container import Damaged, open_records
from mailhub.backups.making import create
from mailhub.backups.vault import Vault
from mailhub.keys import Keys, new_recovery_key
from scripts.rig.damages import chunks, cut, misplaced, turned
from storage.backups import backups
from storage.database import Database
from tests.houses.postroom import PostRoom

KEYS = Keys(bytes(range(32)))
PRIVATE, PUBLIC = new_recovery_key()
Files = tuple[bytes, bytes]


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """One engine is enough: the damage is to files."""
    return sqlite_database


@pytest.fixture
def files(room: PostRoom, kims_ticket: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A small complete backup in chunks of 1 KiB, and its key file, which a recovery key opens, too."""
    monkeypatch.setattr(container, "CHUNK_BYTES", 1024)
    room.answer(kims_ticket)
    vault = Vault(
        database=room.database, writer=room.writer, keys=KEYS, targets=(tmp_path / "b",), retention=1
    )
    vault.writer.run(lambda tx: backups.set_recovery_key(tx.connection, PUBLIC, at=1))
    row = create(vault, actor="operator")
    return (tmp_path / "b" / row.name).read_bytes(), (tmp_path / "b" / key_file.NAME).read_bytes()


def open_backup(data: bytes) -> int:
    """How many records it has."""
    return sum(1 for _ in open_records(BytesIO(data), KEYS)[1])


def open_keys(data: bytes) -> int:
    """How many tables it has."""
    return len(key_file.read(data, KEYS).tables)


def untold(opened: Callable[[bytes], object], damaged: Iterable[bytes]) -> tuple[int, int]:
    """Of so many files how many were opened to the end; whatever is raised but ``Damaged`` fails the test."""
    tried = passed = 0
    for data in damaged:
        tried += 1
        try:
            opened(data)
        except Damaged:
            continue
        passed += 1
    return passed, tried


def test_every_byte_of_a_backup_counts(files: Files) -> None:
    """One bit of any byte turned, the first line and the lengths of chunks included."""
    backup, _ = files
    assert open_backup(backup) > 10
    head = backup[: backup.index(b"\n") + 1]
    assert untold(open_backup, (turn + backup[len(head) :] for turn in turned(head))) == (0, 8 * len(head))
    assert untold(open_backup, turned(backup, [5])) == (0, len(backup))
    assert len(backup) > 4000


def test_every_byte_of_a_key_file_counts(files: Files) -> None:
    """Any bit of any byte turned: no key comes out of it. With the recovery key it is the right root key, or none."""
    _, keys_at = files
    assert open_keys(keys_at) > 5
    assert untold(open_keys, turned(keys_at)) == (0, 8 * len(keys_at))

    def recovered(data: bytes) -> None:
        open_with = Keys(key_file.root_of(data, PRIVATE))
        key_file.read(data, open_with)

    recovered(keys_at)
    line = keys_at[: keys_at.index(b"\n") + 1]
    assert untold(recovered, (turn + keys_at[len(line) :] for turn in turned(line))) == (0, 8 * len(line))


def test_wherever_it_ends_it_is_cut_off(files: Files) -> None:
    """A backup that ends at a border of chunks, beside one, or in its first line; a key file that ends anywhere."""
    backup, keys_at = files
    assert len(chunks(backup)) > 3
    passed, tried = untold(open_backup, cut(backup))
    assert (passed, tried > 3 * len(chunks(backup))) == (0, True)
    assert untold(open_keys, (keys_at[:end] for end in range(len(keys_at)))) == (0, len(keys_at))


def test_each_chunk_has_its_place(files: Files) -> None:
    """No two chunks can change places, none can be missing or stand twice, and nothing can follow the last."""
    backup, keys_at = files
    count = len(chunks(backup))
    assert untold(open_backup, misplaced(backup)) == (0, 2 * count + count * (count - 1) // 2)
    assert untold(open_backup, [backup + b"x", backup + backup]) == (0, 2)
    assert untold(open_keys, [keys_at + b"x", keys_at + keys_at]) == (0, 2)


@pytest.mark.parametrize("made_at", [b"1e999", b"null", b"[[[", b"[" * 3000, b'"x"'])
def test_a_first_line_of_anybody_is_refused(files: Files, made_at: bytes) -> None:
    """What no bit that turned would write: numbers without end, nesting without end."""
    line, _, rest = files[0].partition(b"\n")
    before, _, after = line.partition(b'"made_at": ')
    changed = before + b'"made_at": ' + made_at + after[after.index(b",") :]
    assert untold(open_backup, [changed + b"\n" + rest]) == (0, 1)
    assert untold(open_keys, [made_at + b"\n" + rest]) == (0, 1)

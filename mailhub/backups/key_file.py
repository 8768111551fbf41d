"""The rolling key file beside the backups: all that a restore needs and that no backup may hold.

Durable state: ``mailhub.keys`` in every target: one JSON line (format, and the root key sealed for the
operator's recovery key), then a body sealed under the live root key: the sealed keys of all holders, both
kinds of tombstones, the stages of accounts, and the ledger of backups. It is replaced as a whole (write,
sync, rename, sync the directory), so that an erased person's key is in no target once ``write`` came back.
Copies that others made are beyond reach. Must not: hold the key of a destroyed person; be read by a backup.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailhub.backups.container import Damaged
from mailhub.errors import BadRequest, SealBroken
from mailhub.keys import Keys, recover
from storage.backups import key_files
from storage.database import Connection
from storage.engine.packing import pack, unpack

NAME = "mailhub.keys"
FORMAT = 1
_BOUND = b"key-file"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """The tables of a key file, each as (columns, rows)."""

    tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Any]]]]


def content(connection: Connection, keys: Keys) -> bytes:
    """The key file of what the database holds now."""
    public = key_files.recovery_public(connection)
    head = {"mailhub-keys": FORMAT, "root": None if public is None else keys.escrow(public).hex()}
    packed = [pack([name, *columns], rows) for name, columns, rows in key_files.carried(connection)]
    body = b"".join(len(each).to_bytes(4, "big") + each for each in packed)
    line = json.dumps(head).encode("ascii") + b"\n"
    return line + keys.seal("backups", body, bound_to=_BOUND + line)


def require_there(directory: Path) -> None:
    """Raise OSError where backups must be lying and no key file is: a disk that is not mounted looks like that."""
    if not (directory / NAME).exists():
        raise OSError(
            errno.ENOENT, f"no {NAME}, though backups were written there: is it mounted?", str(directory)
        )


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """A target, made if it is missing, for one writer of key files alone: read what to write only within."""
    directory.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(directory: Path, data: bytes) -> None:
    """Replace the key file of one target, durably. OSError leaves the one before, and nothing half-written."""
    fresh = directory / f"{NAME}.new"
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(directory / NAME)
    finally:
        fresh.unlink(missing_ok=True)

    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Make a rename in a directory last."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _line(data: bytes) -> tuple[dict[str, Any], bytes]:
    line, end, _ = data.partition(b"\n")
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None

    if not end or not isinstance(head, dict) or head.get("mailhub-keys") != FORMAT:
        raise Damaged(
            "this is no key file of this version, or its first line was changed: it is called mailhub.keys and lies"
            " beside the backups"
        )

    return head, line + end


def root_of(data: bytes, private: bytes) -> bytes:
    """The root key out of a key file, with the operator's recovery key. Raises ``Damaged`` also for another's key, and
    ``BadRequest`` where none was made.
    """
    head, _ = _line(data)
    try:
        escrowed = None if head["root"] is None else bytes.fromhex(head["root"])
        if escrowed is not None:
            return recover(private, escrowed)
    except (KeyError, TypeError, ValueError):
        raise Damaged("the first line of the key file was changed: its root key cannot be read") from None
    except SealBroken:
        raise Damaged(
            "the key file was made for another recovery key, or its first line was changed"
        ) from None

    raise BadRequest("no recovery key was made when this key file was written: the root key itself is needed")


def read(data: bytes, keys: Keys) -> KeyFile:
    """Open a key file; raises ``Damaged`` when it is none, was changed, or is another root key's."""
    _, line = _line(data)
    try:
        body = keys.open("backups", data[len(line) :], bound_to=_BOUND + line)
    except SealBroken:
        raise Damaged(
            "the key file was written with another root key, or it was changed or cut off"
        ) from None

    tables = {}
    position = 0
    while position < len(body):
        end = position + 4 + int.from_bytes(body[position : position + 4], "big")
        (name, *columns), rows = unpack(body[position + 4 : end])
        tables[name] = (columns, rows)
        position = end

    return KeyFile(tables=tables)

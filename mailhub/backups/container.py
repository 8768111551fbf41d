"""The file of a backup: chunks that cannot be changed, cut, repeated or put in another order without being noticed.

    header line (JSON): format, id, instant, schema revision, the file's key sealed under the root key, nonce prefix
    then chunks: length (4 bytes) | AES-256-GCM with the nonce prefix (7) | counter (4) | 1 for the last, else 0

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015); the header is bound to every chunk.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailhub.errors import BadRequest, SealBroken
from mailhub.keys import Keys

FORMAT = 1
CHUNK_BYTES = 1 << 20  # a chunk is closed once it is as long
LARGEST = 1 << 28  # bytes that a chunk may have
HEADER_BYTES = 4096
PREFIX_BYTES = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What is said of a backup before its first chunk."""

    id: int
    made_at: int
    revision: str


class Damaged(BadRequest):
    """The file is not what was written: changed, cut, put in another order, or no backup at all."""


def _nonce(prefix: bytes, counter: int, *, last: bool) -> bytes:
    return prefix + counter.to_bytes(4, "big") + bytes([last])


class Sealer:
    """Gathers records into chunks; ``finish`` gives the last one."""

    def __init__(self, header: Header, keys: Keys) -> None:
        key = secrets.token_bytes(32)
        self._prefix = secrets.token_bytes(PREFIX_BYTES)
        head: dict[str, Any] = {"mailhub-backup": FORMAT, "id": header.id, "made_at": header.made_at}
        head |= {"revision": header.revision, "prefix": self._prefix.hex()}
        head["key"] = keys.seal("backups", key, bound_to=f"backup:{header.id}".encode()).hex()
        self.line = json.dumps(head).encode("ascii") + b"\n"
        self._aead = AESGCM(key)
        self._counter = 0
        self._gathered = bytearray()

    def add(self, record: bytes) -> bytes:
        """Take a record; the bytes to write now, often none."""
        self._gathered += len(record).to_bytes(4, "big") + record
        return self._close(last=False) if len(self._gathered) >= CHUNK_BYTES else b""

    def finish(self) -> bytes:
        """The last chunk."""
        return self._close(last=True)

    def _close(self, *, last: bool) -> bytes:
        nonce = _nonce(self._prefix, self._counter, last=last)
        sealed = self._aead.encrypt(nonce, bytes(self._gathered), self.line)
        self._counter += 1
        self._gathered.clear()
        return len(sealed).to_bytes(4, "big") + sealed


def open_records(file: IO[bytes], keys: Keys) -> tuple[Header, Iterator[bytes]]:
    """The header, and every record in order. ``Damaged`` is raised at the place where the file was changed."""
    line = file.readline(HEADER_BYTES)
    try:
        head = json.loads(line)
        if head["mailhub-backup"] != FORMAT:
            raise Damaged("this backup has a format that this mailhub does not know")
        header = Header(id=int(head["id"]), made_at=int(head["made_at"]), revision=str(head["revision"]))
        prefix = bytes.fromhex(head["prefix"])
        sealed = bytes.fromhex(head["key"])
        key = keys.open("backups", sealed, bound_to=f"backup:{header.id}".encode())
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise Damaged("this is no backup, or its first line was changed") from None
    except SealBroken:
        raise Damaged("the backup was made with another root key, or its first line was changed") from None

    return header, _records(file, AESGCM(key), prefix, line)


def _records(file: IO[bytes], aead: AESGCM, prefix: bytes, line: bytes) -> Iterator[bytes]:
    counter = 0
    last = False
    while not last:
        plain, last = _chunk(file, aead, prefix, counter, line)
        counter += 1
        position = 0
        while position < len(plain):
            end = position + 4 + int.from_bytes(plain[position : position + 4], "big")
            yield plain[position + 4 : end]
            position = end

    if file.read(1):
        raise Damaged("something was added to the end of the backup")


def _chunk(file: IO[bytes], aead: AESGCM, prefix: bytes, counter: int, line: bytes) -> tuple[bytes, bool]:
    length = int.from_bytes(start := file.read(4), "big")
    sealed = file.read(length) if len(start) == 4 and length <= LARGEST else b""
    if len(start) < 4 or len(sealed) < length or not sealed:
        raise Damaged(f"the backup is cut off or damaged at chunk {counter}")

    for last in (False, True):
        try:
            return aead.decrypt(_nonce(prefix, counter, last=last), sealed, line), last
        except (InvalidTag, ValueError):
            continue

    raise Damaged(f"chunk {counter} of the backup was changed or is in the wrong place")

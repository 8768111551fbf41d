"""Rows of one holder, sealed under the holder's key: 2 bytes of length, a JSON head, a nonce, the sealed rows."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailhub.backups.container import Damaged
from mailhub.keys import NONCE_BYTES
from storage.backups.dumping import Group
from storage.backups.person_keys import Holder
from storage.engine.packing import pack, unpack

TRAILER = ""  # the "table" of the last record, which holds the counts


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record whose rows are still sealed."""

    table: str
    holder: Holder
    count: int
    head: bytes
    sealed: bytes


def seal(group: Group, key: bytes) -> bytes:
    """A group of rows as a record."""
    head = json.dumps([group.table, *group.holder, len(group.rows)], separators=(",", ":")).encode("ascii")
    nonce = secrets.token_bytes(NONCE_BYTES)
    body = nonce + AESGCM(key).encrypt(nonce, pack(group.columns, group.rows), head)
    return len(head).to_bytes(2, "big") + head + body


def trailer(counts: Mapping[str, int]) -> bytes:
    """The last record: how many rows each table has."""
    head = json.dumps([TRAILER, 0, "", 0, 0]).encode("ascii")
    return len(head).to_bytes(2, "big") + head + json.dumps(counts).encode("ascii")


def parse(data: bytes) -> SealedRecord:
    """The record of these bytes."""
    end = 2 + int.from_bytes(data[:2], "big")
    table, account, kind, holder, count = json.loads(data[2:end])
    return SealedRecord(table, (account, kind, holder), count, data[2:end], data[end:])


def rows_of(record: SealedRecord, key: bytes) -> tuple[list[str], list[list[Any]]]:
    """Its columns and rows; ``Damaged`` when this is not its key."""
    try:
        plain = AESGCM(key).decrypt(record.sealed[:NONCE_BYTES], record.sealed[NONCE_BYTES:], record.head)
    except InvalidTag:
        raise Damaged(
            "a record does not open with its holder's key: the key file belongs to other backups"
        ) from None
    return unpack(plain)


def counts_of(record: SealedRecord) -> Mapping[str, int]:
    """What a trailer says."""
    counts: Mapping[str, int] = json.loads(record.sealed)
    return counts

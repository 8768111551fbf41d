"""How the messages that a person was erased from came about: a change for each, against the bytes there were before.

Durable state: table redaction, carried by the key files of backups and by no backup. A restored backup holds
these messages as they were; their redacted revision is made again from it, to the byte
(``erasing.mail.redo``). A change tells nothing without the bytes before, and holds nothing of the person:
only what took their place, and references. Functions take a connection and commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import zstandard
from sqlalchemy import Connection, Row, insert, select, tuple_

from storage.schema import redaction

DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Redaction:
    """One change of one message."""

    account_id: int
    message_id: int
    redacted_at: int
    before: bytes
    change: bytes
    expires_at: int | None = None

    def made_again(self, raw: bytes, key: bytes) -> bytes | None:
        """The redacted bytes; None when these are not the bytes it was made of."""
        if digest_of(raw, key) != self.before:
            return None
        return zstandard.ZstdDecompressor(dict_data=_prefix(raw)).decompress(self.change)


def digest_of(raw: bytes, key: bytes) -> bytes:
    """What tells the bytes before, and reveals nothing of them without the key."""
    return blake2b(raw, key=key, digest_size=DIGEST_BYTES, person=b"redaction").digest()


def change_of(before: bytes, after: bytes) -> bytes:
    """A zstd frame (RFC 8878) that has ``before`` as its dictionary."""
    return zstandard.ZstdCompressor(level=9, dict_data=_prefix(before)).compress(after)


def _prefix(raw: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(raw, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


def add_redaction(connection: Connection, row: Redaction) -> None:
    """Keep a change."""
    connection.execute(insert(redaction).values({name: getattr(row, name) for name in Redaction.__slots__}))


def list_redactions(
    connection: Connection, *, since: int, after: tuple[int, int, int], limit: int
) -> Sequence[Redaction]:
    """Changes made after ``since``, by account, message and time, behind that place."""
    key = tuple_(*redaction.primary_key.columns)
    query = select(redaction).where(redaction.c.redacted_at > since, key > tuple_(*after))
    return [
        _redaction(row)
        for row in connection.execute(query.order_by(*redaction.primary_key.columns).limit(limit))
    ]


def _redaction(row: Row[tuple[object, ...]]) -> Redaction:
    return Redaction(**row._mapping)

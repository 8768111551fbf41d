"""Rows as bytes and back, exactly: the body of a backup's record. One JSON header, then the bytes of binary columns.

``pack``: zstd( length of the JSON, 4 bytes big-endian | JSON | blobs joined ). JSON keeps integers and floats exactly.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import zstandard

from storage.errors import StorageError

LEVEL = 3
LARGEST = 1 << 31  # bytes that a record may unfold to


class Unpackable(StorageError):
    """These bytes are no packed rows."""

    temporary = False


def pack(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows of one table, compressed."""
    blobs: list[bytes] = []
    head = json.dumps(
        [columns, [[_out(value, blobs) for value in row] for row in rows]], separators=(",", ":")
    )
    plain = head.encode("utf-8", "surrogatepass")
    return zstandard.ZstdCompressor(level=LEVEL).compress(
        b"".join((len(plain).to_bytes(4, "big"), plain, *blobs))
    )


def _out(value: Any, blobs: list[bytes]) -> Any:
    if not isinstance(value, (bytes, memoryview)):
        return value
    blobs.append(bytes(value))
    return [len(blobs[-1])]


def unpack(packed: bytes) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows as ``pack`` was given them; raises ``Unpackable``."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=LARGEST)
        end = 4 + int.from_bytes(plain[:4], "big")
        columns, rows = json.loads(plain[4:end].decode("utf-8", "surrogatepass"))
        for row in rows:
            for index, value in enumerate(row):
                if isinstance(value, list):
                    row[index] = plain[end : end + value[0]]
                    end += value[0]
    except (zstandard.ZstdError, ValueError, TypeError) as error:
        raise Unpackable(f"a record of the backup cannot be read: {type(error).__name__}") from None

    return columns, rows

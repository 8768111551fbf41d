"""An independent witness for erasures: finds bytes anywhere in a data directory, without the product's own search.

Its own ways in: SQLite, the standard library's email and codecs, zstandard, and the files as they are.
"""

from __future__ import annotations

import email
import email.policy
import os
from collections.abc import Iterable, Iterator
from email.header import decode_header
from email.message import Message
from pathlib import Path
from typing import Any

import numpy as np
import pysqlite3.dbapi2 as sqlite3  # the engine of this process: two of them drop each other's locks
import zstandard

from classifier.model import Counts
from classifier.tokens import features_from_bytes
from storage.engine.open_files import reading

Place = tuple[str, bytes]


def places(directory: Path) -> Iterator[Place]:
    """Every piece of bytes there is: files, columns, raws, their decoded parts, headers and file names."""
    yield from files(directory)
    connection = sqlite3.connect(f"file:{directory / 'mailhub.sqlite3'}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table.startswith("message_index"):
                continue  # its files are read above, its words are asked for in ``indexed``
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            columns = [each[0] for each in cursor.description]
            for row in cursor:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, str | bytes):
                        yield f"column:{table}.{column}", value.encode() if isinstance(value, str) else value
        yield from raws(connection.execute("SELECT message_id, data FROM raw ORDER BY message_id, slice"))
    finally:
        connection.close()


def files(directory: Path) -> Iterator[Place]:
    """Every file below, as it is."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder) / name
            if path.is_file():
                with reading(path) as read_at:
                    yield f"file:{path.relative_to(directory)}", read_at(path.stat().st_size, 0)


def raws(slices: Iterable[Any]) -> Iterator[Place]:
    """The messages of these (message, slice of its frame), with their decoded parts, headers and file names."""
    frames: dict[int, bytes] = {}
    for message, data in slices:
        frames[message] = frames.get(message, b"") + data
    for message, frame in frames.items():
        raw = zstandard.ZstdDecompressor().decompress(frame)
        yield f"raw:{message}", raw
        yield from _decoded(message, email.message_from_bytes(raw))


def _decoded(message: int, whole: Message) -> Iterator[Place]:
    for part in whole.walk():
        for name, value in part.items():
            pieces = decode_header(str(value))
            text = "".join(
                p.decode(c or "latin-1", "replace") if isinstance(p, bytes) else p for p, c in pieces
            )
            yield f"header:{message}", f"{name}: {text}".encode("utf-8", "surrogateescape")
        yield f"filename:{message}", str(part.get_filename() or "").encode("utf-8", "replace")
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield f"part:{message}", payload


def holding(directory: Path, wanted: bytes, *, exactly: bool = False) -> set[str]:
    """Where these bytes are; in whatever case unless ``exactly``."""
    return found_in(places(directory), wanted, exactly=exactly)


def found_in(everything: Iterable[Place], wanted: bytes, *, exactly: bool = False) -> set[str]:
    """In which of these places the bytes are; in whatever case unless ``exactly``."""
    if exactly:
        return {place for place, content in everything if wanted in content}
    lowered = wanted.lower()
    return {place for place, content in everything if lowered in content.lower()}


def indexed(directory: Path, word: str) -> set[int]:
    """Messages whose index row has this word; the index itself is asked, not what it is about."""
    connection = sqlite3.connect(str(directory / "mailhub.sqlite3"))
    try:
        rows = connection.execute(
            "SELECT rowid FROM message_index WHERE message_index MATCH ?", (f'"{word}"',)
        )
        return {row[0] for row in rows}
    finally:
        connection.close()


def labelled_with(directory: Path, identifiers: set[int]) -> set[int]:
    """Messages whose ledger row holds any of these features."""
    connection = sqlite3.connect(f"file:{directory / 'mailhub.sqlite3'}?mode=ro", uri=True)
    try:
        rows = connection.execute("SELECT message_id, features FROM ledger").fetchall()
    finally:
        connection.close()
    return {message for message, content in rows if identifiers & set(features_from_bytes(content).tolist())}


def counted(counts: Counts, identifiers: set[int]) -> int:
    """How many of these features a model has counted."""
    slots = counts.table.find(np.array(sorted(identifiers), dtype=np.uint32))
    slots = slots[slots >= 0]
    return int((counts.table.counts(slots, 0) + counts.table.counts(slots, 1) > 0).sum())

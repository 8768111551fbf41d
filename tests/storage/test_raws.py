"""The raw messages: slices of one frame, written ahead of large messages, and swept when no message follows."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest
import zstandard
from sqlalchemy import select

from storage.database import Database
from storage.errors import SlicesGone
from storage.mail import raws
from storage.mail.raws import SLICE_BYTES
from storage.schema import raw, raw_pending
from storage.writer import WritingThread

NOW = 1_800_000_000_000_000
SIZES = [0, 1, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1]


def noise(size: int) -> bytes:
    """Bytes that do not compress."""
    return Random(size).randbytes(size)


@pytest.mark.parametrize("size", [*SIZES, 20 * 1024 * 1024])
def test_slices_join_to_the_original(size: int) -> None:
    """Slices are at most 1 MiB, all but the last are full, and joined they are the message, of any size."""
    for data in (noise(size), bytes(size)):
        slices = raws.compress(data)
        assert {len(each) for each in slices[:-1]} <= {SLICE_BYTES}
        assert 0 < len(slices[-1]) <= SLICE_BYTES
        assert zstandard.ZstdDecompressor().decompress(b"".join(slices)) == data


def test_messages_come_back_from_the_database(database: Database, writer: WritingThread) -> None:
    """Messages of every size come back byte for byte, each in its own account only."""
    sizes = [*SIZES, 3 * SLICE_BYTES]
    for message, size in enumerate(sizes, start=1):
        rows = raws.slice_rows(1, message, raws.compress(noise(size)))
        writer.run(lambda tx, rows=rows: tx.connection.execute(raw.insert(), rows))  # type: ignore[misc]
    with database.read() as connection:
        read = [raws.read(connection, 1, message) for message in range(1, len(sizes) + 2)]
        assert raws.read(connection, 2, 1) is None
    assert read == [*(noise(size) for size in sizes), None]


def write_ahead(writer: WritingThread, message: int, slices: list[bytes], *, at: int = NOW) -> None:
    """A turn for each slice, as the reception does it."""
    for index, data in enumerate(slices):
        writer.run(lambda tx, i=index, d=data: raws.write_ahead(tx.connection, 1, message, i, d, at=at))  # type: ignore[misc]


def pending(database: Database) -> list[int]:
    with database.read() as connection:
        return sorted(connection.execute(select(raw_pending.c.message_id)).scalars())


def test_settled_slices_are_never_swept(database: Database, writer: WritingThread) -> None:
    """Slices written ahead whose message was committed stay, however old they are."""
    data = noise(3 * SLICE_BYTES)
    write_ahead(writer, 7, raws.compress(data))
    assert pending(database) == [7]
    writer.run(lambda tx: raws.settle(tx.connection, 1, 7, 4))
    assert writer.run(lambda tx: raws.sweep(tx.connection, before=NOW * 2, limit=10)) == 0
    with database.read() as connection:
        assert raws.read(connection, 1, 7) == data


@pytest.mark.parametrize("limit", [1, 100])
def test_swept_slices_cannot_be_settled(database: Database, writer: WritingThread, limit: int) -> None:
    """A message whose slices were swept, all or one, is not committed without them."""
    write_ahead(writer, 7, [b"one", b"two"])
    writer.run(lambda tx: raws.sweep(tx.connection, before=NOW + 1, limit=limit))
    with pytest.raises(SlicesGone):
        writer.run(lambda tx: raws.settle(tx.connection, 1, 7, 2))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_sweeping_ends_and_removes_only_what_is_old(
    database: Database, writer: WritingThread, limit: int
) -> None:
    """Sweeping in steps of any size removes all slices of old orphans, at most so many a step, and nothing else."""
    for message, at in ((1, NOW - 2), (2, NOW - 1), (3, NOW)):
        write_ahead(writer, message, [b"one", b"two"], at=at)
    steps = [writer.run(lambda tx: raws.sweep(tx.connection, before=NOW, limit=limit)) for _ in range(12)]
    assert max(steps) <= limit
    assert sum(steps) == 4
    assert pending(database) == [3]
    with database.read() as connection:
        assert sorted(connection.execute(select(raw.c.message_id)).scalars()) == [3, 3]


def test_a_walk_holds_one_message_at_a_time(database: Database, writer: WritingThread) -> None:
    """However well mail was compressed, a walk through it makes one message's bytes at a time, and misses none."""
    size = 8 * 1024 * 1024
    for message in range(1, 13):
        rows = raws.slice_rows(1, message, raws.compress(b"\n" * size))
        writer.run(lambda tx, rows=rows: tx.connection.execute(raw.insert(), rows))  # type: ignore[misc]
    tracemalloc.start()
    try:
        with database.read() as connection:
            page = raws.list_raws(connection, 1, 0, 200)
        read = [len(frame.read()) for _, frame in page]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == [size] * 12
    assert peak < 2 * size


@pytest.mark.parametrize("limit", [2, 5, 200])
def test_a_page_of_a_walk_is_bounded_by_bytes(database: Database, writer: WritingThread, limit: int) -> None:
    """Pages hold so many compressed bytes, or one message; together they hold every message whole, once."""
    sizes = [3 * SLICE_BYTES, 10, 6 * SLICE_BYTES, 2 * SLICE_BYTES, 2 * SLICE_BYTES, 1, SLICE_BYTES]
    for message, size in enumerate(sizes, start=1):
        rows = raws.slice_rows(1, message, raws.compress(noise(size)))
        writer.run(lambda tx, rows=rows: tx.connection.execute(raw.insert(), rows))  # type: ignore[misc]
    found, after = [], 0
    with database.read() as connection:
        while page := raws.list_raws(connection, 1, after, limit):
            held = sum(len(each) for _, frame in page for each in frame.slices)
            assert held <= raws.PAGE_BYTES or len(page) == 1
            found += [(message, len(frame.read())) for message, frame in page]
            after = page[-1][0]
    assert found == list(enumerate(sizes, start=1))

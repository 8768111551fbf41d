"""The raw messages: one zstd frame each, stored in slices of at most 1 MiB.

Measured: a 20 MB row holds SQLite's writer for 0.12 s, a 1 MiB slice for 3 ms. So a large message's slices
are written ahead of its commit, a turn each; slices whose message never came are swept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import zstandard
from sqlalchemy import Connection, Row, delete, func, insert, select

from storage.errors import SlicesGone
from storage.schema import raw, raw_pending

SLICE_BYTES = 1024 * 1024
LEVEL = 3
PAGE_BYTES = 4 * 1024 * 1024  # of compressed mail in one page of a walk, or one message


_kept = threading.local()


def _of_thread() -> zstandard.ZstdCompressor:
    """This thread's compressor: a new one for each message costs 40% more, and none may be shared."""
    if not hasattr(_kept, "compressor"):
        _kept.compressor = zstandard.ZstdCompressor(level=LEVEL)
    compressor: zstandard.ZstdCompressor = _kept.compressor
    return compressor


def compress(data: bytes) -> list[bytes]:
    """The message as slices of one zstd frame (no dictionary: it would hold other tenants' mail)."""
    frame = _of_thread().compress(data)
    if len(frame) <= SLICE_BYTES:
        return [frame]
    return [frame[start : start + SLICE_BYTES] for start in range(0, len(frame), SLICE_BYTES)]


def read(connection: Connection, account_id: int, message_id: int) -> bytes | None:
    """The message exactly as it was received; None when there is none in this account."""
    slices = _slices(connection, account_id, message_id)
    return zstandard.ZstdDecompressor().decompress(b"".join(slices)) if slices else None


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it is stored. Its bytes are made when asked for: 50 MiB of blank lines lie in a frame of 5 KiB."""

    slices: Sequence[bytes]

    def read(self) -> bytes:
        """The message, or the beginning of one whose slices are still being written ahead."""
        frame = b"".join(self.slices)
        try:
            return zstandard.ZstdDecompressor().decompress(frame)  # twice as fast as the one below
        except zstandard.ZstdError:
            return zstandard.ZstdDecompressor().decompressobj().decompress(frame)


def frames_of(connection: Connection, account_id: int, messages: Sequence[int]) -> Mapping[int, Frame]:
    """The frames of these messages, in one statement: the caller bounds how much that is."""
    query = (
        select(raw.c.message_id, raw.c.data)
        .where(raw.c.account_id == account_id, raw.c.message_id.in_(messages))
        .order_by(raw.c.message_id, raw.c.slice)
    )
    return _frames(connection.execute(query))


def _frames(rows: Iterable[Row[Any]]) -> dict[int, Frame]:
    slices: dict[int, list[bytes]] = {}
    for row in rows:
        slices.setdefault(row.message_id, []).append(row.data)
    return {message: Frame(data) for message, data in slices.items()}


def list_raws(connection: Connection, account_id: int, after: int, limit: int) -> Sequence[tuple[int, Frame]]:
    """(message, its frame) of an account, by id from the one after ``after``: at most ``limit`` slices and
    ``PAGE_BYTES``, or one message. Read one frame at a time.

    Slices written ahead of their message are there too, as far as they have come.
    """
    last = _last_of_page(connection, account_id, after, limit)
    if last is None:
        return []
    own = (raw.c.account_id == account_id, raw.c.message_id > after, raw.c.message_id <= last)
    query = select(raw.c.message_id, raw.c.data).where(*own).order_by(raw.c.message_id, raw.c.slice)
    return list(_frames(connection.execute(query)).items())


def _last_of_page(connection: Connection, account_id: int, after: int, limit: int) -> int | None:
    """Up to which message a page goes, by the sizes alone; None when there is none behind ``after``."""
    own = (raw.c.account_id == account_id, raw.c.message_id > after)
    query = (
        select(raw.c.message_id, func.length(raw.c.data)).where(*own).order_by(raw.c.message_id, raw.c.slice)
    )
    sizes = connection.execute(query.limit(limit)).all()
    messages = list(dict.fromkeys(message for message, _ in sizes))
    if len(sizes) == limit:
        messages = messages[:-1] or messages  # the last may go on behind the limit
    total = 0
    last = messages[0] if messages else None

    for message in messages:
        total += sum(size for each, size in sizes if each == message)
        if total > PAGE_BYTES:
            return last
        last = message

    return last


def _slices(connection: Connection, account_id: int, message_id: int) -> list[bytes]:
    own = (raw.c.account_id == account_id, raw.c.message_id == message_id)
    return list(connection.execute(select(raw.c.data).where(*own).order_by(raw.c.slice)).scalars())


def replace_raw(connection: Connection, account_id: int, message_id: int, slices: list[bytes]) -> None:
    """Store other bytes for a message."""
    connection.execute(delete(raw).where(raw.c.account_id == account_id, raw.c.message_id == message_id))
    connection.execute(insert(raw), slice_rows(account_id, message_id, slices))


def slice_rows(account_id: int, message_id: int, slices: list[bytes]) -> list[dict[str, object]]:
    """Rows for ``schema.raw``."""
    return [
        {"account_id": account_id, "message_id": message_id, "slice": index, "data": data}
        for index, data in enumerate(slices)
    ]


def write_ahead(
    connection: Connection, account_id: int, message_id: int, index: int, data: bytes, *, at: int
) -> None:
    """Store one slice of a large message before the message itself; ``settle`` or ``sweep`` must follow."""
    if index == 0:
        connection.execute(
            raw_pending.insert().values(account_id=account_id, message_id=message_id, stored_at=at)
        )
    connection.execute(
        raw.insert().values(account_id=account_id, message_id=message_id, slice=index, data=data)
    )


def settle(connection: Connection, account_id: int, message_id: int, slices: int) -> None:
    """The message of these slices is being committed: they are its own now.

    Raises ``SlicesGone`` when a sweep was faster, even with a part of them; nothing is filed then.
    """
    pending = _forget_pending(
        connection, account_id, message_id
    )  # takes the lock that ``sweep`` needs, before counting
    own = (raw.c.account_id == account_id, raw.c.message_id == message_id)
    found = connection.execute(select(func.count()).select_from(raw).where(*own)).scalar_one()
    if not pending or found != slices:
        raise SlicesGone(f"{found} of {slices} slices are there: the others were swept")


def _forget_pending(connection: Connection, account_id: int, message_id: int) -> bool:
    own = (raw_pending.c.account_id == account_id, raw_pending.c.message_id == message_id)
    return connection.execute(delete(raw_pending).where(*own)).rowcount > 0


def pending_before(connection: Connection, before: int) -> Sequence[tuple[int, int]]:
    """Account and message of slices that were written ahead before then, and whose message never came."""
    query = select(raw_pending.c.account_id, raw_pending.c.message_id).where(raw_pending.c.stored_at < before)
    return [(row.account_id, row.message_id) for row in connection.execute(query)]


def sweep(connection: Connection, *, before: int, limit: int, of: tuple[int, int] | None = None) -> int:
    """Delete at most ``limit`` slices written ahead before then whose message never came; how many were deleted.

    ``of``: the account and message whose slices they are; None: those of any one.
    """
    own = (raw_pending.c.account_id == of[0], raw_pending.c.message_id == of[1]) if of else ()
    pending = connection.execute(
        select(raw_pending.c.account_id, raw_pending.c.message_id)
        .where(raw_pending.c.stored_at < before, *own)
        .limit(1)
        .with_for_update()  # against ``settle`` on another node; ignored by SQLite
    ).first()
    if pending is None:
        return 0

    own = (raw.c.account_id == pending.account_id, raw.c.message_id == pending.message_id)
    slices = connection.execute(select(raw.c.slice).where(*own).limit(limit)).scalars().all()
    connection.execute(delete(raw).where(*own, raw.c.slice.in_(slices)))
    if len(slices) < limit:
        _forget_pending(connection, pending.account_id, pending.message_id)

    return len(slices)

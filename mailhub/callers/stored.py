"""Bytes of stored messages for whoever asks: the raw, and its files, charged to the request until its answer is sent."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from mailhub.callers.caller import Call
from mailhub.callers.named import message_row
from mailhub.errors import NotFound
from mailhub.message import parse
from storage.mail import raws

PIECE_BYTES = 256 * 1024


def raw_of(call: Call, message: int) -> bytes:
    """Charged to the request until its answer is sent."""
    with call.house.database.read() as connection:
        row = message_row(connection, call, message)
        call.charges.hold(row.size_bytes)
        raw = raws.read(connection, call.account, row.id)
    if raw is None:
        raise NotFound(f"message {message} has no raw bytes")
    return raw


def attached(call: Call, message: int, index: int) -> Response:
    """One file of a message, decoded, as opaque bytes: a browser must not run what a stranger wrote."""
    raw = raw_of(call, message)
    files = parse.list_attachments(raw)
    if not 0 <= index < len(files):
        raise NotFound(f"message {message} has no attachment {index}; it has {len(files)}, counted from 0")
    content = parse.attachment_bytes(raw, index)
    named = quote(files[index].filename, safe="")  # RFC 8187 3.2: nothing of a stranger's is written as it is
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{named}" if named else "attachment",
        "X-Content-Type-Options": "nosniff",
    }
    headers["Content-Length"] = str(len(content))
    return StreamingResponse(in_pieces(call, content), media_type="application/octet-stream", headers=headers)


def in_pieces(call: Call, content: bytes) -> Iterator[bytes]:
    """In pieces that wait for the client: the connection holds one, and the request's charge lasts until the end.

    A client that goes leaves the iterator in a cycle of tracebacks: the bytes are dropped with the charge, not by it.
    """
    held = [content]
    call.charges.at_end(held.clear)
    return _cut(held, len(content))


def _cut(held: list[bytes], size: int) -> Iterator[bytes]:
    for start in range(0, size, PIECE_BYTES):
        if not held:
            return
        yield held[0][start : start + PIECE_BYTES]

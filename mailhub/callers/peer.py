"""Who is at the other end: the admin socket tells the caller's uid (SO_PEERCRED, unix(7)), TCP tells nothing.

Read once per connection and put into the state that its requests see: ``request.state.door`` ("admin", "http"
or "https") and ``request.state.uid`` (None over TCP).

Also the bounds of a connection, before anything is known of its caller: how many there may be (each door
apart, so that nobody from elsewhere locks the operator out), how long a request may take to come, how long
its head is and of how many fields, how long an answer may take to be read, and how much of all answers
together may wait for slow readers.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections import Counter
from http import HTTPStatus
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mailhub.callers import problems
from mailhub.intake.smtp.limits import address_group, is_loopback
from mailhub.system.logs import new_error_id

CONNECTIONS = {"admin": 128, "http": 256, "https": 256, "handshake": 256}
PER_ADDRESS = 32  # IPv6 by /64
HEAD_SECONDS = 10.0  # for the first request, and for each head from its first byte to its last
BODY_SECONDS = 300.0  # for the rest of a request: 50 MiB at 180 kB/s
ANSWER_SECONDS = 300.0  # for the client to read an answer that does not fit into the socket's buffer
WAITING_BYTES = 256 * 1024 * 1024  # of answers that wait for slow readers, all connections together
HEAD_FIELDS = 100
HEAD_BYTES = 64 * 1024  # of a request line and its header fields, and of trailers
FRAMING = 8  # bytes around each byte of a body, when it comes in chunks of one
TOO_LARGE = f"a request's head may have {HEAD_BYTES} bytes and {HEAD_FIELDS} fields"
NOT_HTTP = "this is no HTTP/1.1 request"

log = structlog.get_logger("mailhub.api")

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def peer_uid(connection: socket.socket) -> int | None:
    """The uid of the process that opened a Unix socket; None for any other family."""
    if connection.family != socket.AF_UNIX:
        return None
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(packed)[1]
    return uid


class Admission:
    """Counts connections by door, and each client's at each; knows whose answers wait for them to be read."""

    def __init__(self) -> None:
        self._open = Counter[str]()  # by door
        self._by_group = Counter[tuple[str, str]]()  # by door and client
        self._waiting: dict[PeerProtocol, None] = {}  # who waits longest comes first

    def admit(self, door: str, group: str) -> bool:
        """Count a connection in, if it may stay; ``group`` is "" for one that has no share of its own."""
        if self.is_full(door) or (group and self._by_group[door, group] >= PER_ADDRESS):
            return False
        self._open[door] += 1
        if group:
            self._by_group[door, group] += 1
        return True

    def is_full(self, door: str) -> bool:
        """Whether nobody more would be admitted there."""
        return self._open[door] >= CONNECTIONS[door]

    def leave(self, door: str, group: str) -> None:
        """Count out one that was admitted."""
        self._open[door] -= 1
        if group:
            self._by_group[door, group] -= 1
            if not self._by_group[door, group]:
                del self._by_group[door, group]

    def wait(self, slow: PeerProtocol) -> None:
        """An answer waits for its reader. When too much waits, those who wait longest are cut off."""
        self._waiting[slow] = None
        while sum(each.unread_bytes() for each in self._waiting) > WAITING_BYTES:
            slowest = next(iter(self._waiting))
            self.go_on(slowest)
            slowest.transport.abort()

    def go_on(self, reader: PeerProtocol) -> None:
        """The answer was read, or its reader is gone."""
        self._waiting.pop(reader, None)


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which hands the peer's identity to the requests and bounds what comes before them."""

    def __init__(self, admission: Admission, /, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._admission = admission
        self._door = ""
        self._group = ""
        self._admitted = False
        self._fed = self._body = self._head = (
            0  # bytes of this request: all, of its body, of its header fields
        )
        self._fields = 0
        self._patience: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        uid = peer_uid(connection)
        self._door = "admin" if uid is not None else str(self.scheme)
        self.app_state = {**self.app_state, "door": self._door, "uid": uid}
        self._group = client_group(self.client[0]) if uid is None and self.client else ""
        self._admitted = self._admission.admit(self._door, self._group)
        if not self._admitted:
            self._refuse(503, "unavailable", "too many connections")
            return

        self._expect(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._read_on()
        if self._admitted:
            self._admission.leave(self._door, self._group)
            self._admitted = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._fed += len(data)
        super().data_received(data)
        if self._fed - self._body > HEAD_BYTES + FRAMING * self._body:
            self._refuse(431, "head-too-large", TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        """What the parent calls for what it cannot parse."""
        self._refuse(400, "bad-request", NOT_HTTP)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(ANSWER_SECONDS, self.transport.abort)
            self._admission.wait(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def unread_bytes(self) -> int:
        """How much of the answers to this client waits in memory."""
        return self.transport.get_write_buffer_size()

    def _read_on(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._admission.go_on(self)

    def on_message_begin(self) -> None:
        self._head = self._fields = 0
        self._expect(HEAD_SECONDS)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        self._fields += 1
        if self._fields <= HEAD_FIELDS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._head > HEAD_BYTES or self._fields > HEAD_FIELDS:
            self._refuse(431, "head-too-large", TOO_LARGE)
        if not self.transport.is_closing():
            self._expect(BODY_SECONDS)
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._fed = self._body = 0
        self._expect(None)
        if not self.transport.is_closing():
            super().on_message_complete()

    def _expect(self, seconds: float | None) -> None:
        """Give the client so long to send what comes next; None: it owes nothing."""
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if seconds is None else self.loop.call_later(seconds, self.transport.close)

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Say why and close; only close where the answer to an earlier request is being written."""
        if self.transport.is_closing():
            return

        error_id = new_error_id()
        title = HTTPStatus(status).phrase
        log.info("connection refused", error_id=error_id, code=code, status=status, door=self._door)

        if self.cycle is None or self.cycle.response_complete:
            body = json.dumps(problems.body(status, code, detail, error_id)).encode()
            again = (
                f"Retry-After: {problems.AGAIN_SECONDS}\r\n"
                if status == HTTPStatus.SERVICE_UNAVAILABLE
                else ""
            )
            head = f"HTTP/1.1 {status} {title}\r\nConnection: close\r\n{again}Content-Length: {len(body)}\r\n"
            self.transport.write(f"{head}Content-Type: {problems.MEDIA_TYPE}\r\n\r\n".encode() + body)

        self.transport.close()


def client_group(peer: str) -> str:
    """Whose share a TCP connection counts to; nobody's on this machine, where a proxy brings everybody's."""
    return "" if is_loopback(peer) else address_group(peer)

"""The bytes of an IMAP connection, bounded: how long a command may take, how much it may bring, how long a line may be.

Job: replace what imaplib does with the socket. imaplib itself reads lines and literals of any length into
memory and has no deadline: here each command gets a deadline for all of it (a byte a minute is as dead as
silence) and a budget of bytes, and a literal that is announced larger than what is left of it ends the
connection before a byte of it is read. Nothing durable. What goes wrong ends the connection:
``imaplib.IMAP4.abort``, or an ``OSError`` of the socket.

Sources: RFC 9051 2.2, 7; RFC 8314 and NO STARTTLS (Poddebniak et al., USENIX Security 2021) for ``start_tls``.
"""

from __future__ import annotations

import contextlib
import imaplib
import select
import socket
import ssl
import time

RECEIVE_BYTES = 64 * 1024
LINE_BYTES = 16 * 1024 * 1024  # a SEARCH over a million messages is one line
LINES = 20_000  # of one command's answer: each costs imaplib several times its bytes


class Wire:
    """One connected socket. Used by one thread; ``cut`` may be called from another."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = bytearray()
        self._ends_at = time.monotonic()
        self._budget = 0
        self._lines = 0

    def allow(self, seconds: float, bytes_: int) -> None:
        """What is read and sent from now on may take so long altogether, and bring so many bytes."""
        self._ends_at = time.monotonic() + seconds
        self._budget = bytes_
        self._lines = LINES

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Encrypt from here on. What the server sent ahead in the clear is an attack, or as good as one."""
        if self._buffer:
            raise imaplib.IMAP4.abort(
                "the server sent more after its answer to STARTTLS: refused (response injection)"
            )
        self._socket.settimeout(self._left())
        self._socket = context.wrap_socket(self._socket, server_hostname=host)

    def encryption(self) -> str:
        """The version of TLS and the cipher; "" in the clear."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return ""
        cipher = self._socket.cipher()
        return f"{self._socket.version()} {cipher[0] if cipher else ''}".strip()

    def peer_address(self) -> str:
        """The IP address on the other side."""
        return str(self._socket.getpeername()[0])

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes: a literal."""
        if size > self._budget + len(self._buffer):
            raise imaplib.IMAP4.abort(f"the server announced {size} bytes where that much cannot come")
        while len(self._buffer) < size:
            self._receive()
        return self._take(size)

    def readline(self) -> bytes:
        """One line with its end."""
        self._lines -= 1
        if self._lines < 0:
            raise imaplib.IMAP4.abort(f"the server sent more than {LINES} lines in one answer")

        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LINE_BYTES:
                raise imaplib.IMAP4.abort(f"the server sent a line of more than {LINE_BYTES} bytes")
            self._receive()

        return self._take(end + 1)

    def send(self, data: bytes) -> None:
        """All of it."""
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def wait(self, seconds: float, wake: socket.socket) -> bool:
        """Whether the server says something within that time; ``wake`` ends the wait as well."""
        if self._buffer or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            return True
        poll = select.poll()
        for each in (self._socket, wake):
            poll.register(each, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)}
        return self._socket.fileno() in ready

    def cut(self) -> None:
        """End the connection under whoever reads from it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Throw the connection away."""
        self.cut()
        with contextlib.suppress(OSError):
            self._socket.close()

    def _left(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server did not finish its answer in time")
        return left

    def _receive(self) -> None:
        self._socket.settimeout(self._left())
        data = self._socket.recv(RECEIVE_BYTES)
        if not data:
            raise imaplib.IMAP4.abort("the server closed the connection")
        self._budget -= len(data)
        if self._budget < 0:
            raise imaplib.IMAP4.abort("the server sent more than the command can bring")
        self._buffer += data

    def _take(self, size: int) -> bytes:
        taken = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        return taken


class BoundedIMAP4(imaplib.IMAP4):
    """imaplib on a ``Wire``: everything it does with the socket goes through these methods."""

    def __init__(self, wire: Wire, host: str) -> None:
        self.wire = wire
        super().__init__(host)

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """The connection is there already."""
        self.host = host
        self.port = port

    def read(self, size: int) -> bytes:
        return self.wire.read(size)

    def readline(self) -> bytes:
        return self.wire.readline()

    def send(self, data: bytes) -> None:  # type: ignore[override]  # typeshed says Buffer
        self.wire.send(data)

    def shutdown(self) -> None:
        self.wire.close()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> tuple[str, list[bytes]]:  # type: ignore[override]
        """STARTTLS with a context that verifies; what was learnt in the clear is forgotten (RFC 9051 6.2.1)."""
        assert ssl_context is not None
        kind, data = self._simple_command("STARTTLS")
        if kind == "OK":
            self.wire.start_tls(ssl_context, self.host)
            self.untagged_responses.clear()
            self._tls_established = True
            self._get_capabilities()
        return kind, data

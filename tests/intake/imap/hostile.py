"""Servers that mean no good, and a proxy that cuts connections: threads of the test, on ports of their own."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[["Line"], None]
SMALL_UIDS = b"* SEARCH 1\r\n"
OPENED = b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n"


class Line:
    """One connection of a client, as the scripted server sees it."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._file = connected.makefile("rb")

    def send(self, data: bytes) -> None:
        """Say something."""
        self.socket.sendall(data)

    def command(self) -> tuple[bytes, bytes]:
        """The next command: its tag, and the rest in upper case. Raises ``ConnectionError`` at the end."""
        line = self._file.readline(1 << 16)
        if not line:
            raise ConnectionError
        tag, _, rest = line.strip().partition(b" ")
        return tag, rest.upper()

    def greet(self, capabilities: bytes = b"IMAP4rev1 IDLE UIDPLUS") -> None:
        """Be a server until the folder is open: greeting, capabilities, login, SELECT."""
        self.send(b"* OK ready\r\n")
        while True:
            tag, rest = self.command()
            if rest.startswith(b"CAPABILITY"):
                self.send(b"* CAPABILITY " + capabilities + b"\r\n")
            if b"EXAMINE" not in rest:
                self.send(tag + b" OK done\r\n")
            else:
                self.send(OPENED + tag + b" OK done\r\n")
                return

    def listing(self) -> bytes:
        """Answer as one with one small mail, until it is asked for; the tag of that FETCH."""
        while True:
            tag, rest = self.command()
            if b"EXAMINE" in rest:
                self.send(OPENED + tag + b" OK done\r\n")
            elif b"SEARCH" in rest:
                self.send(SMALL_UIDS + tag + b" OK done\r\n")
            elif b"RFC822.SIZE" in rest:
                date = b'"24-Nov-2026 10:00:00 +0000"'
                self.send(
                    b"* 1 FETCH (UID 1 RFC822.SIZE 100 INTERNALDATE "
                    + date
                    + b")\r\n"
                    + tag
                    + b" OK done\r\n"
                )
            elif b"BODY" in rest:
                return tag
            else:
                self.send(tag + b" OK done\r\n")


@contextmanager
def scripted(script: Script, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that goes by ``script`` with each connection; its port."""

    def talk(connected: socket.socket) -> None:
        with connected, suppress(OSError, ValueError):
            if context is not None:
                connected = context.wrap_socket(connected, server_side=True)
            script(Line(connected))

    with _listening(talk) as port:
        yield port


@contextmanager
def cutting(port: int, offsets: Iterator[int]) -> Iterator[int]:
    """A proxy to ``port`` that cuts each connection after so many bytes of the server's, while there are offsets."""

    def talk(connected: socket.socket) -> None:
        left = next(offsets, -1)
        with connected, suppress(OSError), socket.create_connection(("127.0.0.1", port)) as server:
            up = threading.Thread(target=_copy, args=(connected, server, -1), daemon=True)
            up.start()
            _copy(server, connected, left)
            for each in (server, connected):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            up.join(5)

    with _listening(talk) as own:
        yield own


def _copy(source: socket.socket, sink: socket.socket, left: int) -> None:
    with suppress(OSError):
        while left:
            data = source.recv(65_536 if left < 0 else min(left, 65_536))
            if not data:
                return
            sink.sendall(data)
            left -= len(data) if left > 0 else 0


@contextmanager
def _listening(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def endless_line(line: Line) -> None:
    """A line that never ends."""
    line.send(b"* OK ")
    while True:
        line.send(b"x" * 65_536)


def endless_answer(line: Line) -> None:
    """Untagged lines for ever."""
    line.greet()
    while True:
        line.send(b"* 1 FETCH (FLAGS (\\Seen))\r\n" * 1000)


def huge_literal(line: Line) -> None:
    """A mail of 4 GiB, as announced."""
    line.greet()
    line.listing()
    line.send(b"* 1 FETCH (UID 1 BODY[] {4294967296}\r\n")
    while True:
        line.send(b"x" * 65_536)


def silence(line: Line) -> None:
    """Nothing at all."""
    with suppress(ConnectionError):
        line.command()
    time.sleep(60)


def drip(line: Line) -> None:
    """A byte now and then: never silent for as long as a command may take."""
    for byte in b"* OK ready" * 1000:
        line.send(bytes([byte]))
        time.sleep(0.5)


def bye(line: Line) -> None:
    """Good-bye in the middle."""
    line.greet()
    line.command()
    line.send(b"* BYE maintenance\r\n")


def junk(line: Line) -> None:
    """What is not IMAP."""
    line.send(b"220 mail.example ESMTP\r\n\x00\xff(((((\r\n")


def nonsense(line: Line) -> None:
    """Answers of the wrong form."""
    line.greet()
    tag, _ = line.command()
    line.send(b"* SEARCH one two (((\r\n" + tag + b" OK done\r\n")


def deep(line: Line) -> None:
    """An answer nested deeper than any program can follow."""
    line.greet()
    tag = line.listing()
    line.send(b"* 1 FETCH " + b"(" * 200_000 + b"\r\n" + tag + b" OK done\r\n")


HOSTILE: dict[str, Script] = {
    "endless-line": endless_line,
    "endless-answer": endless_answer,
    "huge-literal": huge_literal,
    "silence": silence,
    "drip": drip,
    "bye": bye,
    "junk": junk,
    "nonsense": nonsense,
    "deep": deep,
}


def starttls_injection(line: Line) -> None:
    """More behind the answer to STARTTLS, in the clear, as if it had come encrypted."""
    line.send(b"* OK ready\r\n")
    while True:
        tag, rest = line.command()
        if rest.startswith(b"STARTTLS"):
            line.send(tag + b" OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n")
        else:
            line.send(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK done\r\n")


def preauth(line: Line) -> None:
    """Logged in already, in the clear: STARTTLS would be illegal."""
    line.send(b"* PREAUTH welcome\r\n")
    while True:
        tag, _ = line.command()
        line.send(b"* CAPABILITY IMAP4rev1 STARTTLS\r\n" + tag + b" OK done\r\n")


def strange_names(line: Line) -> None:
    """Folders whose names are not modified UTF-7, and none that can be opened."""
    line.send(b"* OK ready\r\n")
    while True:
        tag, rest = line.command()
        if b"EXAMINE" in rest:
            line.send(tag + b" NO no such folder\r\n")
            continue
        if rest.startswith(b"LIST"):
            line.send(b'* LIST () "/" "&AAA"\r\n* LIST () "/" "\xff\xfe"\r\n* LIST () "/" "&2D3-"\r\n')
            line.send(b'* LIST () "/" "Post &- B&APw-ro"\r\n')
        line.send(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")


def repeating(line: Line) -> None:
    """One mail, and that there is one is said with every answer."""
    line.greet()
    while True:
        tag, rest = line.command()
        if rest.startswith(b"IDLE"):
            line.send(b"* 1 EXISTS\r\n+ idling\r\n")
            line.command()
        line.send(SMALL_UIDS + b"* 1 EXISTS\r\n" + tag + b" OK done\r\n")


def breaking_junk(line: Line) -> None:
    """A mail in INBOX, a folder whose name nobody can read, and a Junk that ends the connection when it is searched."""
    line.send(b"* OK ready\r\n")
    selected = b""
    while True:
        tag, rest = line.command()
        if b"EXAMINE" in rest:
            selected = rest
            line.send(OPENED)
        elif rest.startswith(b"LIST"):
            line.send(b'* LIST () "/" "\xff\xfe"\r\n* LIST (\\Junk) "/" "Junk"\r\n')
        elif b"SEARCH" in rest and b"JUNK" in selected:
            return
        elif b"SEARCH" in rest:
            line.send(SMALL_UIDS)
        elif b"RFC822.SIZE" in rest:
            line.send(
                b'* 1 FETCH (UID 1 RFC822.SIZE 40 FLAGS () INTERNALDATE "24-Nov-2026 10:00:00 +0000")\r\n'
            )
        elif b"BODY" in rest:
            line.send(b"* 1 FETCH (UID 1 BODY[] {34}\r\nFrom: ana@customer.example\r\n\r\nHi\r\n)\r\n")
        line.send(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")


def mute(idles: list[bytes]) -> Script:
    """A server that takes IDLE, noted in ``idles``, and never says under it that mail came: one more each SELECT."""
    count = 0

    def talk(line: Line) -> None:
        nonlocal count
        line.send(b"* OK ready\r\n")
        while True:
            tag, rest = line.command()
            if b"EXAMINE" in rest:
                count += 1
                line.send(
                    b"* %d EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT %d] x\r\n" % (count, count + 1)
                )
            elif rest.startswith(b"IDLE"):
                idles.append(tag)
                line.send(b"+ idling\r\n")
                line.command()
            elif b"SEARCH" in rest:
                line.send(b"* SEARCH %d\r\n" % count)
            elif b"RFC822.SIZE" in rest:
                line.send(
                    b'* 1 FETCH (UID %d RFC822.SIZE 40 INTERNALDATE "24-Nov-2026 10:00:00 +0000")\r\n' % count
                )
            elif b"BODY" in rest:
                mail = b"From: ana@customer.example\r\n\r\nHi %d\r\n" % count
                line.send(b"* 1 FETCH (UID %d BODY[] {%d}\r\n%b)\r\n" % (count, len(mail), mail))
            line.send(b"* CAPABILITY IMAP4rev1 IDLE\r\n" + tag + b" OK done\r\n")

    return talk


INJECTING: dict[str, Script] = {"starttls-injection": starttls_injection, "preauth": preauth}  # with STARTTLS
NAMES: dict[str, Script] = {"strange-names": strange_names}

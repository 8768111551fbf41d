"""A small SMTP server for tests of sending, on the test's own loop: keeps what it is given, misbehaves when told to.

Behaviour by recipient's local part (the first word): ``later`` 451 at RCPT, ``never`` 550 at RCPT, ``hang``
no answer to RCPT, ``drop`` the connection ends after the final dot without an answer, ``full`` 452 and
``spam`` 554 after the final dot, ``close`` 421 at RCPT and goodbye. Everybody else is taken.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

AT_RCPT = {
    "later": b"451 4.2.1 come back later\r\n",
    "never": b"550 5.1.1 <never@customer.example> unknown\r\n",
    "close": b"421 4.3.2 closing\r\n",
}
AFTER_DOT = {"full": b"452 4.3.1 no space\r\n", "spam": b"554 5.7.1 we do not want this\r\n"}


@dataclass(frozen=True)
class Taken:
    """A mail that was answered 250 (or would have been, but for ``drop``)."""

    mail_from: str
    recipients: tuple[str, ...]
    raw: bytes
    tls: bool


@dataclass
class Sink:
    """What the server was given, and how it behaves."""

    port: int = 0
    greeting: bytes = b"220 sink.example\r\n"
    extensions: tuple[bytes, ...] = (b"SIZE 10000000", b"ENHANCEDSTATUSCODES", b"SMTPUTF8", b"8BITMIME")
    login: bytes | None = None  # "PLAIN" credentials it wants, base64
    tls: ssl.SSLContext | None = None
    taken: list[Taken] = field(default_factory=list)
    dropped: list[Taken] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)  # something was taken
    connections: int = 0
    helo: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await _Session(self, reader, writer).run()
        finally:  # also when the loop ends here: a writer left open warns when it is collected
            writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


class _Session:
    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink, self.reader, self.writer = sink, reader, writer
        self.mail_from = ""
        self.recipients: list[str] = []
        self.encrypted = False
        self.known = False

    async def run(self) -> None:
        self.writer.write(self.sink.greeting)
        while line := await self.reader.readline():
            command = line.decode("utf-8").rstrip("\r\n")
            self.sink.commands.append(command)
            if not await self.answer(command.split(" ")[0].upper(), command):
                return

    async def answer(self, verb: str, command: str) -> bool:
        if verb == "EHLO":
            self.sink.helo.append(command[5:])
            offers = [b"sink.example", *self.sink.extensions]
            offers += [b"STARTTLS"] if self.sink.tls and not self.encrypted else []
            offers += [b"AUTH PLAIN"] if self.sink.login else []
            self.writer.write(
                b"".join(b"250-" + offer + b"\r\n" for offer in offers[:-1]) + b"250 " + offers[-1] + b"\r\n"
            )
        elif verb == "STARTTLS" and self.sink.tls:
            self.writer.write(b"220 go ahead\r\n")
            await self.writer.start_tls(self.sink.tls)
            self.encrypted = True
        elif verb == "AUTH":
            self.known = command.encode() == b"AUTH PLAIN " + (self.sink.login or b"-")
            self.writer.write(b"235 2.7.0 welcome\r\n" if self.known else b"535 5.7.8 no\r\n")
        elif verb == "MAIL" and self.sink.login and not self.known:
            self.writer.write(b"530 5.7.0 log in first\r\n")
        elif verb == "RCPT":
            return await self.rcpt(command.partition("<")[2].partition(">")[0])
        elif verb == "DATA":
            return await self.data()
        elif verb == "QUIT":
            self.writer.write(b"221 2.0.0 bye\r\n")
            return False
        else:
            if verb == "MAIL":
                self.mail_from, self.recipients = command.partition("<")[2].partition(">")[0], []
            self.writer.write(b"250 2.0.0 ok\r\n")
        return True

    async def rcpt(self, recipient: str) -> bool:
        kind = recipient.partition("@")[0].partition("-")[0]
        if kind == "hang":
            await self.reader.read()  # until the other side gives up
            return False
        refusal = AT_RCPT.get(kind)
        self.writer.write(refusal or b"250 2.1.5 ok\r\n")
        if refusal is None:
            self.recipients.append(recipient)
        return kind != "close"

    async def data(self) -> bool:
        if not self.recipients:
            self.writer.write(b"503 5.5.1 nobody to send it to\r\n")
            return True
        self.writer.write(b"354 go ahead\r\n")
        raw = (await self.reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
        taken = Taken(self.mail_from, tuple(self.recipients), raw, self.encrypted)
        kind = self.recipients[0].partition("@")[0].partition("-")[0]
        if kind == "drop":
            self.sink.dropped.append(taken)
            return False
        refusal = AFTER_DOT.get(kind)
        if refusal is None:
            self.sink.taken.append(taken)
            self.sink.arrived.set()
        self.writer.write(refusal or b"250 2.0.0 queued as 4711 for <secret@customer.example>\r\n")
        return True


@asynccontextmanager
async def listening(sink: Sink, *, implicit: ssl.SSLContext | None = None) -> AsyncIterator[Sink]:
    """Serve ``sink`` on a free loopback port for as long as the block runs."""
    server = await asyncio.start_server(sink.handle, "127.0.0.1", 0, ssl=implicit)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()

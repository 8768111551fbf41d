"""One connection of the SMTP or LMTP door below its commands: bytes in, lines and messages out, and how it ends.

Bytes never pass a StreamReader: ``data_received`` puts them into the command buffer or, while a message is
being received, straight into its ``DataReader``. The command buffer is bounded by pausing the socket, a
message by its limits. Nothing ever cancels the session's task: a peer that half-closes or vanishes cannot
stop a commit. A refused peer is shown the reason before the socket closes: we stop writing, read on for a
moment and only then let go, because closing with unread input would reset the connection and take the reply
with it. Nothing here is durable. Must not: know a command.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import cast

from mailhub.envelope import Pipeline
from mailhub.intake.smtp import replies
from mailhub.intake.smtp.data import DataFault, DataReader
from mailhub.intake.smtp.limits import SMALL_MESSAGE_BYTES, Connections, Counters, DoorSettings, InFlight
from mailhub.system.budget import ByteBudget

# A message that is only swallowed may be this many times the size limit before the connection is cut off.
_SWALLOWED_LIMITS = 8
_TLS_HANDSHAKE_SECONDS = 30.0
# Pipelined commands that wait; some 1,500 RCPT. One read of a socket is at most 256 KiB on top.
_COMMAND_BUFFER_BYTES = 64 * 1024
# Commands of one peer that run before the others get a turn.
_COMMANDS_A_TURN = 16
# What a refused peer may still send before the connection is cut off.
_LINGER_BYTES = 1024 * 1024


@dataclass(slots=True)
class DoorState:
    """What all connections of one door share."""

    pipeline: Pipeline
    settings: DoorSettings
    lmtp: bool
    budget: ByteBudget | None = None  # of the house; None: one of the door's own
    counters: Counters = field(default_factory=Counters)
    sessions: set[Connection] = field(default_factory=set)  # connected
    tasks: set[asyncio.Task[None]] = field(default_factory=set)  # a commit outlives its connection
    draining: bool = False
    connections: Connections = field(init=False)
    in_flight: InFlight = field(init=False)
    all_ended: asyncio.Event = field(default_factory=asyncio.Event)
    large_turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # joining 20 MB takes 10 ms: one at a time

    def __post_init__(self) -> None:
        self.connections = Connections(self.settings, self.counters)
        self.in_flight = InFlight(self.settings, self.counters, self.budget)

    def configure(self, settings: DoorSettings) -> None:
        """Use other settings from now on; an error count in progress keeps its limits."""
        self.settings = self.connections.settings = settings
        self.in_flight.configure(settings)

    def refuse(self, peer: str, reason: str) -> None:
        """Count a refusal before the end of DATA, for the metrics and for the house's record."""
        self.counters.refusals[reason] += 1
        self.pipeline.refused(peer, reason)


class Connection(asyncio.StreamReaderProtocol):
    """Lines and messages of one peer. A subclass provides ``_handle_client``, the session's task."""

    def __init__(self, state: DoorState) -> None:
        # Explicitly the parent: the next class in line is aiosmtpd's, whose constructor is what we avoid.
        loop = asyncio.get_running_loop()
        asyncio.StreamReaderProtocol.__init__(self, cast(asyncio.StreamReader, None), loop=loop)
        self.state = state
        self.loop = loop
        self.peer = ""
        self._wire: asyncio.Transport | None = None
        self.committing = False  # nothing may time out, and the bytes are still held
        self._input = bytearray()
        self._message: DataReader | None = None
        self._charged_bytes = 0
        self._waiter: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._eof = False
        self._closing = False
        self._lingered_bytes = 0
        self._lines_this_turn = 0
        self._judged_bytes = 0
        self._deadline = loop.time() + state.settings.command_seconds

    async def _handle_client(self) -> None:
        raise NotImplementedError

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the peer and start its session, or say 421 and close."""
        self._wire = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        refusal = "draining" if self.state.draining else self.state.connections.admit(self.peer)
        if refusal:
            self._closing = True
            self.state.refuse(self.peer, refusal)
            self._wire.write(replies.DRAINING if refusal == "draining" else replies.TOO_MANY_CONNECTIONS)
            self._wire.close()
            return

        self.state.sessions.add(self)
        self.state.all_ended.clear()
        task = self.loop.create_task(self._run())
        self.state.tasks.add(task)
        task.add_done_callback(self.state.tasks.discard)

    def data_received(self, data: bytes) -> None:
        """Hand the bytes to the message being received, or queue them as commands."""
        if self._closing:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > _LINGER_BYTES:
                self.abort()
        elif self._message is not None:
            self._feed(self._message, data)
        else:
            self._input += data
            if (
                len(self._input) > _COMMAND_BUFFER_BYTES
                and not self._reading_paused
                and self._wire is not None
            ):
                self._reading_paused = True
                self._wire.pause_reading()
            self._wake()

    def eof_received(self) -> bool:
        """The peer sends no more. It is still told what became of its mail; TLS cannot half-close."""
        self._eof = True
        self._wake()
        return not self._closing and self._can_half_close()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the peer. A commit under way goes on; a message half received is dropped."""
        # Without the error: those who wait to write are told by ConnectionResetError, and nobody else asks.
        asyncio.StreamReaderProtocol.connection_lost(self, None)
        self._eof = self._closing = True
        self._wire = None
        if not self.committing:
            self._drop_message()
        self._wake()

        if self in self.state.sessions:
            self.state.sessions.discard(self)
            self.state.connections.leave(self.peer)
            if not self.state.sessions:
                self.state.all_ended.set()

    # What the session's task calls

    async def _next_line(self) -> bytes | None:
        """The next line with its LF; None when the peer is done, refused or gone, or the door is draining."""
        limit = self.state.settings.command_bytes
        while not self._closing and not self.state.draining:
            end = self._input.find(b"\n", 0, limit)
            if end >= 0:
                return await self._take_line(end + 1)
            if len(self._input) >= limit:
                self.refuse_and_close("command-too-long", replies.COMMAND_TOO_LONG)
            elif self._eof:
                break
            else:
                self._deadline = self.loop.time() + self.state.settings.command_seconds
                await self._wait()

        return None

    async def _take_line(self, length: int) -> bytes:
        line = bytes(self._input[:length])
        del self._input[:length]
        self._lines_this_turn += 1
        if self._lines_this_turn > _COMMANDS_A_TURN:
            self._lines_this_turn = 0
            await asyncio.sleep(0)
        return line

    async def _receive_message(self) -> DataReader | None:
        """Everything up to the final dot; None when the peer did not get that far. ``_settle`` must follow."""
        settings = self.state.settings
        message = DataReader(limit_bytes=settings.message_bytes, line_limit_bytes=settings.line_bytes)
        self._message = message
        self._judged_bytes = 0

        self._deadline = self.loop.time() + settings.data_seconds
        if self._input:
            waiting = bytes(self._input)
            self._input.clear()
            self._feed(message, waiting)

        while self._message is message and not self._eof:
            await self._wait()
        if message.ended:
            return message

        self._drop_message()
        return None

    def _settle(self) -> None:
        """The message is committed or refused: its bytes no longer count as in flight."""
        self.state.in_flight.give_back(self._charged_bytes, self.peer)
        self._charged_bytes = 0
        self._deadline = self.loop.time() + self.state.settings.command_seconds

    async def _send(self, reply: bytes) -> None:
        """Write a reply; wait while the peer leaves too many of them unread. A peer that is gone hears nothing."""
        if self._wire is None or self._closing:
            return
        self._wire.write(reply)
        await self._drain_helper()  # type: ignore[attr-defined]  # asyncio flow control; the stubs lack it

    async def _hold_tongue(self, seconds: float) -> bool:
        """Whether the peer stayed silent for so long, as it must before the greeting (RFC 5321 4.3.1)."""
        timer = self.loop.call_later(seconds, self._wake)
        await self._wait()
        timer.cancel()
        return not self._input

    async def _start_tls(self, context: ssl.SSLContext) -> bool:
        """Change to TLS. What came in the clear after the command is thrown away (RFC 3207 4.2, CVE-2011-0411)."""
        transport = self._wire
        if transport is None:
            return False

        self._input.clear()
        self._reading_paused = False  # start_tls pauses and resumes by itself
        self._deadline = float("inf")

        try:
            secured = await self.loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=_TLS_HANDSHAKE_SECONDS
            )
        except OSError:  # ssl.SSLError and TimeoutError are kinds of it
            transport.abort()
            return False

        if secured is None or self._wire is None:
            return False

        self._wire = secured
        return True

    async def _wait(self) -> None:
        """Until something arrives or the connection changes."""
        self._lines_this_turn = 0
        self._resume_reading()
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # How a connection ends

    def watch(self, now: float) -> None:
        """Called every second or so by the door: end what takes too long. ``now`` is the loop's time in seconds."""
        if self.committing or now < self._deadline:
            return
        if self._closing:
            self.abort()
        elif self._message is None:
            self.refuse_and_close("timeout", replies.COMMAND_TIMEOUT)
        else:
            self._judge_rate(self._message, now)

    def shut_down(self) -> None:
        """The door is draining: a session that waits for a command sees it now, another when its message is settled."""
        self._wake()

    def abort(self) -> None:
        """Cut the connection off. A commit under way goes on."""
        if self._wire is not None:
            self._wire.abort()

    def refuse_and_close(self, reason: str, reply: bytes) -> None:
        """``goodbye``, counted as a refusal."""
        if not self._closing:
            self.state.refuse(self.peer, reason)
            self.goodbye(reply)

    def goodbye(self, reply: bytes) -> None:
        """Say a last word and close, but so that the peer can read it: see the head of this file."""
        if self._closing or self._wire is None:
            return

        self._closing = True
        self._input.clear()
        self._drop_message()
        self._deadline = self.loop.time() + self.state.settings.linger_seconds
        self._wire.write(reply)
        self._resume_reading()

        if self._eof or not self._can_half_close():
            self._wire.close()
        else:
            try:
                self._wire.write_eof()
            except OSError:  # reset by the peer, and we are the first to notice
                self._wire.abort()

        self._wake()

    async def _run(self) -> None:
        try:
            await self._handle_client()
        except ConnectionError:
            self.abort()  # the peer went while a reply waited to be read
        finally:
            if self._wire is not None and not self._closing:
                self._wire.close()

    def _judge_rate(self, message: DataReader, now: float) -> None:
        settings = self.state.settings
        received = message.fed_bytes - self._judged_bytes
        if received < max(1, settings.data_bytes_per_second * settings.data_seconds):
            self.refuse_and_close("data-too-slow", replies.DATA_TIMEOUT)
            return
        self._judged_bytes = message.fed_bytes
        self._deadline = now + settings.data_seconds

    def _feed(self, message: DataReader, data: bytes) -> None:
        if message.fault is None:
            if self.state.in_flight.take(len(data), message.fed_bytes + len(data), self.peer):
                self._charged_bytes += len(data)
            else:
                message.discard(DataFault.NO_ROOM)

        rest = message.feed(data)
        if rest is None and message.fed_bytes > SMALL_MESSAGE_BYTES:
            self._give_way()

        if message.fault is not None and self._charged_bytes:
            self.state.in_flight.give_back(self._charged_bytes, self.peer)
            self._charged_bytes = 0

        if rest is not None:
            self._message = None
            self._input += rest
            self._wake()
        elif message.fed_bytes > _SWALLOWED_LIMITS * self.state.settings.message_bytes:
            self.refuse_and_close(DataFault.TOO_BIG.value, replies.for_data_fault(DataFault.TOO_BIG))

    def _give_way(self) -> None:
        """One read for each turn of the loop: libuv would take up to 32 of a fast sender before anybody else's."""
        if self._wire is not None and not self._closing:
            self._reading_paused = True
            self._wire.pause_reading()
            self.loop.call_soon(self._resume_reading)

    def _drop_message(self) -> None:
        if self._message is not None:
            self._message.discard(DataFault.NO_ROOM)
            self._message = None
        self.state.in_flight.give_back(self._charged_bytes, self.peer)
        self._charged_bytes = 0

    def _can_half_close(self) -> bool:
        return self._wire is not None and self._wire.can_write_eof()

    def _resume_reading(self) -> None:
        if self._reading_paused and self._wire is not None:
            self._reading_paused = False
            self._wire.resume_reading()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

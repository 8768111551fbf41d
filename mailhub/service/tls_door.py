"""The API's door with TLS: accepts, admits, shakes hands, hands over to the HTTP protocol. Job: what comes before HTTP.

A connection counts from its first packet: whoever opens one and never finishes the handshake has a share like
any other, and ``HANDSHAKE_SECONDS``. Each connection takes the certificate as it is then, so a renewed one is
used at once and no connection is dropped for it. Nothing here is durable. Sources: RFC 8446, RFC 9325
(recommendations for TLS), Mozilla's "intermediate" profile.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Sequence

import structlog

from mailhub.callers.peer import Admission, client_group

HANDSHAKE_SECONDS = 10.0
GOODBYE_SECONDS = 2.0  # for the other side's close_notify
PAUSE_SECONDS = 0.1  # after accept failed for want of descriptors or memory
DOOR = "handshake"

log = structlog.get_logger("mailhub.api")


class TlsDoor:
    """Listens on bound sockets. Made and used on one event loop."""

    def __init__(self, context: ssl.SSLContext, admission: Admission) -> None:
        self.context = context  # replaced by a reload; connections that are open keep the one they began with
        self._admission = admission
        self._listening: list[asyncio.Task[None]] = []
        self._greeting = set[asyncio.Task[None]]()

    def listen(self, sockets: Sequence[socket.socket], protocol: Callable[[], asyncio.Protocol]) -> None:
        """Accept on these sockets, and speak ``protocol`` with who has shaken hands."""
        loop = asyncio.get_running_loop()
        self._listening += [loop.create_task(self._accept(listener, protocol)) for listener in sockets]

    async def close(self) -> None:
        """Accept nobody any more, and end the handshakes under way."""
        tasks = [*self._listening, *self._greeting]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:  # the client has gone again, or there are no descriptors left
                log.warning(
                    "a connection could not be accepted", error=errno.errorcode.get(error.errno or 0, "")
                )
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            group = client_group(peer[0])
            if self._admission.is_full("https") or not self._admission.admit(DOOR, group):
                connection.close()  # without a word: a handshake costs us more than whoever is refused
                continue
            task = loop.create_task(self._greet(connection, group, protocol))
            self._greeting.add(task)
            task.add_done_callback(self._greeting.discard)

    async def _greet(
        self, connection: socket.socket, group: str, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(
                protocol,
                connection,
                ssl=self.context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=GOODBYE_SECONDS,
            )
        except (
            OSError,
            ssl.SSLError,
            TimeoutError,
        ):  # strangers fail at this all day: no line of the log for each
            connection.close()
        finally:
            self._admission.leave(DOOR, group)

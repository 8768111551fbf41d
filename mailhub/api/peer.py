"""Who is at the other end: the admin socket tells the caller's uid (SO_PEERCRED, unix(7)), TCP tells nothing.

Read once per connection and put into the state that its requests see: ``request.state.door`` ("admin" or "http") and
``request.state.uid`` (None over TCP).
"""

from __future__ import annotations

import asyncio
import socket
import struct

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


def peer_uid(connection: socket.socket) -> int | None:
    """The uid of the process that opened a Unix socket; None for any other family."""
    if connection.family != socket.AF_UNIX:
        return None
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(packed)[1]
    return uid


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which hands the peer's identity to the requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        uid = peer_uid(connection)
        self.app_state = {**self.app_state, "door": "http" if uid is None else "admin", "uid": uid}

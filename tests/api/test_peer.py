"""Who is at the other end of a socket."""

from __future__ import annotations

import os
import socket

from mailhub.callers.peer import peer_uid


def test_unix_socket_tells_the_uid() -> None:
    """The kernel says who opened the other end, whatever that end claims."""
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()


def test_tcp_tells_nothing() -> None:
    """Over TCP there is no uid."""
    with socket.socket(socket.AF_INET) as tcp:
        assert peer_uid(tcp) is None

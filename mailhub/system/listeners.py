"""The sockets the daemon listens on: bound from the configuration, or handed in. Every failure names the setting.

Durable state: the admin socket's file, with the mode of ``admin.socket_mode`` from its first moment.
"""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

from mailhub.errors import ConfigurationError
from mailhub.system.socket_path import reachable

BACKLOG = 512


def tcp(section: str, address: str, port: int) -> socket.socket:
    """A bound TCP socket; ``section`` is the configuration's. Raises ``ConfigurationError``."""
    try:
        family, _, _, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigurationError(f"{section}.address: {address} is no address: {error.strerror}") from None

    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(target)
        listener.listen(BACKLOG)  # now, not later: only listening tells whether another process has the port
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_why_not(section, address, port, error)) from None

    return listener


def _why_not(section: str, address: str, port: int, error: OSError) -> str:
    where = f"{section}.port: cannot listen on {address} port {port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program has it. Choose another {section}.port, or end that program"
    if error.errno == errno.EACCES:
        return f"{where}: ports below 1024 need a socket handed in by systemd, or CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{section}.address: this machine has no address {address}"
    return f"{where}: {os.strerror(error.errno or 0)}"


def unix(path: Path, mode: int) -> socket.socket:
    """A bound Unix socket. The directory's lock is held, so one that is there is left over, and replaced."""
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
            path.parent.chmod(0o755)  # who may come in says the socket's own mode
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o777 & ~mode)
        try:
            with reachable(path) as name:
                listener.bind(name)
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        raise ConfigurationError(f"admin.socket: cannot listen on {path}: {error.strerror}") from None

    return listener


def shown(listener: socket.socket) -> str:
    """Where a socket listens, for people."""
    name = listener.getsockname()
    if isinstance(name, (str, bytes)):
        return os.fsdecode(name)
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

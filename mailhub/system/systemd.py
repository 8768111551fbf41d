"""What a service manager asks of a daemon, without its library: sockets handed in, readiness, watchdog.

Sources: sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3). Off systemd every call here does nothing.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping

FIRST_FD = 3  # SD_LISTEN_FDS_START


def take_sockets(environment: MutableMapping[str, str] = os.environ) -> dict[str, list[socket.socket]]:
    """The listening sockets handed in, by their name in LISTEN_FDNAMES (their order is not the units').

    The variables are removed, so that no child takes the sockets again.
    """
    pid = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "0")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[socket.socket]] = {}
    if pid != str(os.getpid()) or not count.isdecimal():
        return found

    for index in range(int(count)):
        listener = socket.socket(fileno=FIRST_FD + index)
        listener.setblocking(False)
        os.set_inheritable(listener.fileno(), False)
        name = names[index] if index < len(names) else "unknown"
        found.setdefault(name, []).append(listener)

    return found


def notify(*lines: str) -> None:
    """Tell the service manager: ``READY=1``, ``STOPPING=1``, ``WATCHDOG=1``, ``STATUS=...``."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return

    if address.startswith("@"):
        address = "\0" + address[1:]

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto("\n".join(lines).encode(), address)
        except OSError:
            return  # a service manager that does not listen must not stop the mail


def reloading() -> None:
    """Say that the configuration is being read again; ``READY=1`` must follow."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_seconds() -> float | None:
    """How often the service manager wants to hear of us; None when it does not. Half the period it enforces."""
    period = os.environ.get("WATCHDOG_USEC", "")
    pid = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not period.isdecimal() or int(period) == 0 or pid != str(os.getpid()):
        return None
    return int(period) / 2_000_000

"""The process's own limits, set before any thread starts: private files, no core, enough descriptors, memory
that returns.

Sources: prctl(2), core(5), mallopt(3).
"""

from __future__ import annotations

import ctypes
import os
import resource
from contextlib import suppress
from pathlib import Path

DESCRIPTORS = 65_536  # `ulimit -n` can be 1,024, and each connection is one
_M_ARENA_MAX = -8  # mallopt(3)
_M_MMAP_THRESHOLD = -3
_PR_SET_DUMPABLE = 4  # prctl(2)
ARENAS = 2  # memory after a 20 MB mail does not return from a thread's own arena
MAPPED_BYTES = (
    256 * 1024
)  # blocks from here on go back when freed; glibc's own limit grows to 32 MiB, and they stay


def prepare() -> None:
    """Private files, no core file, all descriptors the system allows. What is refused stays as it was."""
    os.umask(0o077)
    _forbid_dumps()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
        mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES)


def _forbid_dumps() -> None:
    """Mail, keys and passwords are in this process's memory: no core file, and no other process of its user looks in.

    Both are needed: a core_pattern that is a pipe does not ask the limit, and the limit is what a child inherits.
    """
    with suppress(OSError, ValueError):  # a sandbox may refuse, which has set it itself
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux only
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def become_owner(directory: Path) -> None:
    """As root, go on as the user whose directory it is: no file of root's is left where the service must write.

    For commands that work without the daemon. Does nothing for others, and for root's own directory.
    """
    if os.geteuid() != 0 or not directory.is_dir():
        return
    owner = directory.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)

"""The process's own limits, set before any thread starts: files private, enough descriptors, memory that returns."""

from __future__ import annotations

import ctypes
import os
import resource

DESCRIPTORS = 65_536  # `ulimit -n` can be 1,024, and each connection is one
_M_ARENA_MAX = -8  # mallopt(3)
ARENAS = 2  # memory after a 20 MB mail does not return from a thread's own arena


def prepare() -> None:
    """Private files, all descriptors the system allows, memory that returns. What is refused stays as it was."""
    os.umask(0o077)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc only
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)

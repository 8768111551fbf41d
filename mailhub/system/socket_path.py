"""Reach a Unix socket whatever the length of its path: sun_path holds 107 bytes (unix(7)), a checkout may lie deeper.

A longer path is reached through its directory's descriptor, /proc/self/fd/N/name. On the CLI's path: imports nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_BYTES = 107


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """A name for ``bind`` or ``connect`` that fits. Raises ``OSError`` when the directory is not there."""
    if len(os.fsencode(path)) <= LONGEST_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)

"""A file system of a few hundred KiB, in memory: what does not fit gets a real ENOSPC."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SMALL_BYTES = 256 * 1024


@contextmanager
def mounted(
    where: Path, require_service: Callable[[bool, str], None], *, size: int = SMALL_BYTES, owner: int = 0
) -> Iterator[Path]:
    """Mounted at an empty directory, for its owner alone; skips the test without the right to mount."""
    options = f"size={size},mode=0700,uid={owner}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", where], capture_output=True, check=False
    )
    require_service(done.returncode == 0, "no right to mount a file system")
    try:
        yield where
    finally:
        subprocess.run(["umount", "--lazy", where], check=True)


def resize(where: Path, size: int) -> None:
    """Give it another size in bytes, not below what it holds."""
    subprocess.run(["mount", "-o", f"remount,size={size}", where], check=True)

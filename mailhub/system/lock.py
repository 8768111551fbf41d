"""One daemon a data directory: a flock on the file ``lock``, which says who holds it. Any death frees it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailhub.errors import ConfigurationError, Unavailable


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the directory. Raises ``Unavailable`` when another process does, else ``ConfigurationError``."""
    path = directory / "lock"
    if not directory.is_dir():
        raise ConfigurationError(
            f"storage.directory: there is no directory {directory}: run `mailhub init` first"
        )

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"storage.directory: cannot write in {directory}: {error.strerror}"
        ) from None

    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            raise Unavailable(
                f"another mailhub (process {holder}) runs on the directory {directory}"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)

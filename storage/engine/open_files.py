"""The files of an open SQLite database: read through descriptors that the engine holds, and watched by their names.

POSIX locks belong to a process, not to a descriptor: whoever opens a file of the database beside the engine
and closes it again drops all of the engine's locks (fcntl(2); sqlite.org/howtocorrupt.html, 2.2). The next
program from outside then takes itself for the only user and unlinks the log at its end, and what is committed
afterwards is in no file. So nothing here, nor anywhere else in the process, opens them: ``reading`` looks for
a descriptor that is there already.

A database whose name leads elsewhere, because somebody renamed, deleted or replaced a file of it, is written
to in vain: ``WatchedFiles`` says so. Must not: open or close a file that the engine has open; write to one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DESCRIPTORS = "/proc/self/fd"
SUFFIXES = ("", "-wal", "-shm")
HEADER_BYTES = 100  # sqlite.org/fileformat2.html, 1.3
MAGIC = b"SQLite format 3\0"

Identity = tuple[int, int]  # device, inode
Read = Callable[[int, int], bytes]  # (bytes, offset) -> what stands there


@contextmanager
def reading(path: Path) -> Iterator[Read]:
    """Read a file by pieces: through a descriptor that this process has, by whatever name, else through its own.

    Raises ``OSError``; ``FileNotFoundError`` for a file that is gone.
    """
    there = _identity(path)
    if _descriptor(there) is not None:
        yield lambda size, offset: _read_held(there, size, offset)
        return
    own = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield lambda size, offset: os.pread(own, size, offset)
    finally:
        os.close(own)


class WatchedFiles:
    """The files of a database as they were when it was opened, while somebody's connection keeps them open."""

    def __init__(self, database: Path) -> None:
        """Raises ``OSError`` when one of them is not there: the caller's connection has read from it."""
        self.paths = tuple(database.with_name(database.name + suffix) for suffix in SUFFIXES)
        self._opened = {path: _identity(path) for path in self.paths}
        self._changes: int | None = None

    def lost(self) -> tuple[Path, ...]:
        """The names that lead to another file by now, or to none. ``OSError`` while the disk does not say."""
        return tuple(path for path, identity in self._opened.items() if not _is(path, identity))

    def is_overwritten(self) -> bool:
        """Whether something else than the engine wrote the database's first page (``cp`` onto the open file).

        Its header counts changes, which never go back. A copy with a higher count is not told from our own.
        """
        header = _read_held(self._opened[self.paths[0]], HEADER_BYTES, 0)
        changes = int.from_bytes(header[24:28], "big")
        before = self._changes
        if not header.startswith(MAGIC):
            return before is not None  # a new database has its first page in the log alone
        self._changes = changes
        return before is not None and (changes - before) % 2**32 >= 2**31

    def can_save_log(self) -> bool:
        """Whether the engine may bring what it holds of the log into the database: nobody has begun another log."""
        main, log, _ = self.paths
        return _is(main, self._opened[main]) and (_is(log, self._opened[log]) or not log.exists())


def _identity(path: Path) -> Identity:
    state = path.stat()
    return state.st_dev, state.st_ino


def _is(path: Path, identity: Identity) -> bool:
    try:
        return _identity(path) == identity
    except (FileNotFoundError, NotADirectoryError):
        return False


def _descriptor(identity: Identity) -> int | None:
    """One of this process that can read that file."""
    for link in Path(DESCRIPTORS).iterdir():
        number = int(link.name)
        if _leads_to(number, identity) and _can_read(number):
            return number
    return None


def _leads_to(descriptor: int, identity: Identity) -> bool:
    try:
        state = os.fstat(descriptor)
    except OSError:  # closed meanwhile
        return False
    return (state.st_dev, state.st_ino) == identity


def _can_read(descriptor: int) -> bool:
    try:
        os.pread(descriptor, 1, 0)
    except OSError:  # opened to write only, as a log is
        return False
    return True


def _read_held(identity: Identity, size: int, offset: int) -> bytes:
    """A piece, by a descriptor that is another thread's: it counts only if it led there before and after."""
    while (descriptor := _descriptor(identity)) is not None:
        try:
            content = os.pread(descriptor, size, offset)
        except OSError:
            if _leads_to(descriptor, identity):
                raise
            continue
        if _leads_to(descriptor, identity):
            return content

    raise OSError(f"no descriptor of the file is open any more ({DESCRIPTORS})")

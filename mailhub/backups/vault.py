"""What the room of backups works with, and where a key file is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mailhub.keys import Keys
from storage.database import Database
from storage.writer import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The parts of a running mailhub that backups are made from, and the directories they go to."""

    database: Database
    writer: Writer
    keys: Keys
    targets: tuple[Path, ...]
    retention: int  # microseconds
    spool: Path | None = None  # where a backup is written to before it is copied; None: the first target
    keep_free: int = 0  # bytes of the spool's disk that a backup leaves alone
    longest_snapshot_seconds: float = 24 * 3600.0
    node: int = 0

    @property
    def room(self) -> Path:
        """The directory of the spool, and of the lock."""
        return self.spool or self.targets[0]

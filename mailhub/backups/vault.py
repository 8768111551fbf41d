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

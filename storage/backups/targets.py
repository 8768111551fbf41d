"""Every directory that a key file was ever written to, and how far its key file has followed destroyed keys.

``owed`` counts at every target how often keys were destroyed since it is known; ``written`` is what was owed when
its key file was last read from the tables. No clock is asked, so that nodes agree. Functions take a connection of
the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import backup_target

BEFORE_RESTORE = (
    -1
)  # the node of what the key file of a restored backup told: this installation wrote none of it

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupTarget:
    """One directory, as one node sees it. Lost: signed off by the operator."""

    node: int
    path: str
    owed: int
    written: int
    lost_at: int | None
    lost_by: str | None
    lost_reason: str | None

    @property
    def state(self) -> str:
        """rewritten, owed or lost."""
        if self.lost_at is not None:
            return "lost"
        return "owed" if self.written < self.owed else "rewritten"


def list_targets(connection: Connection) -> Sequence[BackupTarget]:
    """All of them, of every node."""
    query = select(backup_target).order_by(backup_target.c.node, backup_target.c.path)
    return [BackupTarget(**row._mapping) for row in connection.execute(query)]


def learn(connection: Connection, node: int, path: str) -> None:
    """Know a directory from now on: before its first byte is written."""
    add = _INSERT[connection.dialect.name](backup_target).values(node=node, path=path, owed=0, written=0)
    connection.execute(add.on_conflict_do_nothing())


def inherit(connection: Connection, paths: Collection[str]) -> None:
    """After a restore: the directories of the installation that the backup is from, whose key files hold what
    they held.
    """
    rows = [{"node": BEFORE_RESTORE, "path": path, "owed": 0, "written": 0} for path in sorted(set(paths))]
    if rows:
        connection.execute(insert(backup_target), rows)


def owe(connection: Connection) -> None:
    """Keys are destroyed in this transaction: every key file is owed a new one."""
    connection.execute(update(backup_target).values(owed=backup_target.c.owed + 1))


def note_written(connection: Connection, node: int, path: str, written: int) -> None:
    """Its key file is of a snapshot in which so much was owed; one that was lost, or known from a restore, is found."""
    told = (backup_target.c.node == BEFORE_RESTORE, backup_target.c.path == path)
    connection.execute(delete(backup_target).where(*told))
    found = {"written": written, "lost_at": None, "lost_by": None, "lost_reason": None}
    connection.execute(update(backup_target).where(*_is(node, path)).values(**found))


def sign_off(connection: Connection, node: int, path: str, *, at: int, by: str, reason: str) -> bool:
    """Somebody answers for it that nobody can read what lies there any more; False when it is not known."""
    values = {"lost_at": at, "lost_by": by, "lost_reason": reason}
    return connection.execute(update(backup_target).where(*_is(node, path)).values(**values)).rowcount == 1


def _is(node: int, path: str) -> tuple[Any, Any]:
    return backup_target.c.node == node, backup_target.c.path == path

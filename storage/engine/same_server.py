"""Whether PostgreSQL still serves the database it served before: another one, or an older state of it, is not ours.

A server may come back on other data behind the same address: a backup put in its place, a replica that had
not heard the last commits. Compared at each new connection with what was seen before: the cluster's
identifier, the database's own, and how far the log of writes is on the disk: what is written and not synced yet
may be gone after a crash, and nobody was told that it stays. Sources: PostgreSQL's manual, 9.28.10
(pg_control_system) and 9.28.3 (pg_current_wal_flush_lsn).
Durable states: none. A daemon that starts anew takes what it finds.
"""

from __future__ import annotations

import threading
from typing import Any

NOT_ALLOWED = "42501"  # insufficient_privilege

_IDENTITY = (
    "SELECT (SELECT system_identifier FROM pg_control_system()),"
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_POSITION = (
    "SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_wal_flush_lsn() - '0/0'::pg_lsn END"
)


class SameServer:
    """What was seen of the server. ``connection`` is the driver's own, outside a transaction."""

    def __init__(self) -> None:
        self._identity: tuple[Any, ...] | None = None
        self._position = 0
        self._noting = threading.Lock()

    def compare(self, connection: Any) -> str:
        """What is wrong with the database behind a new connection, "" when it is the one known, or the first."""
        identity = _ask(connection, _IDENTITY)
        position = _ask(connection, _POSITION)[0]
        with self._noting:
            self._identity = self._identity or identity
            if identity != self._identity:
                return "the server serves another database under this name than the one that was opened"
            if position is not None and position < self._position:
                return "the server came back with older data: commits that were acknowledged are missing"
        return ""

    def note(self, connection: Any) -> None:
        """Remember how far the log of writes is."""
        position = _ask(connection, _POSITION)[0]
        with self._noting:
            self._position = max(self._position, position or 0)


def _ask(connection: Any, query: str) -> tuple[Any, ...]:
    """The row; of nothing but None where this role may not ask that (some providers take the right away)."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            answer: tuple[Any, ...] = tuple(cursor.fetchone())
    except Exception as error:
        if getattr(error, "sqlstate", None) != NOT_ALLOWED:
            raise
        answer = (None,)

    connection.rollback()
    return answer

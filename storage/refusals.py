"""Refusals before the end of DATA: one row per peer, hour and reason (the operator's own table)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, text

from .schema import refusal

HOUR = 3_600_000_000  # microseconds

_ADD = text(
    "INSERT INTO refusal(hour, peer, reason, count) VALUES (:hour, :peer, :reason, :count)"
    " ON CONFLICT (hour, peer, reason) DO UPDATE SET count = refusal.count + excluded.count"
)


def add(connection: Connection, counted: Mapping[tuple[str, str], int], *, at: int) -> None:
    """Add counts by (peer, reason) to the hour of ``at``. Needs a write transaction."""
    hour = at - at % HOUR
    rows = [{"hour": hour, "peer": peer, "reason": reason, "count": n} for (peer, reason), n in sorted(counted.items())]
    if rows:
        connection.execute(_ADD, rows)


def list_refusals(connection: Connection, *, limit: int) -> Sequence[Row[Any]]:
    """The latest hours first: (hour, peer, reason, count)."""
    return connection.execute(
        select(refusal)
        .order_by(refusal.c.hour.desc(), refusal.c.count.desc(), refusal.c.peer, refusal.c.reason)
        .limit(limit)
    ).all()

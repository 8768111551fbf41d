"""Refusals before the end of DATA: one row per peer, hour and reason (the operator's own table)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, text

from storage.schema import refusal

HOUR = 3_600_000_000  # microseconds

_ADD = text(
    "INSERT INTO refusal(hour, peer, reason, count) VALUES (:hour, :peer, :reason, :count)"
    " ON CONFLICT (hour, peer, reason) DO UPDATE SET count = refusal.count + excluded.count"
)


def add(connection: Connection, counted: Mapping[tuple[str, str], int], *, at: int) -> None:
    """Add counts by (peer, reason) to the hour of ``at``. Needs a write transaction."""
    hour = at - at % HOUR
    rows = [
        {"hour": hour, "peer": peer, "reason": reason, "count": n}
        for (peer, reason), n in sorted(counted.items())
    ]
    if rows:
        connection.execute(_ADD, rows)


def list_refusals(
    connection: Connection, *, limit: int, after: tuple[int, str, str] | None = None
) -> Sequence[Row[Any]]:
    """The latest hours first, from the row after the one with this (hour, peer, reason): hour, peer, reason, count."""
    query = select(refusal).order_by(refusal.c.hour.desc(), refusal.c.peer, refusal.c.reason).limit(limit)
    if after is not None:
        hour, peer, reason = after
        later = or_(refusal.c.peer > peer, and_(refusal.c.peer == peer, refusal.c.reason > reason))
        query = query.where(or_(refusal.c.hour < hour, and_(refusal.c.hour == hour, later)))
    return connection.execute(query).all()

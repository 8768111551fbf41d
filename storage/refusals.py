"""Refusals before the end of DATA: one row per peer, hour and reason (the operator's own table)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from .schema import refusal

HOUR = 3_600_000_000  # microseconds

_ADD = (
    update(refusal)
    .where(
        refusal.c.hour == bindparam("at_hour"),
        refusal.c.peer == bindparam("of_peer"),
        refusal.c.reason == bindparam("why"),
    )
    .values(count=refusal.c.count + bindparam("more"))
)


def add(connection: Connection, counted: Mapping[tuple[str, str], int], *, at: int) -> None:
    """Add counts by (peer, reason) to the hour of ``at``. Needs a write transaction."""
    hour = at - at % HOUR
    for (peer, reason), count in counted.items():
        values = {"at_hour": hour, "of_peer": peer, "why": reason, "more": count}
        if not connection.execute(_ADD, values).rowcount:
            connection.execute(refusal.insert().values(hour=hour, peer=peer, reason=reason, count=count))


def list_refusals(connection: Connection, *, limit: int) -> Sequence[Row[Any]]:
    """The latest hours first: (hour, peer, reason, count)."""
    return connection.execute(select(refusal).order_by(refusal.c.hour.desc()).limit(limit)).all()

"""Time as mailhub stores it: integer microseconds since the Unix epoch, UTC. The only place that asks the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1)
_FIRST_SECOND = (datetime.min - _EPOCH) // timedelta(seconds=1)
_LAST_SECOND = (datetime.max - _EPOCH) // timedelta(seconds=1)


def now() -> int:
    """The present, in microseconds since the epoch (UTC)."""
    return time.time_ns() // 1_000


def from_datetime(value: datetime) -> int:
    """Microseconds since the epoch of an aware datetime; a naive one is read as UTC."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    return int(value.timestamp()) * SECOND + value.microsecond


def in_seconds(count: int) -> str:
    """A number of seconds in words: ``1 second``, ``5 seconds``."""
    return "1 second" if count == 1 else f"{count} seconds"


def to_iso(at: int) -> str:
    """RFC 3339 in UTC, to the second: ``2026-11-23T16:41:00Z``. An instant outside years 1 to 9999 is their nearest."""
    seconds = min(max(at // SECOND, _FIRST_SECOND), _LAST_SECOND)
    return (
        _EPOCH + timedelta(seconds=seconds)
    ).isoformat() + "Z"  # strftime does not pad years on every platform

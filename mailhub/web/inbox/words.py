"""Values in words, for people. Pure."""

from __future__ import annotations

from mailhub import clock

DAY = 24 * clock.HOUR


def ago(at: int, now: int) -> str:
    """How long ago an instant was (both in microseconds, UTC), in the largest unit that fits: 5 min, 3 h, 12 d."""
    passed = max(0, now - at)
    if passed < clock.MINUTE:
        return "now"
    if passed < clock.HOUR:
        return f"{passed // clock.MINUTE} min"
    if passed < 2 * DAY:
        return f"{passed // clock.HOUR} h"
    return f"{passed // DAY} d"


def bytes_in_words(count: int) -> str:
    """A size as people say it: 812 B, 14 KB, 3.1 MB (powers of ten, as file managers show them)."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.0f} KB"
    return f"{count / 1_000_000:.1f} MB"

"""Work that can be counted: how many calls, of Python and of C, a piece of code makes. The same on every machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from mailhub.message import parse
from mailhub.message.values import Parsed

HANG_SECONDS = (
    20  # a guard against running for ever, twenty times what the slowest attack takes; no measurement
)
SLACK_CALLS = 2_000  # what reading any message costs at all


def calls_of(run: Callable[[], object]) -> int:
    """Calls made while ``run`` runs."""
    count = 0

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def read_linearly(build: Callable[[int], bytes], size: int = 60_000) -> Parsed:
    """Read an attack of ``size`` and of twice that; the work may at most double. Returns what was read last."""
    once, twice = build(size), build(2 * size)
    started = time.monotonic()
    first, second = calls_of(lambda: parse.parse(once)), calls_of(lambda: parse.parse(twice))
    read = parse.parse(twice)
    assert time.monotonic() - started < HANG_SECONDS
    assert second <= 2.2 * first + SLACK_CALLS, (
        f"{first} calls for {len(once)} bytes, {second} for {len(twice)}"
    )
    assert [flag for flag in read.flags if flag.startswith("fault-")] == []
    return read

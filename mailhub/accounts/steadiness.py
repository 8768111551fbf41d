"""Whether the clock can be believed: stages that destroy, and whatever else deletes by date, wait while it cannot.

Two witnesses. Within a process CLOCK_BOOTTIME, which nobody sets and which runs through a suspend: the clock
must have moved as far as that did. Across restarts the newest instant at which a sweep believed the clock
(``clock_mark``): the clock is never behind it, and a gap longer than ``clock_gap_days`` is doubted, because a
clock that jumped and a machine that was off look alike. Such a clock is believed after it ran steadily for
``clock_settle_hours``; one that jumped while we looked, when it is back, or when the operator confirms it
(`mailhub sweep --confirm-clock`). Limits: a clock that is wrong by less than the gap at a start, and stays
so, is believed; and while it is doubted after a start there is nothing to tell a jump by, so dates written
then are the clock's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from mailhub import clock
from mailhub.config import Lifecycle
from storage.accounts.stages import ClockMark

SANE = "sane"
BACK = "back"
AHEAD = "ahead"
JUMPED = "jumped"


def boot_time() -> int:
    """Microseconds since the machine started, suspends included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000


@dataclass(frozen=True, slots=True)
class _Pair:
    """The clock and the boot time at one moment."""

    wall: int
    boot: int


class Steadiness:
    """What one process knows of its clock. ``judge`` in the sweep's thread; ``look`` and ``trusted`` in any."""

    def __init__(self) -> None:
        self._anchor: _Pair | None = None  # the clock was believed then
        self._doubted: _Pair | None = None  # since then it is doubted and runs on

    def judge(self, mark: ClockMark | None, now: int, boot: int, settings: Lifecycle) -> str:
        """``sane``, or why not. Remembers a sane clock as the new reference."""
        state = self._state(mark, now, boot, settings)
        if state == SANE:
            self._anchor = _Pair(now, boot)
            self._doubted = None
        elif self._doubted is None or self._drift(self._doubted, now, boot) > _tolerance(settings):
            self._doubted = _Pair(now, boot)
        return state

    def look(self, mark: ClockMark | None, now: int, boot: int, settings: Lifecycle) -> str:
        """The same, remembering nothing: who looks often must not move the reference by less than the tolerance."""
        return self._state(mark, now, boot, settings)

    def confirm(self, now: int, boot: int) -> None:
        """The operator says that the clock is right."""
        self._anchor = _Pair(now, boot)
        self._doubted = None

    def trusted(self, now: int, boot: int, mark: ClockMark | None, settings: Lifecycle) -> int:
        """The best known present, for a date to write down: the clock's, or what it would be had it not jumped."""
        if self._anchor is None:
            return now if mark is None else max(now, mark.seen_at)
        steady = self._anchor.wall + boot - self._anchor.boot
        return now if abs(now - steady) <= _tolerance(settings) else steady

    def _state(self, mark: ClockMark | None, now: int, boot: int, settings: Lifecycle) -> str:
        if self._anchor is not None:
            return SANE if self._drift(self._anchor, now, boot) <= _tolerance(settings) else JUMPED
        if mark is None:
            return SANE
        if now < mark.seen_at - _tolerance(settings):
            return BACK

        far = now > mark.seen_at + int(settings.clock_gap_days * clock.DAY)
        if mark.state == JUMPED and far:
            return JUMPED  # a restart is no confirmation
        if not far and mark.state != JUMPED:
            return SANE

        return SANE if self._settled(now, boot, settings) else AHEAD

    def _settled(self, now: int, boot: int, settings: Lifecycle) -> bool:
        since = self._doubted
        if since is None or self._drift(since, now, boot) > _tolerance(settings):
            return False
        return boot - since.boot >= int(settings.clock_settle_hours * clock.HOUR)

    @staticmethod
    def _drift(since: _Pair, now: int, boot: int) -> int:
        return abs((now - since.wall) - (boot - since.boot))


def _tolerance(settings: Lifecycle) -> int:
    return int(settings.clock_tolerance_minutes * clock.MINUTE)

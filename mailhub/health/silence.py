"""Whether a mailbox is silent: no mail for far longer than its own rhythm has it. Pure decisions over a small sketch.

A ``Rhythm`` is a bit an hour, of the last eight weeks: did any mail come? That is 168 bytes a mailbox, and no
personal data. From it comes, by the hour of the week, the chance p that an hour brings mail (the hours beside
it count as well, so that the change of the clock does no harm); an hour without mail weighs -ln(1 - p). A
silence weighs what its hours weigh: a night little, a Tuesday morning much. It is told when it weighs more
than each of

    chance      what independent arrivals bring about once in ``QUIET_YEARS`` years
    habit       ``FAR_LONGER`` times the second longest silence known: one in eight weeks is an exception, two a habit
    holiday     a day and a quarter, for a mailbox that rests on some day of the week: it rests on holidays too

Figures: `scripts/bench silence`, in docs/measured.md. Must not: look at a clock, know rows. What is not known
for ``ENOUGH_DAYS`` and ``ENOUGH_HOURS`` is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mailhub.clock import HOUR

WEEK = 168  # hours
WINDOW = 8 * WEEK
SKETCH_BYTES = WINDOW // 8
ENOUGH_DAYS = 14
ENOUGH_HOURS = 10  # hours with mail
QUIET_YEARS = 100
FAR_LONGER = 1.5
HOLIDAY_DAYS = 1.25
RESTS = 0.25  # a day of the week that weighs less than this part of the heaviest one is a day of rest
FURTHEST = 10 * WEEK  # a silence that is not told by then is not told
_MASK = (1 << WINDOW) - 1


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When mail came: ``bits`` has one an hour, the lowest that of ``newest_at``. Instants in microseconds, UTC."""

    first_at: int
    newest_at: int
    bits: int

    def heard(self, at: int) -> Rhythm:
        """With one more mail, which may be older than the newest."""
        hours = at // HOUR - self.newest_at // HOUR
        bits = self.bits << min(hours, WINDOW) | 1 if hours > 0 else self.bits | 1 << min(-hours, WINDOW)
        return Rhythm(min(self.first_at, at), max(self.newest_at, at), bits & _MASK)


def begin(at: int) -> Rhythm:
    """The rhythm of a mailbox whose first mail came then."""
    return Rhythm(at, at, 1)


def alarm_at(rhythm: Rhythm, *, limit_hours: int | None = None) -> int | None:
    """When the mailbox is silent unless mail comes; None when that cannot be said.

    ``limit_hours`` stands in place of its own rhythm; 0 is never.
    """
    if limit_hours is not None:
        return rhythm.newest_at + limit_hours * HOUR if limit_hours else None

    known = _Known(rhythm)
    if not known.enough:
        return None

    limit = known.limit()
    weight = 0.0

    for hour in range(known.newest + 1, known.newest + FURTHEST):
        weight += known.weights[hour % WEEK]
        if weight >= limit:
            return (hour + 1) * HOUR

    return None


def evidence(rhythm: Rhythm, *, now: int) -> str:
    """The silence in words, beside what was usual."""
    known = _Known(rhythm)
    silent = max(0, now - rhythm.newest_at) // HOUR
    words = f"no mail for {_hours(silent)}"
    if not known.days:
        return words

    gaps = known.gaps()
    usual = f"in the {known.days} days before"
    longest = max((len(gap) + 1 for gap in gaps), default=1)
    if silent > longest:
        return f"{words}; the longest gap {usual} was {_hours(longest)}"

    missed = known.expected(range(known.newest + 1, now // HOUR))
    most = max(map(known.expected, gaps), default=0.0)

    return (
        f"{words}, of which {missed:.0f} would have brought some; {usual} at most {most:.0f} in a row did not"
    )


class _Known:
    """What a rhythm tells: chances and weights by the hour of the week, and the gaps there were."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._bits = rhythm.bits
        self.newest = rhythm.newest_at // HOUR
        self.span = min(WINDOW, self.newest - rhythm.first_at // HOUR + 1)  # hours that are known
        self.with_mail = rhythm.bits.bit_count()
        self.chances = self._chances()
        self.weights = [-math.log1p(-chance) for chance in self.chances]

    @property
    def days(self) -> int:
        return self.span // 24

    @property
    def enough(self) -> bool:
        return self.days >= ENOUGH_DAYS and self.with_mail >= ENOUGH_HOURS

    def expected(self, hours: range) -> float:
        """How many of these hours bring mail as a rule."""
        return sum(self.chances[hour % WEEK] for hour in hours)

    def limit(self) -> float:
        """The weight from which a silence is told."""
        yearly = self.with_mail * 365 * 24 / self.span
        gaps = sorted(sum(self.weights[hour % WEEK] for hour in gap) for gap in self.gaps())
        habit = FAR_LONGER * gaps[-2] if len(gaps) > 1 else 0.0
        days = [sum(self.weights[day : day + 24]) for day in range(0, WEEK, 24)]
        holiday = HOLIDAY_DAYS * max(days) if min(days) < RESTS * max(days) else 0.0
        return max(math.log(yearly * QUIET_YEARS), habit, holiday)

    def gaps(self) -> Sequence[range]:
        """The hours without mail between hours with mail, stretch by stretch, oldest first."""
        heard = [*self._hours_with_mail()]
        return [range(one + 1, other) for one, other in pairwise(heard) if other > one + 1]

    def _hours_with_mail(self) -> Iterator[int]:
        for index, bit in enumerate(f"{self._bits:b}"):
            if bit == "1":
                yield self.newest - self._bits.bit_length() + 1 + index

    def _chances(self) -> Sequence[float]:
        """By the hour of the week; that beside it, and one hour of the mean, count as well: no chance is 0 or 1."""
        known = [0] * WEEK
        heard = [0] * WEEK
        for hour in range(self.newest - self.span + 1, self.newest + 1):
            known[hour % WEEK] += 1
        for hour in self._hours_with_mail():
            heard[hour % WEEK] += 1
        mean = self.with_mail / (self.span + 1)
        beside = [((slot - 1) % WEEK, slot, (slot + 1) % WEEK) for slot in range(WEEK)]
        return [(sum(heard[s] for s in near) + mean) / (sum(known[s] for s in near) + 1) for near in beside]


def _hours(count: int) -> str:
    return f"{count} h" if count < 72 else f"{count // 24} days"

"""scripts/bench silence: the silence alarm on simulated mailboxes: false alarms, and how soon a death is noticed.

Mail comes as a Poisson process whose rate follows the hour and the day; holidays have the rate of a Sunday. A
mailbox lives for eight weeks and a year; only the year counts. A death, after any of its mails, is compared
with the longest gap of the eight weeks before. Example: scripts/bench silence --mailboxes 20
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from mailhub.clock import DAY, HOUR
from mailhub.health import silence

YEARS = 1
SOONEST = 2 * HOUR  # no rhythm tells sooner
BEGIN = 20_000 * DAY  # a Monday comes at 4 modulo 7 days
HOLIDAYS = (
    0,
    93,
    96,
    121,
    132,
    143,
    276,
    304,
    358,
    359,
    360,
)  # days of the year: New Year, Easter, May, Christmas ...

Rate = Callable[
    [int, int, bool], float
]  # hour of the day, day of the week (0 Monday), holiday -> mails an hour


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of mailbox."""

    name: str
    rate: Rate
    holidays: bool = True


def _office(mails_a_day: float, rest: float) -> Rate:
    def rate(hour: int, weekday: int, holiday: bool) -> float:
        busy = 8 <= hour < 18
        share = 0.95 / 10 if busy else 0.05 / 14
        return mails_a_day * share * (rest if weekday >= 5 or holiday else 1.0)

    return rate


def _shop(mails_a_day: float) -> Rate:
    def rate(hour: int, weekday: int, holiday: bool) -> float:
        wave = 1 + 0.9 * math.cos((hour - 15) / 24 * 2 * math.pi)
        return mails_a_day / 24 * wave * (0.6 if weekday >= 5 or holiday else 1.0)

    return rate


def _flat(mails_a_day: float) -> Rate:
    return lambda hour, weekday, holiday: mails_a_day / 24


PATTERNS = (
    Pattern("round the clock, 500 a day", _shop(500)),
    Pattern("round the clock, 40 a day", _shop(40)),
    Pattern("round the clock, 5 a day", _shop(5)),
    Pattern("office, 100 a day, rest at weekends 1%", _office(100, 0.01)),
    Pattern("office, 20 a day, weekends 5%", _office(20, 0.05)),
    Pattern("office, 3 a day, weekends 5%", _office(3, 0.05)),
    Pattern("flat, 1 a day", _flat(1), holidays=False),
    Pattern("flat, 2 a week", _flat(2 / 7), holidays=False),
)


def main() -> None:
    """Simulate and print a table."""
    parser = argparse.ArgumentParser(prog="scripts/bench silence", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--mailboxes", type=int, default=20, help="of each kind, a year each")
    parser.add_argument("--deaths", type=int, default=20, help="of each mailbox")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(
        "| mailbox | longest gap, h | false alarms a year | noticed after, h: median (p90) | in longest gaps: median |"
    )
    print("|---|---|---|---|---|")
    for pattern in PATTERNS:
        chance = random.Random(f"{options.seed} {pattern.name}")
        lives = [list(_life(pattern, chance)) for _ in range(options.mailboxes)]
        false = sum(_false_alarms(life) for life in lives) / options.mailboxes
        deaths = [death for life in lives for death in _deaths(life, chance, options.deaths)]
        longest, hours = [d[0] for d in deaths], [d[1] for d in deaths if d[1] is not None]
        ratios = sorted(noticed / gap for gap, noticed in deaths if noticed is not None)
        p90, never = sorted(hours)[int(len(hours) * 0.9)], len(deaths) - len(hours)
        noticed = f"{statistics.median(hours):.0f} ({p90:.0f})" + (
            f", {never} of {len(deaths)} never" if never else ""
        )
        usual, ratio = statistics.median(longest), statistics.median(ratios)
        print(f"| {pattern.name} | {usual:.0f} | {false:.2f} | {noticed} | {ratio:.1f} |", flush=True)


def _life(pattern: Pattern, chance: random.Random) -> Iterator[int]:
    """A year and eight weeks of arrivals, at most one an hour: more make no difference."""
    for hour in range(BEGIN // HOUR, BEGIN // HOUR + silence.WINDOW + 365 * 24 * YEARS):
        day = hour // 24
        holiday = pattern.holidays and (day - BEGIN // DAY) % 365 in HOLIDAYS
        rate = pattern.rate(hour % 24, (day - 4) % 7, holiday)
        if chance.random() < 1 - math.exp(-rate):
            yield hour * HOUR + chance.randrange(HOUR)


def _false_alarms(life: list[int]) -> float:
    rhythm, alarms = silence.begin(life[0]), 0
    for at, following in pairwise(life):
        rhythm = rhythm.heard(at)
        if following - at >= SOONEST and following > BEGIN + silence.WINDOW * HOUR:
            due = silence.alarm_at(rhythm)
            alarms += due is not None and due <= following
    return alarms / YEARS


def _deaths(life: list[int], chance: random.Random, count: int) -> Iterator[tuple[float, float | None]]:
    """The longest gap of the window before a death, and after how long it is noticed; both in hours."""
    later = [at for at in life if at > BEGIN + silence.WINDOW * HOUR]
    for at in chance.sample(later, min(count, len(later))):
        past = [each for each in life if at - silence.WINDOW * HOUR <= each <= at]
        rhythm = silence.begin(life[0])
        for each in past:
            rhythm = rhythm.heard(each)
        due = silence.alarm_at(rhythm)
        gap = max((b - a for a, b in pairwise(past)), default=HOUR) / HOUR
        yield max(1.0, gap), None if due is None else (due - at) / HOUR


if __name__ == "__main__":
    main()

"""Date headers. Job: microseconds since the epoch (UTC) from a date in any form people send; None when unreadable.

RFC 5322 3.3 and 4.3 (two-digit years, named zones), asctime, ISO 8601; else by its pieces in any order, the
month by its name in 35 languages (Unicode CLDR). Nothing is judged: a date in the
future or in 1970 is returned as it stands. Outside the years 1900 (RFC 5322 3.3) to 9998 nothing is a date:
with its offset the last year could leave the calendar. Must not: ask the clock, raise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from mailhub.message.month_names import MONTHS

_SHORT = {name: MONTHS[name] for name in "jan feb mar apr may jun jul aug sep oct nov dec".split()}  # noqa: SIM905 - a list of words is read as words
_SHORT |= {"mrz": 3, "mai": 5, "okt": 10, "dez": 12, "fév": 2, "aoû": 8}
_HOURS: dict[str, float] = {
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "z": 0,
    "est": -5,
    "edt": -4,
    "cst": -6,
    "cdt": -5,
    "mst": -7,
    "mdt": -6,
}
_HOURS |= {
    "mdt": -6,
    "pst": -8,
    "pdt": -7,
    "bst": 1,
    "cet": 1,
    "met": 1,
    "cest": 2,
    "mest": 2,
    "eet": 2,
    "eest": 3,
}
_HOURS |= {"msk": 3, "ist": 5.5, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13}
_HOURS |= {"mez": 1, "mesz": 2, "wet": 0, "west": 1, "hne": -5, "hae": -4, "msd": 4, "trt": 3, "sast": 2}
_HOURS |= {"ast": -4, "adt": -3, "nst": -3.5, "ndt": -2.5, "akst": -9, "akdt": -8, "hst": -10, "brt": -3}
_HOURS |= {"art": -3, "clt": -4, "pkt": 5, "ict": 7, "wib": 7, "sgt": 8, "hkt": 8, "awst": 8, "acst": 9.5}

_TIME = r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2})(?:[.,]\d{1,9})?)?"
_ZONE = r"\s*(?:(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})|\(?([A-Za-z]{1,5}))?"
_RFC = re.compile(
    r"\s*(?:[^\W\d_]{2,12}\.?\s*,?\s*)?(\d{1,2})[\s.-]+([^\W\d_]{3,9})\.?[\s,-]*(\d{2,4})[\s,]+"
    + _TIME
    + _ZONE
)
_ASCTIME = re.compile(
    r"\s*(?:[A-Za-z]{3,9},?\s+)?([A-Za-z]{3,9})\s+(\d{1,2}),?\s+"
    + _TIME
    + r"(?:\s+([A-Za-z]{1,5}))?\s+(\d{4})"
)
_ISO = re.compile(r"\s*(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T\s]+" + _TIME + _ZONE + ")?")
_DAY_ONLY = re.compile(r"\s*(?:[^\W\d_]{2,12}\s*,?\s*)?(\d{1,2})[\s.-]+([^\W\d_]{3,9})\.?[\s,-]*(\d{4})")

# The pieces of a date in any order; what is no piece (a weekday, "de", "um", "kl.") is passed over.
_WORDS = 24
_WORD = re.compile(r"[^\s,;()]{1,40}")
_CLOCK = re.compile(_TIME)
_EAST = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})?", re.IGNORECASE)
_DAY = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th|er|[ºªoe日일])?")
_FIGURES = re.compile(
    r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})\.?"
)  # with dots the day stands first, with slashes either may
_YEAR_FIRST = re.compile(r"(\d{4})\s?[年년.]\s?(\d{1,2})\s?[月월.]\s?(\d{1,2})(?:\s?[日일.])?")
_AFTERNOON = frozenset(("pm", "p.m", "p.m.", "午後", "下午", "오후"))
_MORNING = frozenset(("am", "a.m", "a.m.", "午前", "上午", "오전"))
_EPOCH = date(1970, 1, 1).toordinal()
_DAY_MICROS = 24 * 60 * 60 * 1_000_000
_FIRST = (date(1900, 1, 1).toordinal() - _EPOCH) * _DAY_MICROS
_END = (date(9999, 1, 1).toordinal() - _EPOCH) * _DAY_MICROS


def parse(text: str) -> int | None:
    """Microseconds since the epoch, UTC; None when ``text`` holds no date. A missing zone is UTC. Never raises."""
    text = text[:200]
    found = _usual(text)
    return found if found is not None else _in_any_order(text)


def _usual(text: str) -> int | None:
    """The forms of nearly all mail, each by one pattern."""
    match = _RFC.match(text)
    if match is not None and (match[10] or "").lower() in ("am", "pm"):
        return None
    if match is not None:
        day, month, year, hour, minute, second = match.group(1, 2, 3, 4, 5, 6)
        return _micros(year, _month(month), day, (hour, minute, second), _offset(match.group(7, 8, 9, 10)))

    match = _ISO.match(text)
    if match is not None:
        year, month, day, hour, minute, second = match.group(1, 2, 3, 4, 5, 6)
        return _micros(year, int(month), day, (hour, minute, second), _offset(match.group(7, 8, 9, 10)))

    match = _ASCTIME.match(text)
    if match is not None:
        month, day, hour, minute, second, zone, year = match.groups()
        return _micros(year, _month(month), day, (hour, minute, second), _offset((None, None, None, zone)))

    match = _DAY_ONLY.match(text)
    if match is not None:
        return _micros(match[3], _month(match[2]), match[1], ("0", "0", None), 0)

    return None


@dataclass(slots=True)
class _Pieces:
    """The pieces of a date as they are found; the first of each counts, of months the last: weekdays look like them."""

    day: str = ""
    month: int = 0
    year: str = ""
    time: tuple[str | None, ...] | None = None
    offset: int | None = None
    half: str = ""  # "am", "pm"

    def take(self, word: str) -> None:
        lower = word.lower()
        if (clock := _CLOCK.fullmatch(word)) is not None and self.time is None and word.count(".") < 2:
            self.time = clock.groups()
        elif (figures := _FIGURES.fullmatch(word)) is not None and not self.year:
            self.day, self.month, self.year = figures[1], int(figures[2]), figures[3]
        elif (east := _EAST.fullmatch(word)) is not None:
            self.offset = _offset((east[1], east[2], east[3] or "00", None))
        elif (day := _DAY.fullmatch(word)) is not None and (not self.day or not self.year):
            self.day, self.year = (self.day, day[1]) if self.day else (day[1], self.year)
        elif len(word) == 4 and word.isdecimal() and not self.year:
            self.year = word
        elif (month := _month(lower.rstrip("."))) and self.day_is_open():
            self.month = month
        elif lower in _AFTERNOON or lower in _MORNING:
            self.half = "pm" if lower in _AFTERNOON else "am"
        elif lower in _HOURS and self.offset is None:
            self.offset = int(_HOURS[lower] * 60)

    def day_is_open(self) -> bool:
        """Whether a month may still come: behind the year nothing is one."""
        return not self.year or not self.month


def _in_any_order(text: str) -> int | None:
    """A date told by its pieces: the month by its name in any language of ``month_names``, before the day or
    after it.
    """
    pieces = _Pieces()
    for word in _WORD.findall(_YEAR_FIRST.sub(_days_first, text))[:_WORDS]:
        pieces.take(word)
    if not (pieces.day and pieces.month and pieces.year):
        return None

    hour, minute, second = pieces.time or ("0", "0", None)
    if pieces.half and hour is not None:
        hour = str(int(hour) % 12 + (12 if pieces.half == "pm" else 0))

    return _micros(pieces.year, pieces.month, pieces.day, (hour, minute, second), pieces.offset or 0)


def _days_first(match: re.Match[str]) -> str:
    return f" {match[3]}.{match[2]}.{match[1]} "


def _month(name: str) -> int:
    """The month of a name: as it stands, else by its first three letters, as RFC 5322 writes it."""
    lower = name.lower()
    return MONTHS.get(lower) or _SHORT.get(lower[:3], 0)


def _offset(zone: tuple[str | None, ...]) -> int:
    """Minutes east of UTC; military and unknown names count as UTC (RFC 5322 4.3)."""
    sign, hours, minutes, name = zone
    if sign and hours and minutes:
        east = int(hours) * 60 + int(minutes)
        if east >= 24 * 60:
            return 0
        return -east if sign == "-" else east
    return int(_HOURS.get(name.lower(), 0) * 60) if name else 0


def _micros(year: str, month: int, day: str, time: tuple[str | None, ...], offset: int) -> int | None:
    number = int(year)
    if len(year) <= 3:  # RFC 5322 4.3: 00-49 is 2000-2049, 50-99 and three digits are counted from 1900
        number += 2000 if number < 50 and len(year) == 2 else 1900
    hour, minute, second = (int(value or 0) for value in time)
    if hour > 24 or minute > 59 or second > 60:
        return None

    try:
        days = date(number, month, int(day)).toordinal() - _EPOCH
    except ValueError:
        return None

    found = (((days * 24 + hour) * 60 + minute - offset) * 60 + second) * 1_000_000
    return found if _FIRST <= found < _END else None

"""Date headers. Job: microseconds since the epoch (UTC) from a date in any form people send; None when unreadable.

RFC 5322 3.3 and 4.3 (two-digit years, named zones), asctime, ISO 8601. Nothing is judged: a date in the
future or in 1970 is returned as it stands. Outside the years 1900 (RFC 5322 3.3) to 9998 nothing is a date:
with its offset the last year could leave the calendar. Must not: ask the clock, raise.
"""

from __future__ import annotations

import re
from datetime import date

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_MONTHS |= {
    "mrz": 3,
    "mär": 3,
    "mai": 5,
    "okt": 10,
    "dez": 12,
    "fév": 2,
    "avr": 4,
    "aoû": 8,
    "déc": 12,
    "ene": 1,
}
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
_EPOCH = date(1970, 1, 1).toordinal()
_DAY_MICROS = 24 * 60 * 60 * 1_000_000
_FIRST = (date(1900, 1, 1).toordinal() - _EPOCH) * _DAY_MICROS
_END = (date(9999, 1, 1).toordinal() - _EPOCH) * _DAY_MICROS


def parse(text: str) -> int | None:
    """Microseconds since the epoch, UTC; None when ``text`` holds no date. A missing zone is UTC. Never raises."""
    text = text[:200]
    match = _RFC.match(text)
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


def _month(name: str) -> int:
    return _MONTHS.get(name[:3].lower(), 0)


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

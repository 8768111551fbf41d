"""Dates in the forms people send."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub import clock
from mailhub.message import dates, parse
from mailhub.message.month_names import MONTHS


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Mon, 23 Nov 2026 16:41:00 +0100", "2026-11-23 15:41:00"),
        ("23 Nov 2026 16:41 -0530", "2026-11-23 22:11:00"),
        ("Mon, 23 Nov 2026 16:41:00 GMT", "2026-11-23 16:41:00"),
        ("Mon, 23 Nov 2026 16:41:00 EST", "2026-11-23 21:41:00"),
        ("Mon, 23 Nov 2026 16:41:00 (CET)", "2026-11-23 15:41:00"),
        ("Mon, 23 Nov 2026 16:41:00 +0100 (CET)", "2026-11-23 15:41:00"),
        ("Mon, 23 Nov 2026 16:41:00 GMT+01:00", "2026-11-23 15:41:00"),
        ("Mon, 23 Nov 2026 16:41:00", "2026-11-23 16:41:00"),
        ("Mon,23 Nov 2026 16:41:00 +0000", "2026-11-23 16:41:00"),
        ("Mon Nov 23 16:41:00 2026", "2026-11-23 16:41:00"),
        ("Mon Nov 23 16:41:00 CET 2026", "2026-11-23 15:41:00"),
        ("23-Nov-2026 16:41:00 +0000", "2026-11-23 16:41:00"),
        ("Mo, 5 Okt 2026 16:41:00 +0200", "2026-10-05 14:41:00"),
        ("Tue, 1 Jan 02 00:00:00 +0000", "2002-01-01 00:00:00"),
        ("Tue, 1 Jan 99 00:00:00 +0000", "1999-01-01 00:00:00"),
        ("Fri, 1 Jan 102 00:00:00 +0000", "2002-01-01 00:00:00"),
        ("2026-11-23T16:41:00Z", "2026-11-23 16:41:00"),
        ("2026-11-23T16:41:00.123+01:00", "2026-11-23 15:41:00"),
        ("2026-11-23 16:41:00", "2026-11-23 16:41:00"),
        ("2026/11/23", "2026-11-23 00:00:00"),
        ("23 November 2026", "2026-11-23 00:00:00"),
        ("Mon, 23 Nov 2026 16.41.00 +0000", "2026-11-23 16:41:00"),
        ("Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01 00:00:00"),
        ("Wed, 01 Jan 2098 00:00:00 +0000", "2098-01-01 00:00:00"),
        ("Mon, 23 Nov 2026 16:41:00 +9999", "2026-11-23 16:41:00"),
    ],
)
def test_dates_are_read(written: str, meant: str) -> None:
    """A date in any form is the same instant."""
    expected = int(datetime.fromisoformat(meant).replace(tzinfo=UTC).timestamp()) * 1_000_000
    assert expected == dates.parse(written)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("jue ago 30 13:55:12 2007", "2007-08-30 13:55:12"),
        ("ons, 26 maj 1999 11:00:34 +0200 (CEST)", "1999-05-26 09:00:34"),
        ("Sat, Apr 09 2005 06:39:52 -0700", "2005-04-09 13:39:52"),
        ("Fri, 28 Feb 92 11:07:59 MEZ", "1992-02-28 10:07:59"),
        ("So, 5 Jul 2026 11:07:59 MESZ", "2026-07-05 09:07:59"),
        ("mar. 3 mars 2026 09:14", "2026-03-03 09:14:00"),
        ("mar, ago 30 13:55:12 2007", "2007-08-30 13:55:12"),
        ("to 3 marraskuuta 2026 9:14:00 +0200", "2026-11-03 07:14:00"),
        ("3 de marzo de 2026 9:14", "2026-03-03 09:14:00"),
        ("2026年3月3日(火) 9:14", "2026-03-03 09:14:00"),
        ("2026년 3월 3일 (화) 오후 9:14", "2026-03-03 21:14:00"),
        ("23 листопада 2026 10:00 +0200", "2026-11-23 08:00:00"),
        ("Τρί, 3 Μαρ 2026 10:00:00 +0200", "2026-03-03 08:00:00"),
        ("3 มี.ค. 2026 10:00", "2026-03-03 10:00:00"),
        ("5 जनवरी 2026 10:00:00 +0530", "2026-01-05 04:30:00"),
        ("12 يناير 2026 10:00", "2026-01-12 10:00:00"),
        ("03.04.2026 09:14", "2026-04-03 09:14:00"),
        ("3 Mar 2026 9:14 PM EST", "2026-03-04 02:14:00"),
        ("Mar 3, 2026 12:14 AM", "2026-03-03 00:14:00"),
        ("Tuesday, March 3rd 2026", "2026-03-03 00:00:00"),
    ],
)
def test_dates_of_other_languages_and_orders_are_read(written: str, meant: str) -> None:
    """A date with its month by name is read in any of 35 languages, in any order of its pieces."""
    expected = int(datetime.fromisoformat(meant).replace(tzinfo=UTC).timestamp()) * 1_000_000
    assert expected == dates.parse(written)


@given(st.sampled_from(sorted(MONTHS)), st.integers(1, 28), st.integers(1970, 2070), st.booleans())
def test_every_month_of_the_table_is_read(name: str, day: int, year: int, first: bool) -> None:
    """Each name of the table is its month, before the day and behind it."""
    found = dates.parse(f"{name} {day}, {year} 10:30 +0000" if first else f"{day} {name} {year} 10:30 +0000")
    assert found == int(datetime(year, MONTHS[name], day, 10, 30, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize("written", ["5 lip 2026 10:00", "5 listopada 2026 10:00", "04/05/2026 10:00"])
def test_a_date_that_could_be_two_is_none(written: str) -> None:
    """A month that is another one next door, or figures in either order, are no date: none is better than a
    wrong one.
    """
    assert dates.parse(written) is None


@pytest.mark.parametrize(
    "written", ["", "yesterday", "32 Nov 2026 00:00:00", "1 Foo 2026 00:00:00", "1 Jan 2026 25:00:00", "0"]
)
def test_no_date_is_none(written: str) -> None:
    """What is no date is None."""
    assert dates.parse(written) is None


def test_an_absent_date_is_none() -> None:
    """A message without Date has none; the pipeline knows when it came."""
    assert parse.parse(b"Subject: a\r\n\r\n").date is None


@pytest.mark.parametrize(
    "written",
    [
        "Fri, 31 Dec 9999 23:59:59 -1200",
        "31 Dec 9999 23:59:60 +0000",
        "0001-01-01 00:00:00 +1400",
        "1 Jan 1900 00:00:00 +0001",
    ],
)
def test_a_date_outside_the_calendar_is_none(written: str) -> None:
    """What lies outside the years 1900 to 9998 once its offset is counted is no date."""
    assert dates.parse(written) is None


@given(
    st.integers(0, 9999), st.integers(1, 12), st.integers(1, 31), st.integers(0, 24), st.integers(-1400, 1400)
)
def test_every_date_can_be_shown(year: int, month: int, day: int, hour: int, offset: int) -> None:
    """Whatever is a date survives being written out, with a year of four digits."""
    found = dates.parse(f"{year:04}-{month:02}-{day:02} {hour:02}:59:60 {offset:+05}")
    if found is not None:
        assert len(clock.to_iso(found)) == len("2026-11-23T16:41:00Z")


@pytest.mark.parametrize("at", [-(10**30), 10**30])
def test_an_instant_outside_the_calendar_is_its_nearest(at: int) -> None:
    """An instant that was stored outside the calendar is shown as its nearest end."""
    assert clock.to_iso(at) == ("0001-01-01T00:00:00Z" if at < 0 else "9999-12-31T23:59:59Z")


@given(st.text(alphabet="0123456789 :+-,/.JanTZFebGMT\u0660", max_size=60))
def test_any_text_is_a_date_or_none(text: str) -> None:
    """Any text gives an integer or None."""
    assert isinstance(dates.parse(text), int | None)

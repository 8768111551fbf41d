"""When a mailbox is silent: by its own rhythm and the hour of the week, and not before enough is known."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.clock import DAY, HOUR
from mailhub.health import silence
from mailhub.health.silence import SKETCH_BYTES, WINDOW, Rhythm

MONDAY = 20_004 * DAY  # 2024-10-07


def heard(times: Iterable[int]) -> Rhythm:
    """The rhythm after mail came then."""
    first, *later = times
    return reduce(Rhythm.heard, later, silence.begin(first))


def office(weeks: int) -> list[int]:
    """A mail every hour from 8 to 18 on working days."""
    days = [week * 7 + day for week in range(weeks) for day in range(5)]
    return [MONDAY + day * DAY + hour * HOUR for day in days for hour in range(8, 18)]


def alarm_after(rhythm: Rhythm) -> float:
    """Hours from the newest mail to the alarm."""
    due = silence.alarm_at(rhythm)
    assert due is not None
    return (due - rhythm.newest_at) / HOUR


@pytest.mark.parametrize("times", [office(8)[:9], office(1), [MONDAY + week * 7 * DAY for week in range(9)]])
def test_nothing_is_said_before_enough_is_known(times: list[int]) -> None:
    """A few mails, a busy week, or one mail a week for nine weeks are not enough to know a rhythm by."""
    assert silence.alarm_at(heard(times)) is None


def test_a_mailbox_that_never_rests_is_missed_within_hours() -> None:
    """Mail every hour for two weeks: some hours without any are told, night or day."""
    assert 3 <= alarm_after(heard(MONDAY + hour * HOUR for hour in range(14 * 24))) <= 6


def test_nights_weekends_and_one_holiday_are_no_silence() -> None:
    """After Friday's last mail there is no alarm before Tuesday noon: Monday may be a holiday."""
    friday_evening = heard(office(8))
    tuesday_noon = (3 * 24 + 12) - 17 + 24  # hours after 17:00 on Friday
    assert tuesday_noon - 6 <= alarm_after(friday_evening) <= tuesday_noon + 6


def test_a_working_day_counts_more_than_a_weekend() -> None:
    """The same mailbox that falls silent on a Tuesday morning is missed sooner, though weekends last longer."""
    tuesday = [at for at in office(9) if at <= MONDAY + 57 * DAY + 9 * HOUR]
    weekend = 62
    assert alarm_after(heard(tuesday)) < weekend


def test_one_long_silence_is_an_exception_and_two_are_a_habit() -> None:
    """A mailbox that was dead for four days once is watched as before; after the second time less closely."""
    whole = [MONDAY + hour * HOUR for hour in range(8 * 7 * 24)]
    first, second = range(20 * 24, 24 * 24), range(40 * 24, 44 * 24)
    once = [at for at in whole if (at - MONDAY) // HOUR not in first]
    twice = [at for at in once if (at - MONDAY) // HOUR not in second]
    assert alarm_after(heard(once)) <= 24
    assert alarm_after(heard(twice)) >= 72


def test_a_limit_stands_in_place_of_the_rhythm() -> None:
    """After so many hours, from the first mail on; 0 is never."""
    young = silence.begin(MONDAY)
    assert silence.alarm_at(young, limit_hours=5) == MONDAY + 5 * HOUR
    assert silence.alarm_at(heard(office(8)), limit_hours=0) is None


def test_the_evidence_is_words_with_numbers() -> None:
    """How long, and what was the longest before; where weekends last longer, how many hours should have had mail."""
    steady = heard(MONDAY + hour * 4 * HOUR for hour in range(400))
    assert silence.evidence(steady, now=steady.newest_at + 31 * HOUR) == (
        "no mail for 31 h; the longest gap in the 56 days before was 4 h"
    )
    tuesday = heard(at for at in office(9) if at <= MONDAY + 57 * DAY + 9 * HOUR)
    assert silence.evidence(tuesday, now=tuesday.newest_at + 28 * HOUR) == (
        "no mail for 28 h, of which 13 would have brought some; in the 56 days before at most 1 in a row did not"
    )


@given(st.lists(st.integers(0, 3 * WINDOW), min_size=1, max_size=40), st.randoms())
def test_the_order_in_which_mail_is_heard_of_changes_nothing(hours: list[int], chance: object) -> None:
    """Mail that is read late finds its place: the sketch is the same, and never longer than eight weeks."""
    times = [MONDAY + hour * HOUR for hour in hours]
    shuffled = list(times)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert heard(shuffled) == heard(sorted(times))
    expected = {hour for hour in hours if hour > max(hours) - WINDOW}
    assert heard(times).bits.bit_count() == len(expected)
    assert heard(times).bits < 1 << 8 * SKETCH_BYTES
    silence.alarm_at(heard(times))

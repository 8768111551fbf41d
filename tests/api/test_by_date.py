"""What deletes by date believes the clock no more than the stages do: while it is doubted, nothing goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailhub import clock
from mailhub.accounts import lifecycle
from mailhub.accounts.steadiness import SANE
from mailhub.clock import DAY, HOUR, MINUTE
from mailhub.house import House
from mailhub.service import jobs
from tests.api.conftest import Home

WALL = 1_800_000_000 * clock.SECOND
BY_DATE = {
    "slices",
    "logins",
    "idempotency",
    "labels",
    "backups",
    "retention",
    "letters",
    "faults",
    "suggestions",
}


@contextmanager
def at(wall: int, boot: int) -> Iterator[None]:
    """The machine's clocks, as a job reads them."""
    with patch.object(clock, "now", lambda: wall), patch.object(jobs, "boot_time", lambda: boot):
        yield


def deleted_at(house: House, wall: int, boot: int) -> list[int]:
    """The instants by which something was let delete."""
    instants: list[int] = []

    def delete(house: House, *, now: int) -> None:
        instants.append(now)

    with at(wall, boot):
        jobs.by_date(house, delete)
    return instants


moves = st.lists(
    st.tuples(
        st.sampled_from([10 * MINUTE, HOUR, 3 * HOUR]),  # that really pass
        st.sampled_from([0, 0, 0, 0, MINUTE, 40 * DAY, -40 * DAY, 3650 * DAY, -2 * HOUR, 2 * HOUR]),  # jumps
        st.booleans(),  # whether a sweep looks at the clock before
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves)
def test_nothing_goes_while_the_clock_is_off(home: Home, moves: list[tuple[int, int, bool]]) -> None:
    """Whatever a running clock does, ahead, behind and back, what deletes is told an instant near the true one."""
    house = home.house
    context = house.lifecycle()
    tolerance = int(context.settings.clock_tolerance_minutes * MINUTE)
    lifecycle.confirm_clock(context, "cli:test", now=WALL, boot=0)
    boot = jumped = off = 0

    for passing, jump, sweeps in moves:
        boot += passing
        jumped += jump
        wall = WALL + boot + jumped
        if sweeps and lifecycle.look_at_clock(context, now=wall, boot=boot) == SANE:
            off = jumped  # by less than the tolerance: believed from here
        expected = [wall] if abs(jumped - off) <= tolerance else []
        assert deleted_at(house, wall, boot) == expected


@pytest.mark.parametrize("off", [3650 * DAY, -3650 * DAY])
def test_a_start_far_from_the_last_sweep_deletes_nothing(home: Home, off: int) -> None:
    """A machine that starts years from the last instant that was believed deletes nothing, restarted or not."""
    house = home.house
    lifecycle.confirm_clock(house.lifecycle(), "cli:test", now=WALL, boot=0)
    house.steadiness.__init__()  # type: ignore[misc]
    assert deleted_at(house, WALL + off, MINUTE) == []
    lifecycle.look_at_clock(house.lifecycle(), now=WALL + off, boot=MINUTE)
    assert deleted_at(house, WALL + off + MINUTE, 2 * MINUTE) == []


def test_every_job_that_deletes_by_date_asks(home: Home) -> None:
    """The jobs that delete by date are those that ask about the clock."""
    made = jobs.jobs(home.house, stopping=bool)
    asking = {job.name for job in made if isinstance(job.work, partial) and job.work.func is jobs.by_date}
    assert asking == BY_DATE

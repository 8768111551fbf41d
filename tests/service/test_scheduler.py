"""Background jobs: woken again whatever they raise."""

from __future__ import annotations

import threading

from mailhub.service.scheduler import Job, Scheduler

GUARD_SECONDS = 30


def test_job_that_fails_is_woken_again() -> None:
    """What a job raises ends neither it nor the others."""
    third, other = threading.Event(), threading.Event()
    calls = []

    def fail() -> None:
        calls.append(1)
        if len(calls) == 3:
            third.set()
        raise RuntimeError("ana@customer.example")

    scheduler = Scheduler([Job("fails", 0.01, fail), Job("works", 0.01, other.set)], threading.Event())
    scheduler.start()
    try:
        assert third.wait(GUARD_SECONDS)
        assert other.wait(GUARD_SECONDS)
    finally:
        scheduler.stop()


def test_stop_waits_for_the_job_that_runs() -> None:
    """When the scheduler has stopped, nothing of a job is still running."""
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(GUARD_SECONDS)
        ended.set()

    scheduler = Scheduler([Job("slow", 60, work)], threading.Event())
    scheduler.start()
    assert begun.wait(GUARD_SECONDS)
    threading.Timer(0.05, go_on.set).start()
    scheduler.stop()
    assert ended.is_set()


def test_jobs_that_take_long_make_none_wait() -> None:
    """However many jobs are at work for long, each other one is woken."""
    go_on = threading.Event()
    woken = threading.Event()
    long = [Job(f"long{number}", 60, lambda: go_on.wait(GUARD_SECONDS)) for number in range(6)]
    scheduler = Scheduler([*long, Job("short", 60, woken.set)], threading.Event())
    scheduler.start()
    try:
        assert woken.wait(GUARD_SECONDS)
    finally:
        go_on.set()
        scheduler.stop()

"""Wakes the background jobs. Job: say "now might be a good time"; what is due follows from dates in the tables.

Durable states: none (memory store): a job that was due while the daemon was down is due again a moment after
the start. APScheduler's default grace of 1 s drops such jobs, hence ``misfire_grace_time=None``. Only this
file imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from mailhub.system.logs import new_error_id

log = structlog.get_logger("mailhub.service.scheduler")


@dataclass(frozen=True, slots=True)
class Job:
    """Something to wake regularly. ``work`` runs in a thread, never twice at once, and finds out itself what is due."""

    name: str
    every_seconds: float
    work: Callable[[], object]


class Scheduler:
    """Owner of the jobs' threads."""

    def __init__(self, jobs: list[Job], stopping: Event) -> None:
        """``stopping`` is set before ``stop`` waits: a job that takes long looks at it."""
        self._stopping = stopping
        self._scheduler = BackgroundScheduler(
            # a thread for each, made when it is needed: a backup or an erasure may take an hour of one
            executors={"default": ThreadPoolExecutor(max(1, len(jobs)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

        for index, job in enumerate(jobs):
            first = datetime.now(UTC) + timedelta(
                seconds=1 + index
            )  # not all at once, and not during the start
            self._scheduler.add_job(
                _run, "interval", seconds=job.every_seconds, args=[job], id=job.name, next_run_time=first
            )

    def start(self) -> None:
        """Begin to wake jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Wake no more; wait for the jobs that run."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)


def _run(job: Job) -> None:
    """The boundary of a job: whatever it raises is logged, and the next time it is woken again."""
    try:
        job.work()
    except Exception:
        log.exception("job failed", job=job.name, error_id=new_error_id())

"""How the service is doing: what waits, what flows, what room is left. The numbers of /readyz, /metrics, `status`.

Durable states: none. Held in memory and counted by those who do the work; read without locks, so a reading
may be one event old. Must not: hold an address or any other personal data.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

UNDECIDED_SECONDS = (
    60.0  # a delivery that waits longer than this for its commit means that mail does not flow
)


class DoorCounters(Protocol):
    """What a door counts (``intake.limits.Counters``)."""

    connections: int
    connections_total: int
    in_flight_bytes: int
    messages: int
    message_bytes: int
    faults: int
    refusals: Counter[str]


class IntakeCounters(Protocol):
    """What the reception counts, over all doors (``intake.reception.Reception``)."""

    outcomes: Counter[tuple[str, str]]  # (source, fate)
    last_mail_at: dict[str, int]  # by source

    def oldest_undecided_seconds(self) -> float:
        """How long the oldest delivery has been waiting for its commit; 0 when none waits."""


@dataclass(slots=True)
class DoorVitals:
    """One open door: where it listens and what it counted."""

    address: str
    counters: DoorCounters


@dataclass(slots=True)
class Vitals:
    """The process's own state, filled by the daemon."""

    directory: Path
    started_at: int
    intake: IntakeCounters
    doors: dict[str, DoorVitals] = field(default_factory=dict)
    listening: dict[str, str] = field(default_factory=dict)  # other listeners by name: http, admin
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)  # (door, HTTP status)
    relay: Mapping[str, int] = field(default_factory=dict)  # tries by result
    reloads: Counter[str] = field(default_factory=Counter)  # "applied", "refused"
    stopping: bool = False

    def disk_free_bytes(self) -> int:
        """Room left for the data directory."""
        return shutil.disk_usage(self.directory).free


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether mail can flow. ``faults`` says in words what is wrong; empty means ready."""

    faults: tuple[str, ...]
    oldest_undecided_seconds: float
    quarantine: int
    disk_free_bytes: int
    last_mail_at: dict[str, int]  # by source

    @property
    def ready(self) -> bool:
        """No fault was found."""
        return not self.faults


def readiness(
    vitals: Vitals, *, quarantine: int, database_fault: str, reserve_bytes: int, serves: bool
) -> Readiness:
    """Judge the vitals. ``database_fault``: why the database did not answer, "" when it did; ``serves``: a mailbox."""
    oldest = vitals.intake.oldest_undecided_seconds()
    free = vitals.disk_free_bytes()
    needed = max(1, reserve_bytes)  # a reserve of 0 still needs room to write in
    faults = [
        "stopping" if vitals.stopping else "",
        database_fault,
        f"a delivery waits for its commit since {oldest:.0f} s" if oldest > UNDECIDED_SECONDS else "",
        "" if serves else "no mailbox is served: `mailhub mailbox add`",
        f"only {free} bytes of disk are free, {reserve_bytes} are kept in reserve" if free < needed else "",
    ]

    return Readiness(
        faults=tuple(filter(None, faults)),
        oldest_undecided_seconds=oldest,
        quarantine=quarantine,
        disk_free_bytes=free,
        last_mail_at=dict(vitals.intake.last_mail_at),
    )

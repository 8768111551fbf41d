"""What runs in the background, and how often it is woken. Each job finds out itself whether anything is due."""

from __future__ import annotations

from mailhub import clock
from mailhub.house import House
from mailhub.scheduler import Job
from storage import raws

PENDING_HOURS = 1  # slices of a large message that never came are swept after this
SLICES_A_STEP = 16


def jobs(house: House) -> list[Job]:
    """The jobs of one process."""
    return [
        Job("refusals", 60, house.reception.flush_refusals),
        Job("directory", 10, house.directory.refresh),  # mailboxes made on another node
        Job("models", 60, lambda: house.models.keep_up(house.writer, now=clock.now())),
        Job("slices", 600, lambda: sweep_slices(house)),
    ]


def sweep_slices(house: House) -> int:
    """Delete slices of messages that never came, a short turn each; how many went."""
    before, deleted = clock.now() - PENDING_HOURS * clock.HOUR, 0
    while count := house.writer.run(lambda tx: raws.sweep(tx.connection, before=before, limit=SLICES_A_STEP)):
        deleted += count
    return deleted

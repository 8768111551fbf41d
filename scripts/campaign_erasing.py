"""scripts/campaign erasing: towns of people who write to one support, erased one after the other.

After each erasure everybody else's own sentences must be there as they were, and every place that is evidently
the person's gone: quotes of their mail in the forms of twelve clients, the name above them, the address. What
is neither (a name in others' sentences, words pasted without marks) must be on the receipt. The numbers of the plan
made before must be those of the deed. Each town is made
anew by its seed: ``--seed 17 --towns 1`` plays one again. Example: scripts/campaign erasing --towns 200
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path

import structlog

from storage.database import Database
from storage.migrate import migrate
from storage.writer import WritingThread
from tests.houses import town as towns
from tests.houses.desk import open_desk
from tests.privacy.erasing.scene import parts_of


def play(seed: int, *, people: int, mails: int, tally: Counter[str]) -> list[str]:
    """One town in a directory of its own, until half of it is erased; what was not as it must be."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        database = Database(f"sqlite:///{directory}/mailhub.sqlite3")
        migrate(database)
        writer = WritingThread(database)
        writer.start()
        try:
            desk = open_desk(database, writer, directory)
            town = towns.found(desk, parts_of(desk, directory), seed, people=people, mails=mails)
            faults = [fault for _ in range(people // 2) for fault in towns.erase_one(town)]
        finally:
            writer.close()
            database.close()
    tally.update(town.tally)
    return faults


def main() -> int:
    """Play the towns; 1 when anything was not as it must be."""
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--towns", type=int, default=50)
    reader.add_argument("--seed", type=int, default=0, help="of the first town")
    reader.add_argument("--people", type=int, default=7)
    reader.add_argument("--mails", type=int, default=30)
    asked = reader.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    tally: Counter[str] = Counter()
    wrong = 0

    for seed in range(asked.seed, asked.seed + asked.towns):
        faults = play(seed, people=asked.people, mails=asked.mails, tally=tally)
        wrong += bool(faults)
        for fault in faults:
            print(f"seed {seed}: {fault}", flush=True)

    shown = ", ".join(f"{number} {what}" for what, number in sorted(tally.items()))
    print(f"{asked.towns} towns, {wrong} with faults: {shown}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

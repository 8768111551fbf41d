"""Measure an erasure on SQLite: one person's messages among many others', with mail coming in beside it.

    scripts/bench erasure [--messages 20000] [--own 1000] [--folder FOLDER]

Prints seconds to done, of them the search (which reads everything) and how fast it read beside how fast the
disk gives the same file; the longest turns of the writer, each with the step it belonged to, and how many
there were of what length; how long filing a mail took beside it and alone. A folder that is given is filled
once and left filled: each run works on a copy of it. Filling takes some 5 minutes for --messages 1000000.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import event

from mailhub import clock
from mailhub.filing.batch import FilingContext
from mailhub.filing.pipeline import file_batch
from mailhub.privacy import erasure
from mailhub.privacy.erasing import steps
from mailhub.privacy.erasing.work import Parts, Work
from scripts.rig.erasure_house import ACCOUNT, KIM, fill, open_house, prepared
from storage.database import Database
from storage.writer import WritingThread

LIMIT_SECONDS = 3600
TOLD = 5
BANDS_MS = (5, 10, 20, 50, 100, 200, 500, 10**9)


class Turn(NamedTuple):
    """One turn of the writer, in milliseconds."""

    whole: float
    commit: float
    work: float  # of the processor, for it
    step: str


class Timed(WritingThread):
    """A writer that knows of each turn: milliseconds in all, of these the commit and the thread's own work,
    and the step during which it was. Others on the machine make a turn long; its own work tells what is ours
    to split.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.step = ""
        self.took: list[Turn] = []
        self._committing = 0.0
        event.listen(database.writing, "commit", self._commit_begins)

    def _commit_begins(self, _connection: Any) -> None:
        self._committing = time.perf_counter()

    def _turn(self, groups: list[Any]) -> None:
        began, worked, step = time.perf_counter(), time.thread_time(), self.step
        super()._turn(groups)
        end = time.perf_counter()
        commit, own = end - max(self._committing, began), time.thread_time() - worked
        self.took.append(Turn(1000 * (end - began), 1000 * commit, 1000 * own, step))


def filed(parts: Parts, filing: FilingContext, number: int) -> float:
    """Milliseconds that one mail of somebody else took in the writer's queue and turn."""
    made = prepared(parts, number, f"live{number}@many.example", random.Random(number))
    began = time.perf_counter()
    parts.writer.run(file_batch, filing, [made])
    return 1000 * (time.perf_counter() - began)


def timed_steps(writer: Timed, took: Counter[str]) -> Iterator[steps.Step]:
    """The steps, each with its time taken."""
    for step in steps.STEPS:

        def run(work: Work, step: steps.Step = step) -> None:
            began, writer.step = time.perf_counter(), step.name
            try:
                step.run(work)
            finally:
                took[step.name] += time.perf_counter() - began  # type: ignore[assignment]

        yield replace(step, run=run)


def erase(parts: Parts) -> erasure.Erasure:
    """From the wish to done."""
    begun = erasure.begin(parts, "bench", ACCOUNT, [KIM], now=clock.now())
    end = time.monotonic() + LIMIT_SECONDS
    while True:
        row = erasure.run(parts, ACCOUNT, begun.erasure)
        if row.state == "done" or time.monotonic() > end:
            return row
        print(f"  {row.state} in {row.step}: {row.reason}")
        time.sleep(0.5)


def measure(folder: Path, messages: int, own: int) -> None:
    """One erasure in this folder, told."""
    file = folder / "mailhub.sqlite3"
    size, disk = file.stat().st_size / 1e6, read_seconds(file)  # before the engine opens it
    parts, filing = open_house(folder, Timed)
    writer = parts.writer
    assert isinstance(writer, Timed)
    alone = [filed(parts, filing, 10**7 + n) for n in range(200)]
    beside: list[float] = []
    over = threading.Event()

    def live() -> None:
        while not over.is_set():
            beside.append(filed(parts, filing, 2 * 10**7 + len(beside)))
            time.sleep(0.02)

    took: Counter[str] = Counter()
    setattr(erasure, "STEPS", tuple(timed_steps(writer, took)))  # noqa: B010
    writer.took.clear()
    thread = threading.Thread(target=live)
    thread.start()
    began = time.perf_counter()
    row = erase(parts)
    total = time.perf_counter() - began
    over.set()
    thread.join()
    looked = row.counts["search"]
    rounds = row.counts.get("rounds", 0) + 1
    print(f"{messages} messages ({size:.0f} MB), {own} of the person: {row.state}, {rounds} round(s)")
    reading = took["search"] + took["redact-mail"]
    print(f"  to done {total:.1f} s; of it the search {took['search']:.1f}, reading others' mail before"
          f" {took['redact-mail']:.1f}, the rest {total - reading:.1f} s")  # fmt: skip
    print(f"  the search read {looked['bytes'] / 1e6:.0f} MB of files and {looked['messages']} messages:"
          f" {looked['bytes'] / 1e6 / took['search']:.0f} MB/s; the disk alone: {size / disk:.0f} MB/s")  # fmt: skip
    tell_turns(writer.took)
    for name, values in (("alone", alone), ("beside", beside)):
        print(f"  filing a mail {name}: p50 {statistics.median(values):.1f}, p99 {_p99(values):.1f} ms")
    print("  " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in took.items()))
    writer.close()


def tell_turns(took: list[Turn]) -> None:
    """The longest turns, by the clock and by the work in them, and how many there were of what length."""
    for named, key in (("longest", "whole"), ("hardest", "work")):
        print(f"  {len(took)} turns of the writer, the {named}:")
        for turn in sorted(took, key=attrgetter(key), reverse=True)[:TOLD]:
            print(
                f"    {turn.whole:.0f} ms in {turn.step}: {turn.work:.0f} of work, {turn.commit:.0f} in the commit"
            )
    print("  turns of so many milliseconds (work):", end="")
    for lower, upper in pairwise((0, *BANDS_MS)):
        whole, work = (sum(lower <= getattr(t, key) < upper for t in took) for key in ("whole", "work"))
        print(f" {lower}+: {whole} ({work})", end="")
    print()


def read_seconds(path: Path) -> float:
    """How long the disk takes to give the file when nothing of it is in memory."""
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        began = time.perf_counter()
        while file.read(4 * 1024 * 1024):
            pass
        return time.perf_counter() - began


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000, help="messages of the account")
    parser.add_argument("--own", type=int, default=1_000, help="of them the person's")
    parser.add_argument("--folder", type=Path, help="filled once, and left filled for further runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(
        prefix="mailhub-bench-", dir=options.folder and options.folder.parent
    ) as scratch:
        filled = options.folder or Path(scratch) / "filled"
        if not filled.exists():
            filled.mkdir()
            began = time.perf_counter()
            parts, filing = open_house(filled, WritingThread)
            fill(parts, filing, options.messages, options.own)
            parts.writer.close()
            assert parts.database.empty_log()
            parts.database.close()
            print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
        copy = shutil.copytree(filled, Path(scratch) / "copy")
        measure(copy, options.messages, options.own)


if __name__ == "__main__":
    main()

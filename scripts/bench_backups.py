"""Measure a backup, its verify and its restore on SQLite, with mail coming in beside the making of it.

    scripts/bench backups [--messages 20000] [--folder FOLDER]

Prints how long making took, how long its snapshot was open and how far the log grew; the size of the file and of the
database; how long filing a mail took beside it and alone; then `mailhub backup verify` and `restore` as commands; the
peak memory of each. Rates are of the database's bytes. Messages of some 1.5 KB; a FOLDER that is given is filled once
(as scripts/bench erasure does it, and with its folders) and left filled.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mailhub import keys
from mailhub.backups.making import create
from mailhub.filing.batch import FilingContext
from mailhub.filing.pipeline import file_batch
from mailhub.privacy.erasing.work import Parts
from scripts.rig.erasure_house import fill, open_house, prepared
from storage.database import Connection
from storage.writer import WritingThread

ROOT_KEY = bytes(range(32))  # of erasure_house
FILED_ALONE = 300
PAUSE_SECONDS = 0.02


@dataclass
class Beside:
    """Mail that comes in until ``stop``: milliseconds of each, and how long the log got."""

    parts: Parts
    filing: FilingContext
    log: Path
    took: list[float] = field(default_factory=list)
    log_bytes: int = 0

    def file_one(self, number: int) -> None:
        """One mail of somebody, from the queue to the commit."""
        made = prepared(self.parts, number, f"live{number}@many.example", random.Random(number))
        began = time.perf_counter()
        self.parts.writer.run(file_batch, self.filing, [made])
        self.took.append(1000 * (time.perf_counter() - began))
        self.log_bytes = max(self.log_bytes, self.log.stat().st_size)
        time.sleep(PAUSE_SECONDS)

    @contextmanager
    def running(self, number: int) -> Iterator[None]:
        """Beside what the block does."""
        over = threading.Event()

        def live() -> None:
            while not over.is_set():
                self.file_one(number + len(self.took))

        thread = threading.Thread(target=live)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def told(self) -> str:
        """Median and the 99th of a hundred."""
        slow = sorted(self.took)[int(0.99 * (len(self.took) - 1))]
        return f"p50 {statistics.median(self.took):.1f}, p99 {slow:.1f} ms"


def make(folder: Path, messages: int) -> Path:
    """Make one backup in this folder, told; where it is."""
    parts, filing = open_house(folder, WritingThread)
    database, log = folder / "mailhub.sqlite3", folder / "mailhub.sqlite3-wal"
    size = database.stat().st_size
    alone, beside = Beside(parts, filing, log), Beside(parts, filing, log)
    for number in range(FILED_ALONE):
        alone.file_one(10**7 + number)
    opened = time_snapshots(parts)
    forget_peak()
    with beside.running(2 * 10**7):
        began = time.perf_counter()
        row = create(parts.vault, actor="bench")
        seconds = time.perf_counter() - began
    peak = peak_mib()
    parts.writer.close()
    parts.models.close()
    parts.database.close()
    file = Path(row.targets[0]) / row.name
    print(f"{messages} messages, database {size / 1e6:.0f} MB, file {file.stat().st_size / 1e6:.0f} MB:"
          f" {file.stat().st_size / size:.2f} of it")  # fmt: skip
    tell("made", seconds, size, messages, peak)
    print(f"  the snapshot was open for {max(opened):.1f} s; the log grew to {beside.log_bytes / 1e6:.1f} MB"
          f" (alone {alone.log_bytes / 1e6:.1f}), {len(beside.took)} mails came in")  # fmt: skip
    print(f"  filing a mail alone: {alone.told()}; beside it: {beside.told()}", flush=True)
    return file


def time_snapshots(parts: Parts) -> list[float]:
    """Seconds that each snapshot from now on is open, as it closes."""
    opened, snapshot = list[float](), parts.database.snapshot

    @contextmanager
    def timed() -> Iterator[Connection]:
        began = time.perf_counter()
        with snapshot() as connection:
            yield connection
        opened.append(time.perf_counter() - began)

    setattr(parts.database, "snapshot", timed)  # noqa: B010
    return opened


def command(folder: Path, messages: int, size: int, *arguments: str) -> None:
    """`mailhub --config ... ARGUMENTS` as a process of its own, told."""
    began = time.perf_counter()
    whole = [sys.executable, "-m", "mailhub", "--config", str(folder / "mailhub.toml"), *arguments]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        assert process.returncode == 0, (process.returncode, said.read()[-2000:])
    tell(" ".join(arguments[:2]), time.perf_counter() - began, size, messages, used.ru_maxrss / 1024)


def tell(what: str, seconds: float, size: int, messages: int, peak: float) -> None:
    """One line."""
    print(f"  {what}: {seconds:.1f} s, {size / 1e6 / seconds:.1f} MB/s, {messages / seconds:,.0f} messages/s,"
          f" peak memory {peak:.0f} MiB", flush=True)  # fmt: skip


def forget_peak() -> None:
    """Let the peak of this process's memory begin anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mib() -> float:
    """Resident memory at its peak since ``forget_peak``."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    """Fill, copy, make, verify, restore."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="filled once, and left filled for further runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(
        prefix="mailhub-bench-", dir=options.folder and options.folder.parent
    ) as scratch:
        filled = options.folder or Path(scratch) / "filled"
        if not filled.exists():
            filled.mkdir()
            parts, filing = open_house(filled, WritingThread)
            fill(parts, filing, options.messages, options.messages // 20)
            parts.writer.close()
            assert parts.database.empty_log()
            parts.database.close()
        copy = shutil.copytree(filled, Path(scratch) / "copy")
        keys.create(copy, ROOT_KEY)
        (copy / "mailhub.toml").write_text(f'[storage]\ndirectory = "{copy}"\n', encoding="utf-8")
        file, size = make(copy, options.messages), (copy / "mailhub.sqlite3").stat().st_size
        command(copy, options.messages, size, "backup", "verify", str(file))
        command(copy, options.messages, size, "backup", "restore", str(file), "--into", f"{scratch}/restored")


if __name__ == "__main__":
    main()

"""CPU and memory of a process and everything it started, read from /proc (proc(5))."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def descendants(root: int) -> list[int]:
    """The process and all its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(int(entry))):
            children.setdefault(int(stat[1]), []).append(int(entry))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, ()))
    return found


def cpu_seconds(roots: list[int]) -> float:
    """User and system time of the trees, including children that ended and were waited for."""
    total = 0
    for root in roots:
        for pid in descendants(root):
            if stat := _stat(pid):
                total += sum(int(value) for value in stat[11:15])  # utime stime cutime cstime
    return total / TICK


def memory_bytes(roots: list[int]) -> int:
    """Memory of the trees now, each shared page counted once over its sharers (Pss)."""
    total = 0
    for root in roots:
        for pid in descendants(root):
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += (
                sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
            )
    return total


class PeakMemory:
    """Polls the memory of some trees until stopped."""

    def __init__(self, roots: list[int]) -> None:
        self._roots = roots
        self._stop = threading.Event()
        self.bytes = 0
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        while not self._stop.wait(0.5):
            self.bytes = max(self.bytes, memory_bytes(self._roots))

    def stop(self) -> int:
        """The peak in bytes."""
        self._stop.set()
        self._thread.join()
        self.bytes = max(self.bytes, memory_bytes(self._roots))
        return self.bytes


def peak_bytes(root: int) -> int:
    """The highest resident memory of each process of the tree since it began, or since ``reset_peaks``, added up."""
    total = 0
    for pid in descendants(root):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) * 1024
    return total


def reset_peaks(root: int) -> None:
    """Forget the peaks so far, where that is allowed (proc(5), clear_refs): else they are of the whole life."""
    for pid in descendants(root):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")

"""scripts/campaign power-cut: what a power cut under load loses. Needs root, a loop device and ext4.

The data directory lies on ext4 on a loop device. Under load the daemon is stopped dead (SIGSTOP: nothing is
answered any more) and the backing file copied: it holds what had been synced, and whatever else the kernel
had written. The copy is mounted, the daemon started on it. Checks: every message answered 250 is there
exactly once, as it was sent. Example: scripts/campaign power-cut --corpus ../shared/corpus/spamassassin/index
--times 5
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from pathlib import Path

from sqlalchemy import select

from scripts.rig.client import load_corpus, send_until_cut, with_crlf
from scripts.rig.systems import RECIPIENT, Mailhub
from storage.database import Database
from storage.mail import raws
from storage.schema import message

IMAGE_MIB = 512


def main() -> None:
    """Run it; exit 1 with what is wrong, 77 where the machine does not allow it."""
    parser = argparse.ArgumentParser(prog="scripts/campaign power-cut", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    mails = [with_crlf(mail) for mail in dict.fromkeys(load_corpus(options.corpus, 6000))]
    chance = random.Random(options.seed)
    faults = [fault for number in range(options.times) for fault in _cut(number, mails, chance)]
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def _cut(number: int, mails: list[bytes], chance: random.Random) -> list[str]:
    folder = Path(tempfile.mkdtemp(prefix="mailhub-power-"))
    image, copy, mounted = folder / "disk.img", folder / "cut.img", folder / "mounted"
    mounted.mkdir()
    _make_disk(image)
    try:
        _mount(image, mounted)
        answered = _load_and_cut(
            mounted, image, copy, chance.sample(mails, len(mails)), chance.uniform(0.5, 4.0)
        )
        subprocess.run(["umount", "-l", mounted], check=True)
        _mount(copy, mounted)
        return _look(number, mounted, answered)
    finally:
        subprocess.run(["umount", "-l", mounted], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _make_disk(image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(IMAGE_MIB * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)


def _mount(image: Path, where: Path) -> None:
    done = subprocess.run(["mount", "-o", "loop", image, where], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"cannot mount a loop device here: {done.stderr.strip()}")
        raise SystemExit(77)


def _load_and_cut(mounted: Path, image: Path, copy: Path, mails: list[bytes], after: float) -> set[bytes]:
    system = Mailhub(mounted)
    system.start()

    def cut() -> None:
        os.kill(system.processes[0].pid, signal.SIGSTOP)
        shutil.copyfile(image, copy)
        system.kill()

    timer = threading.Timer(after, cut)
    timer.start()
    answered = asyncio.run(send_until_cut(system.port, RECIPIENT, mails))
    timer.join()
    return answered


def _look(number: int, mounted: Path, answered: set[bytes]) -> list[str]:
    system = Mailhub(mounted)
    system.start()
    system.stop()
    with Database(system.database_url()).read() as connection:
        rows = connection.execute(select(message.c.account_id, message.c.id)).all()
        stored = Counter(raws.read(connection, row.account_id, row.id) for row in rows)
    lost = [mail for mail in answered if not stored[mail]]
    doubled = [mail for mail in stored if stored[mail] > 1]
    print(
        f"cut {number + 1}: {len(answered)} answered 250, {len(rows)} stored, {len(lost)} lost, {len(doubled)} doubled"
    )
    return [f"cut {number + 1}: {len(lost)} lost, {len(doubled)} doubled"] if lost or doubled else []


if __name__ == "__main__":
    main()

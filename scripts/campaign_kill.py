"""scripts/campaign kill: kill -9 at random moments under load, resend what was not answered, look whether all is there.

Each time: start the daemon, let 20 sessions send and an agent mark, kill it after a random part of two
seconds, start again; what has no 250 is sent again, what has one never. Checks: every message stored exactly
once, its raw bytes as sent, and `spam verify` exact. Example: scripts/campaign kill --corpus
../shared/corpus/spamassassin/index --times 50
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from sqlalchemy import select

from scripts.campaign_corpus import check_messages
from scripts.rig.client import load_corpus, mark, send_until_cut, with_crlf
from scripts.rig.systems import RECIPIENT, Mailhub
from storage.database import Database
from storage.schema import message

OFFERED = 3_000  # mails for the two seconds at most before a kill: more than are filed in them


def main() -> None:
    """Run it; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign kill", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--mails", type=int, default=6000, help="of the corpus; they come again as new ones")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-kill-"))
    faults = campaign(folder, options.corpus, times=options.times, mails=options.mails, seed=options.seed)
    shutil.rmtree(folder)
    for fault in faults:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if faults else 0)


def campaign(folder: Path, corpus: Path, *, times: int, mails: int, seed: int) -> list[str]:
    """Kill ``times`` times, then finish; what is wrong, in words."""
    chance = random.Random(seed)
    load = Load(list(dict.fromkeys(load_corpus(corpus, mails))))
    waiting = list[bytes]()
    everything = list[bytes]()
    answered = set[bytes]()
    idle = 0
    system = Mailhub(folder)

    for number in range(times + 1):
        if number < times and len(waiting) < OFFERED:
            more = load.take(OFFERED - len(waiting))
            waiting += more
            everything += more
        system.start()
        offered = waiting[:OFFERED] if number < times else waiting
        marker = threading.Thread(target=_mark_some, args=(system, chance.randrange(1000)))
        marker.start()
        if number < times:
            timer = threading.Timer(chance.uniform(0.05, 2.0), system.kill)
            timer.start()
        accepted = asyncio.run(send_until_cut(system.port, RECIPIENT, offered))
        if number < times:
            idle += len(accepted) == len(offered)
            timer.join()
        marker.join()
        answered |= accepted
        waiting = [mail for mail in waiting if mail not in accepted]  # an answered mail is never sent again
        progress(f"{number + 1}/{times + 1}: {len(answered)} of {len(everything)} answered")

    if idle:
        print(f"{idle} of {times} kills met no load: every mail that was offered had been answered")
    verified = system.call("POST", "/v1/spam/verify")
    system.stop()
    faults = [] if verified["state"] == "exact" else [f"spam verify: {verified}"]
    print(f"spam verify: {verified}")
    if waiting:
        faults.append(f"{len(set(everything) - answered)} mails were never answered 250")
    return faults + check_messages(Database(system.database_url()), everything)


class Load:
    """Mails without end: those of a corpus, then the same as new mails, each with a word of its own."""

    def __init__(self, mails: list[bytes]) -> None:
        self._mails = mails
        self._taken = 0

    def take(self, count: int) -> list[bytes]:
        """So many mails that were not given before."""
        numbers = range(self._taken, self._taken + count)
        self._taken += count
        return [self._mail(number) for number in numbers]

    def _mail(self, number: int) -> bytes:
        lap, index = divmod(number, len(self._mails))
        mail = self._mails[index]
        return with_crlf(mark(mail, f"lap{lap}n{index}x") if lap else mail)


def progress(text: str) -> None:
    """How far it is: on one line of a terminal, else a line each."""
    on_terminal = sys.stdout.isatty()
    print(f"\r{text}" if on_terminal else text, end="" if on_terminal else "\n", flush=True)


def _mark_some(system: Mailhub, seed: int) -> None:
    """Mark stored messages at random until the daemon is gone."""
    chance = random.Random(seed)
    database = Database(system.database_url())
    with database.read() as connection:
        ids = connection.execute(select(message.c.id)).scalars().all()
    database.close()
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        for _ in range(min(len(ids), 100)):
            some = [chance.choice(ids) for _ in range(4)]
            system.call("POST", "/v1/spam/marks", {"messages": some, "label": chance.choice(["spam", "ham"])})


if __name__ == "__main__":
    main()

"""scripts/campaign life: a random walk over everything the product does, with kill -9 and power cuts at random.

While mail comes without end by SMTP, LMTP and the API, acts are drawn from the table ACTS: what agents,
owners and administrators do, and what programs from outside do to the same database. The daemon dies at
random among them and within them. At the end of each life: every mail answered 250 is there exactly once and
as it was sent, or an erasure or purge that is done says why not (scripts/rig/life_model.py); `spam verify` is
exact, `audit verify` whole; every erasure is done; what was restored elsewhere holds what was answered before
its backup; no half file is left.

A seed decides which acts there are, in which the daemon dies and after how long; not how threads and disk
come to their turns, and so not which ticket stands where. Power cuts need root and a loop device. A new act:
a function of ``Walk`` with its weight in ACTS, and what it takes away in the model. Example: scripts/campaign
life --seeds 1-20 --engine postgresql
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from sqlalchemy import select

from scripts.rig.life_house import LifeHouse
from scripts.rig.life_model import NUMBER, PEOPLE, Load, Model, offer
from scripts.rig.systems import UnixConnection, wait_for
from storage.database import Database
from storage.mail import raws
from storage.schema import message

KILLED_WITHIN = 0.2  # share of acts during which the daemon dies
SETTLE_SECONDS = 240
GONE = (
    OSError,
    HTTPException,
    RuntimeError,
    ValueError,
)  # what an act hears when the daemon dies under it, or says no
OPENS = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM message').fetchone()"
TICKET = re.compile(r"life (\d+)")


@dataclass
class Restored:
    """A backup that was restored elsewhere: it must hold what was answered before ``asked``."""

    directory: Path
    asked: float


@dataclass
class Walk:
    """One life: its house, what must be true of it, and its dice."""

    house: LifeHouse
    model: Model
    seed: int
    scratch: Path
    powered: bool
    chance: random.Random = field(default_factory=random.Random)  # of one act
    faults: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    restored: list[Restored] = field(default_factory=list)

    # --- agents and owners ------------------------------------------------------------------------------------------

    def mark(self) -> None:
        """Teach the filter."""
        with_messages = [self._messages(each) for each in self._tickets(3)]
        chosen = [each for found in with_messages for each in found]
        if chosen:
            label = self.chance.choice(["spam", "ham"])
            self.house.call("POST", "/v1/spam/marks", {"messages": chosen, "label": label})

    def answer(self) -> None:
        """Write to a customer; the relay is away, so it waits."""
        for ticket in self._tickets(1):
            self.house.call("POST", f"/v1/tickets/{ticket['id']}/replies", {"text": "Thank you."})

    def work(self) -> None:
        """Note, close and open again, trash and restore, merge and undo."""
        tickets = self._tickets(2)
        if len(tickets) < 2:
            return
        one, other = (f"/v1/tickets/{each['id']}" for each in tickets)
        about = {"text": f"called {self.model.address(self.chance.randrange(PEOPLE))}"}
        self.house.call("POST", f"{one}/notes", about)
        self.house.call("POST", f"{one}/close")
        self.house.call("POST", f"{one}/reopen")
        self.house.call("DELETE", other)
        self.house.call("POST", f"{other}/restore")
        self.house.call("POST", f"{one}/merge", {"into": str(tickets[1]["id"])})
        self.house.call("POST", f"{one}/restore")

    def purge(self) -> None:
        """Remove a ticket for good."""
        for ticket in self._tickets(1):
            named = TICKET.fullmatch(ticket["subject"])
            if named is None or ticket["message_count"] != 1:
                continue
            order = self.model.ordered(self.model.purges, int(named[1]))
            self.house.call("POST", f"/v1/tickets/{ticket['id']}/purge?confirm={ticket['id']}")
            order.told = True

    def erase(self) -> None:
        """Erase a person, who writes again when that is done."""
        person = self.chance.randrange(PEOPLE)
        address = self.model.address(person)
        self.house.call("POST", "/v1/erasures/plan", {"addresses": [address]})
        order = self.model.ordered(self.model.erasures, person)
        self.house.call("POST", "/v1/erasures", {"addresses": [address], "confirm": address})
        order.told = True

    def hold(self) -> None:
        """Keep a ticket: erasures of who is in it wait."""
        for ticket in self._tickets(1):
            body = {"kind": "ticket", "object": ticket["id"], "reason": "trial"}
            self.house.call("POST", "/v1/holds", body)

    def lift(self) -> None:
        """Lift every hold."""
        for hold in self.house.call("GET", "/v1/holds?limit=500")["items"]:
            if hold["lifted_at"] is None:
                self.house.call("DELETE", f"/v1/holds/{hold['id']}")

    def export(self) -> None:
        """Everything of a contact, and of the account."""
        for ticket in self._tickets(1):
            if ticket["contact_id"]:
                self._fetch(f"/v1/contacts/{ticket['contact_id']}/export")
        self._fetch("/v1/export")

    def search(self) -> None:
        """Read as agents do."""
        self.house.call("GET", f"/v1/tickets/search?query={self.chance.choice(['lamp', 'harbour'])}&limit=20")
        self.house.call("GET", "/v1/status")

    # --- the machine's administrator ----------------------------------------------------------------------------------

    def backup(self) -> None:
        """A backup while mail comes; sometimes it is restored elsewhere."""
        asked = time.monotonic()
        made = self.house.call("POST", "/v1/backups")
        end = time.monotonic() + SETTLE_SECONDS
        while made["state"] not in ("whole", "partial", "failed") and time.monotonic() < end:
            time.sleep(0.1)
            made = self.house.call("GET", f"/v1/backups/{made['id']}")
        if made["state"] != "whole":
            self.faults.append(f"a backup ended {made['state']}: {made.get('reason')}")
            return
        if self.chance.random() < 0.5:
            self._restore(Path(made["targets"][0], made["name"]), asked)

    def _restore(self, file: Path, asked: float) -> None:
        into = self.scratch / f"restored{len(self.restored)}"
        done = self.house.program("backup", "restore", str(file), "--into", str(into))
        if done.returncode:
            self.faults.append(f"a restore ended {done.returncode}: {done.stderr.decode()[-500:]}")
        else:
            self.restored.append(Restored(into, asked))

    def verify(self) -> None:
        """The filter and the journal, while mail comes."""
        self._verified()

    def sweep(self) -> None:
        """The stages of accounts."""
        self.house.call("POST", "/v1/sweep", {"dry_run": self.chance.random() < 0.5})

    def reload(self) -> None:
        """SIGHUP."""
        os.kill(self.house.processes[-1].pid, signal.SIGHUP)

    def doctor(self) -> None:
        """What monitoring runs."""
        self.house.program("doctor")

    def init(self) -> None:
        """Changes nothing where everything is there."""
        self.house.program("init", "--directory", str(self.house.data))

    def check_config(self) -> None:
        """Reads the configuration."""
        self.house.program("check-config")

    def open_from_outside(self) -> None:
        """A plain program of the engine opens the database and closes it."""
        if self.house.cluster is None:
            command = [sys.executable, "-c", OPENS, str(self.house.data / "mailhub.sqlite3")]
            subprocess.run(command, check=True)
        else:
            database = Database(self.house.database_url())
            self.rows(database)
            database.close()

    def resend(self) -> None:
        """A peer that missed the answer sends the same mail again."""
        with self.model.lock:
            answered = [each for each in self.model.mails.values() if each.answered]
        for mail in self.chance.sample(answered, min(5, len(answered))):
            offer(self.house, self.model, mail)

    def wait(self) -> None:
        """Let mail come."""
        time.sleep(self.chance.uniform(0.1, 1.0))

    # --- death --------------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """In order."""
        process = self.house.processes.pop()
        process.send_signal(signal.SIGTERM)
        if process.wait(SETTLE_SECONDS):
            self.faults.append(f"a stop in order ended {process.returncode}")
        self.house.start()

    def kill(self) -> None:
        """kill -9, sometimes at once after the start."""
        time.sleep(self.chance.uniform(0.0, 0.3))
        self.house.kill()
        self.house.start()

    def cut_power(self) -> None:
        """The disk as it was synced."""
        if self.powered:
            self.house.cut_power()
            self.house.start()

    def kill_server(self) -> None:
        """PostgreSQL dies under the daemon."""
        self.house.kill_server()

    # --- the way ------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One act; the daemon may die within it."""
        self.chance.seed(f"{self.seed} {len(self.trace)}")  # whatever the acts before it drew
        act, _ = self.chance.choices(list(ACTS), weights=[weight for _, weight in ACTS])[0]
        dies = act not in DEATHS and self.chance.random() < KILLED_WITHIN
        killer = threading.Timer(self.chance.uniform(0.0, 0.5), self.house.kill)
        self.trace.append(act.__name__ + ("+kill" if dies else ""))
        if dies:
            killer.start()
        try:
            act(self)
        except GONE as error:
            self.trace[-1] += f"({type(error).__name__})"
        if dies:
            killer.join()
            self.house.start()

    def settle(self) -> None:
        """Lift what holds, and wait until every erasure is done; from then on later mail has to stay."""
        now = time.monotonic()
        self.lift()
        wait_for("erasures", self._all_done, seconds=SETTLE_SECONDS)
        self.model.settled_at = now

    def _all_done(self) -> bool:
        found = self.house.call("GET", "/v1/erasures?limit=500")["items"]
        return all(each["state"] == "done" for each in found)

    def check(self) -> None:
        """Every promise, at the end of a life; the daemon runs when it begins and not when it ends."""
        self._verified()
        self.house.stop()
        self.house.processes.clear()
        database = Database(self.house.database_url())
        rows = self.rows(database)
        database.close()
        stored = _by_number(rows)
        self._compare(stored, self.model.mails.values())
        for each in self.restored:
            self._check_restored(each)
        left = [*self.house.data.rglob("*.part"), *self.house.data.rglob("*.unfinished")]
        left += [*(self.house.data / "erasures").iterdir()] if (self.house.data / "erasures").exists() else []
        self.faults += [f"a file was left: {path.relative_to(self.house.data)}" for path in left]

    def _compare(self, stored: dict[int, list[bytes]], mails: Any) -> None:
        for mail in mails:
            count, wanted = len(stored.get(mail.number, ())), self.model.expected(mail)
            if count > 1 or (wanted == "there") > count or (wanted == "gone" and count):
                self.faults.append(
                    f"LOST or wrong: mail {mail.number} should be {wanted}, it is there {count} times"
                )
            elif count and self.model.is_untouched(mail) and stored[mail.number] != [mail.raw]:
                self.faults.append(f"mail {mail.number} is not as it was sent")

    def _check_restored(self, each: Restored) -> None:
        database = Database(each.directory / "mailhub.sqlite3")
        stored = _by_number(self.rows(database))
        database.close()
        for mail in self.model.mails.values():
            owed = 0 < mail.answered < each.asked and not self.model.orders(mail)
            if len(stored.get(mail.number, ())) > 1 or (owed and mail.number not in stored):
                self.faults.append(f"restored elsewhere, mail {mail.number} is not there exactly once")

    def _verified(self) -> None:
        filter_ = self.house.call("POST", "/v1/spam/verify")
        if filter_["state"] != "exact":
            self.faults.append(f"spam verify: {filter_}")
        journal = self.house.call("POST", "/v1/journal/verify", {})
        if not journal["whole"]:
            self.faults.append(f"audit verify: {journal['faults']}")

    @staticmethod
    def rows(database: Database) -> list[bytes]:
        """Every raw message."""
        with database.read() as connection:
            every = connection.execute(select(message.c.account_id, message.c.id)).all()
            return [raws.read(connection, row.account_id, row.id) or b"" for row in every]

    def _tickets(self, count: int) -> list[dict[str, Any]]:
        found = self.house.call("GET", "/v1/tickets?state=open&limit=100")["items"]
        return self.chance.sample(found, min(count, len(found)))

    def _messages(self, ticket: dict[str, Any]) -> list[int]:
        return [each["id"] for each in self.house.call("GET", f"/v1/tickets/{ticket['id']}")["messages"]]

    def _fetch(self, path: str) -> None:
        connection = UnixConnection(self.house.socket)
        try:
            connection.request("GET", path)
            content = connection.getresponse().read()
        except Exception as error:
            raise OSError(type(error).__name__) from error
        finally:
            connection.close()
        if not content:
            self.faults.append(f"{path}: nothing came")


Act = tuple[Callable[[Walk], None], int]
DEATHS = (Walk.restart, Walk.kill, Walk.cut_power, Walk.reload)
ACTS: tuple[Act, ...] = (
    (Walk.wait, 3),
    (Walk.mark, 3),
    (Walk.answer, 2),
    (Walk.work, 2),
    (Walk.purge, 2),
    (Walk.erase, 4),
    (Walk.hold, 1),
    (Walk.lift, 1),
    (Walk.export, 2),
    (Walk.search, 1),
    (Walk.backup, 2),
    (Walk.verify, 1),
    (Walk.sweep, 1),
    (Walk.reload, 1),
    (Walk.doctor, 2),
    (Walk.init, 1),
    (Walk.check_config, 1),
    (Walk.open_from_outside, 4),
    (Walk.resend, 2),
    (Walk.restart, 1),
    (Walk.kill, 3),
    (Walk.cut_power, 3),
    (Walk.kill_server, 1),
)


def live(seed: int, template: Path, *, postgresql: bool, powered: bool, acts: int) -> Walk:
    """One life to its end. What is wrong is in ``faults``."""
    scratch = Path(tempfile.mkdtemp(prefix="mailhub-life-"))
    scratch.chmod(0o755)
    house = LifeHouse(scratch, postgresql=postgresql, disk=powered)
    walk = Walk(house, Model(), seed, scratch, powered)
    load = Load(walk.model, house, seed)
    try:
        house.begin(template)
        house.start()
        load.start()
        try:
            for number in range(acts):
                walk.step()
                if number == acts // 2:
                    walk.settle()
        except BaseException:
            load.stop(give_up=True)
            raise
        load.stop()
        walk.settle()
        walk.check()
    except Exception as error:  # noqa: BLE001 whatever it was, the others are tried, and this one is told
        walk.faults.append(f"the walk broke: {type(error).__name__}: {error}")
    finally:
        house.close()
        shutil.rmtree(scratch)
    return walk


@contextmanager
def templates(*, postgresql: bool) -> Iterator[Path]:
    """A house that was founded, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="mailhub-life-"))
    folder.chmod(0o755)
    house = LifeHouse(folder, postgresql=postgresql, disk=False)
    try:
        house.found()
        if house.cluster:
            house.cluster.stop("fast")
        yield house.inside
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Run it; exit 1 with what is wrong, 77 where the machine does not allow power cuts."""
    parser = argparse.ArgumentParser(prog="scripts/campaign life", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seeds", default="1-10", help="one, or first-last")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--acts", type=int, default=20, help="of each life")
    parser.add_argument("--no-power-cuts", action="store_true", help="kill -9 alone")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    postgresql, wrong, done, sums = options.engine == "postgresql", 0, 0, Counter[str]()
    with templates(postgresql=postgresql) as template:
        for seed in range(int(first), int(last or first) + 1):
            walk = live(
                seed, template, postgresql=postgresql, powered=not options.no_power_cuts, acts=options.acts
            )
            answered = sum(bool(mail.answered) for mail in walk.model.mails.values())
            sums.update(each.partition("(")[0] for each in walk.trace)
            sums["mails"] += answered
            done, wrong = done + 1, wrong + bool(walk.faults)
            print(
                f"seed {seed}: {answered} mails answered, {len(walk.faults)} faults: {' '.join(walk.trace)}",
                flush=True,
            )
            for fault in walk.faults[:10]:
                print(f"  WRONG: {fault}", flush=True)
    print(json.dumps({"lives": done, "wrong": wrong, "engine": options.engine, **sums}))
    raise SystemExit(1 if wrong else 0)


def _by_number(rows: list[bytes]) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for raw in rows:
        if number := NUMBER.search(raw):
            found.setdefault(int(number[1]), []).append(raw)
    return found


if __name__ == "__main__":
    main()

"""scripts/campaign lifecycle: years of many accounts in an hour, by the real flow on SQLite, against a small model.

A world has a true time, which the machine's clock follows but for jumps, and a daemon that is down now and
then, for up to 40 days. Sweeps come every twelve hours or so; payments, holds, requests and operators in
between, many of them in the last second of a term, or at its very end. After each sweep every account must be
where the model has it, in true time, and at each step: its whole term is over, no stage is left out, both
warnings had their whole time, and it came no later than the daemon could. The years begin at the end of 2027:
2028 is a leap year (so are 2032 and 2036). Each world lives in a time zone that changes its clocks twice a
year. Of eight accounts one is restless (something happens to it six times a year and at half of its ends,
most are gone within months), the others are customers who mostly pay. Example: scripts/campaign lifecycle
--accounts 1000 --years 10 --worlds 10
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from mailhub.access import holds as hold_flow
from mailhub.accounts import lifecycle
from mailhub.accounts.steadiness import Steadiness
from mailhub.backups.vault import Vault
from mailhub.clock import DAY, HOUR, SECOND
from mailhub.config import Letters, Lifecycle, Quotas, Relay
from mailhub.directory import Directory
from mailhub.errors import Conflict, Forbidden
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.outbound.letters import Post
from mailhub.proof.act import MACHINE, Act
from scripts.rig.stage_model import Modelled
from storage.database import Database
from storage.migrate import migrate
from storage.writer import Transaction, WritingThread, _Single

T = TypeVar("T")
P = ParamSpec("P")

BEGIN = 1_830_000_000 * SECOND  # 28 December 2027
EVERY = 12 * HOUR  # between sweeps
RESTLESS = 8  # one account in so many
AT_AN_END = {
    True: 0.5,
    False: 0.9,
}  # restless: how often something happens in the last second of a term, or at its end
ELSE = {True: 0.008, False: 0.001}  # and in any other half day
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca")
FAULTS = 20  # told at most

_STAGES = "SELECT id, stage, stage_entered_at FROM account WHERE stage <> 'purged'"
_STAGE = "SELECT stage, stage_entered_at FROM account WHERE id = ?"


class InThisThread(WritingThread):
    """The writer's own turns without its thread: to hand each to another took longer than the turn."""

    def start(self) -> None:
        """Nothing runs beside the world."""

    def submit(
        self, function: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **named: P.kwargs
    ) -> Future[T]:
        """One turn, at once."""
        work = _Single(lambda transaction: function(transaction, *args, **named))
        self._waiting.append(work)
        self._turn([])
        return work.future


@dataclass
class World:
    """One machine, its database and clock, and the accounts on it with what the model says of each."""

    directory: Path
    chance: random.Random
    accounts: int
    true: int = BEGIN
    boot: int = 0
    offset: int = 0  # of the clock against the true time
    settling: bool = False  # the clock is doubted after a long downtime
    modelled: dict[int, Modelled] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    lived: int = 0  # microseconds of all accounts
    steps: int = 0  # of stages
    happened: int = 0  # acts of people and billing

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.directory}/world.sqlite3")
        migrate(self.database)
        self.writer = InThisThread(self.database)
        keys = Keys(bytes(32))
        self.context = lifecycle.LifecycleContext(
            database=self.database,
            writer=self.writer,
            models=Models(self.database, self.directory / "models"),
            keys=keys,
            vault=Vault(database=self.database, writer=self.writer, keys=keys, targets=(), retention=1),
            node=0,
            settings=Lifecycle(),
            steadiness=Steadiness(),
            refresh=lambda: None,
            post=Post(
                letters=Letters(), relay=Relay(), contact="", keys=keys, directory=Directory(self.database)
            ),
        )
        self.sweep()
        while len(self.modelled) < self.accounts:
            self.settle_somebody()

    @property
    def wall(self) -> int:
        return self.true + self.offset

    def move(self, span: int) -> None:
        """Time passes, on every clock."""
        self.true += span
        self.boot += span
        self.lived += span * len(self.modelled)

    def settle_somebody(self) -> None:
        """A new account; now and then one without billing."""
        billing = "none" if self.chance.random() < 0.02 else "external"

        def add(transaction: Transaction) -> int:
            at = lifecycle.present(self.context, transaction.connection, now=self.wall, boot=self.boot)
            return lifecycle.new_account(
                Act(transaction, "operator:0", MACHINE, at), name="x", billing=billing
            ).id

        self.modelled[self.writer.run(add)] = Modelled(billing=billing, born=self.true)

    # --- what happens -------------------------------------------------------------------------------------------------

    def half_a_day(self) -> None:
        """What people and billing do until the next sweep, in its order, and that sweep."""
        until = self.true + EVERY - int(self.chance.random() * HOUR)
        for at, who in sorted(self.moments(until)):
            self.move(max(0, at - self.true))
            self.happen(who)
        self.move(max(0, until - self.true))
        self.sweep()
        while len(self.modelled) < self.accounts:
            self.settle_somebody()
        self.trouble()

    def moments(self, until: int) -> list[tuple[int, int]]:
        """When somebody does something: at random, and around the end of a term."""
        found = []
        for who, model in self.modelled.items():
            end, restless = model.next_end(), who % RESTLESS == 0
            if end is not None and self.true <= end < until and self.chance.random() < AT_AN_END[restless]:
                found.append((max(self.true, end + self.chance.choice((-SECOND, -1, 0, 1, SECOND))), who))
            elif self.chance.random() < ELSE[restless]:
                found.append((self.true + int(self.chance.random() * (until - self.true)), who))
        return found

    def happen(self, who: int) -> None:
        """One act on one account, in the flow and in the model; both take it or neither does."""
        model = self.modelled[who]
        act = self.chance.choices(ACTS, WEIGHTS[who % RESTLESS == 0])[0]
        self.happened += 1
        if act == "hold":
            self.hold(who, model)
            return
        flow = getattr(lifecycle, FLOWS[act])
        if act == "lift":
            flow = partial(flow, by_owner=True)

        def run(transaction: Transaction) -> None:
            at = lifecycle.present(self.context, transaction.connection, now=self.wall, boot=self.boot)
            flow(Act(transaction, "operator:0", who, at), self.context)

        try:
            self.writer.run(run)
            taken = True
        except (Conflict, Forbidden):
            taken = False
        if taken != model.act(act, self.true):
            self.wrong(who, f"{act} was {'taken' if taken else 'refused'} in {model}")

    def hold(self, who: int, model: Modelled) -> None:
        """A hold for a while."""
        if model.stage in ("deleted", "purged"):
            return
        span = int(self.chance.choice((1, 20, 120)) * DAY * self.chance.random()) + 1

        def add(transaction: Transaction) -> None:
            at = lifecycle.present(self.context, transaction.connection, now=self.wall, boot=self.boot)
            order = Act(transaction, "operator:0", who, at)
            until = self.true + span
            hold_flow.add_hold(order, kind="account", named=None, reason="x", ends_at=until, quotas=Quotas())

        self.writer.run(add)
        model.held.append((self.true, self.true + span))

    def trouble(self) -> None:
        """Now and then the daemon is down, or the clock jumps and is put right some sweeps later."""
        if self.offset:
            if self.chance.random() < 0.5:
                self.offset = 0
            return
        if self.chance.random() < 0.01 and not self.settling:  # both at once is told as a limit
            self.offset = int(self.chance.choice((-400, -40, -1, -0.1, 0.1, 1, 40, 400)) * DAY)
        elif self.chance.random() < 0.01:
            span = int(self.chance.choice((0.1, 2.5, 10, 40)) * DAY)
            self.move(span)
            self.boot = 0
            self.context = _restarted(self.context)
            self.settling |= (
                span > 2 * DAY
            )  # since the last sweep it may be three; a restart in doubt ends no doubt
            for model in self.modelled.values():
                model.away(span)

    def sweep(self) -> None:
        """A sweep of the flow, then of the model if the clock can be believed; then both are compared."""
        found = lifecycle.sweep(self.context, now=self.wall, boot=self.boot)
        believed = found.clock == "sane"
        if believed and self.offset:
            self.wrong(0, f"a clock that is {self.offset} us off was believed")
        if not believed and not self.offset and not self.settling:
            self.wrong(0, f"a true clock was not believed: {found.clock}")
        if believed:
            self.settling = False
        for model in self.modelled.values():
            model.sweep(self.true) if believed else model.away(EVERY)
        self.compare()

    # --- whether it is right ------------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Every account is in the model's stage, entered at the model's instant."""
        with self.database.read() as connection:
            rows = {row[0]: (row[1], row[2]) for row in connection.exec_driver_sql(_STAGES)}
            for who in [who for who, model in self.modelled.items() if model.stage == "purged"]:
                rows[who] = tuple(connection.exec_driver_sql(_STAGE, (who,)).one())
        for who, model in list(self.modelled.items()):
            if rows.get(who) != (model.stage, model.entered):
                self.wrong(who, f"{rows.get(who)}, not as {model}")
            self.faults += [f"account {who}: {fault}" for fault in model.faults]
            model.faults.clear()
            if model.stage == "purged":
                self.steps += len(model.path)
                del self.modelled[who]

    def wrong(self, who: int, what: str) -> None:
        if len(self.faults) < FAULTS:
            self.faults.append(f"account {who} at {self.true}: {what}")

    def close(self) -> None:
        self.database.close()


ACTS = ("fail", "pay", "lift", "ask", "hold", "suspend", "activate", "terminate")
WEIGHTS = {True: (30, 45, 10, 2, 8, 2, 2, 1), False: (15, 75, 3, 0.5, 4, 1, 1, 0.5)}
FLOWS = {
    "fail": "payment_failed",
    "pay": "payment_ok",
    "lift": "resume",
    "ask": "ask_deletion",
    "suspend": "suspend",
    "activate": "activate",
    "terminate": "terminate",
}


def _restarted(context: lifecycle.LifecycleContext) -> lifecycle.LifecycleContext:
    values: dict[str, Any] = {name: getattr(context, name) for name in lifecycle.LifecycleContext.__slots__}
    return lifecycle.LifecycleContext(**values | {"steadiness": Steadiness()})


@dataclass(frozen=True, slots=True)
class Lived:
    """What one world came to."""

    years: float = 0  # of all accounts
    steps: int = 0  # stages entered
    happened: int = 0  # acts of people and billing
    faults: tuple[str, ...] = ()

    def __add__(self, other: Lived) -> Lived:
        faults = self.faults + other.faults
        return Lived(
            self.years + other.years, self.steps + other.steps, self.happened + other.happened, faults
        )


@contextmanager
def _in_zone(name: str) -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def live(seed: int, *, accounts: int, days: float) -> Lived:
    """One world, until its days are over or something is wrong."""
    room = "/dev/shm" if Path("/dev/shm").is_dir() else None  # what is durable is tried elsewhere
    directory = Path(tempfile.mkdtemp(prefix="mailhub-lifecycle-", dir=room))
    with _in_zone(ZONES[seed % len(ZONES)]):
        world = World(directory, random.Random(seed), accounts)
        try:
            while world.true - BEGIN < days * DAY and not world.faults:
                world.half_a_day()
        finally:
            world.close()
            shutil.rmtree(directory)
    steps = world.steps + sum(len(model.path) for model in world.modelled.values())
    return Lived(world.lived / (365.25 * DAY), steps, world.happened, tuple(world.faults))


def main() -> None:
    """Run the worlds, two at a time; exit 1 with what is wrong."""
    parser = argparse.ArgumentParser(prog="scripts/campaign lifecycle", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--accounts", type=int, default=1000, help="at once, in each world")
    parser.add_argument("--years", type=float, default=10)
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    began, total = time.monotonic(), Lived()
    run = partial(live, accounts=options.accounts, days=options.years * 365.25)
    with ProcessPoolExecutor(options.processes) as pool:
        worlds = range(options.seed, options.seed + options.worlds)
        for number, lived in enumerate(pool.map(run, worlds), start=1):
            total += lived
            print(
                f"{number}/{options.worlds}: {total.years:.0f} account-years, {len(total.faults)} wrong",
                flush=True,
            )
    told = f"{total.years:.0f} account-years, {total.steps} stages entered, {total.happened} acts of people and billing"
    print(f"{told}, {len(total.faults)} wrong, {time.monotonic() - began:.0f} s")
    for fault in total.faults[:FAULTS]:
        print(f"WRONG: {fault}")
    raise SystemExit(1 if total.faults else 0)


if __name__ == "__main__":
    main()

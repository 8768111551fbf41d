"""Measure an erasure on SQLite: one person's messages among many others, with mail coming in beside it.

    scripts/bench erasure [--messages 20000] [--own 1000]

Prints seconds to done, of them the search (which reads everything), the longest turn of the writer, and how long filing
a mail took beside it and alone. With --messages 1000000 filling takes the better part of an hour.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from mailhub import clock, erasure
from mailhub.backups.vault import Vault
from mailhub.envelope import Envelope, Source
from mailhub.erasing import steps
from mailhub.erasing.work import Parts, Work
from mailhub.filing.directory import Directory
from mailhub.filing.flood import FloodCounter
from mailhub.filing.prepare import Prepared, Secrets, prepare
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.pipeline import FilingContext, file_batch
from mailhub.spam import FilterSettings
from storage.accounts import Account, add_account
from storage.database import Database
from storage.mailboxes import Mailbox, add_mailbox
from storage.migrate import migrate
from storage.writer import Transaction, Writer

ACCOUNT, MAILBOX = 1, 2
KIM = "kim.zz@customer.example"
BATCH = 100
WORDS = [
    f"{a}{b}" for a in ("ka", "lo", "mi", "nu", "pe", "ra", "si", "to") for b in ("ban", "dul", "fer", "gom", "hix")
]


class Timed(Writer):
    """A writer that knows how long its longest turn was."""

    longest = 0.0

    def _turn(self, groups: list) -> None:  # type: ignore[type-arg]
        began = time.perf_counter()
        super()._turn(groups)
        self.longest = max(self.longest, time.perf_counter() - began)


def house(directory: Path) -> tuple[Parts, FilingContext, Timed]:
    """The parts of a house with one account."""
    keys = Keys(bytes(range(32)))
    database = Database(directory / "mailhub.sqlite3")
    migrate(database)
    writer = Timed(database)
    writer.start()
    own = {"stage": "active", "billing": "none", "created_at": 1, "stage_entered_at": 1}
    writer.run(lambda tx: add_account(tx.connection, Account(id=ACCOUNT, name="Bench", **own)))
    served = Mailbox(account_id=ACCOUNT, id=MAILBOX, address="support@example.com", name="Support", created_at=1)
    writer.run(lambda tx: add_mailbox(tx.connection, served))
    models, routes, secrets = Models(database, directory / "models"), Directory(database), Secrets.of(keys)
    filing = FilingContext(directory=routes, models=models, filter=FilterSettings(), flood=FloodCounter(10**9), hops=50)
    vault = Vault(database=database, writer=writer, keys=keys, targets=(directory / "backups",), retention=1)
    parts = Parts(
        database=database, writer=writer, models=models, secrets=secrets, keys=keys, directory=routes, data=directory,
        node=0, vault=vault,
    )  # fmt: skip
    return parts, filing, writer


def mail(number: int, sender: str, chance: random.Random) -> bytes:
    """A mail of some 1.5 KB."""
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = sender, "support@example.com", f"About {number}"
    made["Message-ID"] = f"<{number}@bench.example>"
    made.set_content("\n".join(" ".join(chance.choices(WORDS, k=10)) for _ in range(16)))
    return made.as_bytes()


def prepared(parts: Parts, number: int, sender: str, chance: random.Random) -> Prepared:
    """Read as a door does."""
    envelope = Envelope(
        source=Source.SMTP, mail_from=sender, recipients=("support@example.com",), received_at=clock.now()
    )
    return prepare(mail(number, sender, chance), envelope, parts.secrets, parts.directory)


def fill(parts: Parts, filing: FilingContext, messages: int, own: int) -> None:
    """File everything, the person's spread among the others'."""
    chance, every = random.Random(7), max(1, messages // own)
    for start in range(0, messages, BATCH):
        batch = [
            prepared(parts, n, KIM if n % every == 0 else f"u{n % 5000}@many.example", chance)
            for n in range(start, min(messages, start + BATCH))
        ]

        def act(transaction: Transaction, batch: list[Prepared] = batch) -> None:
            file_batch(transaction, filing, batch)

        parts.writer.run(act)


def filed(parts: Parts, filing: FilingContext, number: int) -> float:
    """Milliseconds that one mail of somebody else took in the writer's queue and turn."""
    made = prepared(parts, number, f"live{number}@many.example", random.Random(number))
    began = time.perf_counter()
    parts.writer.run(lambda tx: file_batch(tx, filing, [made]))
    return 1000 * (time.perf_counter() - began)


def timings(took: dict[str, float]) -> Iterator[steps.Step]:
    """The steps, each with its time taken."""
    for step in steps.STEPS:

        def run(work: Work, step: steps.Step = step) -> None:
            began = time.perf_counter()
            try:
                step.run(work)
            finally:
                took[step.name] = took.get(step.name, 0.0) + time.perf_counter() - began

        yield steps.Step(step.name, run)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000, help="messages of the account")
    parser.add_argument("--own", type=int, default=1_000, help="of them the person's")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailhub-bench-") as folder:
        parts, filing, writer = house(Path(folder))
        fill(parts, filing, options.messages, options.own)
        alone = [filed(parts, filing, 10**7 + n) for n in range(200)]
        beside: list[float] = []
        over = threading.Event()

        def live() -> None:
            while not over.is_set():
                beside.append(filed(parts, filing, 2 * 10**7 + len(beside)))
                time.sleep(0.02)

        took: dict[str, float] = {}
        setattr(erasure, "STEPS", tuple(timings(took)))  # noqa: B010
        begun = erasure.begin(parts, "bench", ACCOUNT, [KIM], now=clock.now())
        writer.longest = 0.0
        thread = threading.Thread(target=live)
        thread.start()
        began = time.perf_counter()
        row = erasure.run(parts, ACCOUNT, begun.erasure)
        while row.state != "done" and time.perf_counter() - began < 600:
            time.sleep(0.5)
            row = erasure.run(parts, ACCOUNT, begun.erasure)
        total = time.perf_counter() - began
        over.set()
        thread.join()
        looking = took["search"] + took["redact-mail"]
        size = (Path(folder) / "mailhub.sqlite3").stat().st_size / 1e6
        print(f"{options.messages} messages ({size:.0f} MB), {options.own} of the person: {row.state}")
        print(f"  to done {total:.1f} s; of it reading everything {looking:.1f} s, the rest {total - looking:.1f} s")
        print(f"  longest turn of the writer {1000 * writer.longest:.0f} ms")
        for name, values in (("alone", alone), ("beside", beside)):
            print(f"  filing a mail {name}: p50 {statistics.median(values):.1f}, p99 {_p99(values):.1f} ms")
        print("  " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in took.items()))
        writer.close()


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


if __name__ == "__main__":
    main()

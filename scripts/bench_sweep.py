"""scripts/bench sweep: how long a look at many accounts takes when nothing is due, and what a scan would take.

Accounts in every stage that has a term, none of which is over, on SQLite in a file. "scan" asks every row the
same question, side by side in the same run. Example: scripts/bench sweep --accounts 100000
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import insert, select

from mailhub.accounts import lifecycle, stages
from mailhub.accounts.steadiness import Steadiness
from mailhub.backups.vault import Vault
from mailhub.clock import DAY
from mailhub.config import Letters, Lifecycle, Relay
from mailhub.directory import Directory
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.outbound.letters import Post
from storage.accounts.accounts import Account
from storage.database import Database
from storage.migrate import migrate
from storage.schema import account, stage_warning
from storage.writer import WritingThread

NOW = 1_830_000_000_000_000
AGES = {"trial": 6, "active": 0, "suspended": 52, "terminated": 22, "deleted": 29}  # days into a term
FAILING = 10  # every tenth active account has payments that fail: warned, and looked at in every sweep


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench sweep", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="mailhub-sweep-"))
    try:
        measure(directory, options.accounts, options.rounds)
    finally:
        shutil.rmtree(directory)


def measure(directory: Path, accounts: int, rounds: int) -> None:
    """Fill a database, then sweep it and scan it in turns."""
    database = Database(f"sqlite:///{directory}/sweep.sqlite3")
    migrate(database)
    with database.writing.begin() as connection:
        rows = [made(number) for number in range(1, accounts + 1)]
        connection.execute(insert(account), rows)
        failing = [row["id"] for row in rows if row["stage"] == "active" and row["term_began_at"]]
        warned = [{"account_id": each, "days": 7, "given_at": NOW} for each in failing]
        connection.execute(insert(stage_warning), warned)
    writer, keys = WritingThread(database), Keys(bytes(32))
    writer.start()
    context = lifecycle.LifecycleContext(
        database=database,
        writer=writer,
        models=Models(database, directory / "models"),
        keys=keys,
        vault=Vault(database=database, writer=writer, keys=keys, targets=(), retention=1),
        node=0,
        settings=Lifecycle(),
        steadiness=Steadiness(),
        refresh=lambda: None,
        post=Post(letters=Letters(), relay=Relay(), contact="", keys=keys, directory=Directory(database)),
    )
    swept, scanned = [], []
    for number in range(rounds):
        began = time.perf_counter()
        found = lifecycle.sweep(context, now=NOW + number, boot=number)
        swept.append(time.perf_counter() - began)
        assert found.acts == ()
        began = time.perf_counter()
        assert scan(database, context.settings) == 0
        scanned.append(time.perf_counter() - began)
    writer.close()
    database.close()
    print(f"{accounts} accounts, nothing due: sweep {told(swept)}; a scan of every account {told(scanned)}")
    print(f"{len(failing)} of them are looked at in each sweep: their payments fail, and they are warned")


def made(number: int) -> dict[str, object]:
    """An account some way into its term."""
    stage = [*AGES][number % len(AGES)]
    began = NOW - AGES[stage] * DAY
    term = None if stage == "active" and number // len(AGES) % FAILING else began
    row = {"id": number, "name": "x", "stage": stage, "billing": "external", "created_at": began}
    return row | {
        "stage_entered_at": began,
        "stage_reason": "made",
        "term_began_at": term,
        "next_ticket_number": 1,
    }


def scan(database: Database, settings: Lifecycle) -> int:
    """How many are due, asked of every row."""
    with database.read() as connection:
        warned = {
            row.account_id: {row.days: row.given_at} for row in connection.execute(select(stage_warning))
        }
        rows = connection.execute(select(*(account.c[name] for name in Account.__slots__)))
        found = (Account(**row._mapping) for row in rows)
        return sum(stages.due(each, warned.get(each.id, {}), NOW, settings) is not None for each in found)


def told(seconds: list[float]) -> str:
    """Median and worst, in milliseconds."""
    return f"median {statistics.median(seconds) * 1000:.1f} ms, slowest {max(seconds) * 1000:.1f} ms"


if __name__ == "__main__":
    main()

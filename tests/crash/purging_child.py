"""Purges a ticket and dies by SIGKILL before each of its commits in turn. Run as a program by ``test_purging.py``.

    purging_child.py BEGUN DIRECTORY ACCOUNT TICKET

For N = 1, 2, ... a copy of the data directory BEGUN becomes ``DIRECTORY/N``, and a forked child purges the
ticket there, with a checkpoint of the filter between two turns, until it dies before its Nth commit. The
first that lives is the last: one JSON line tells how each ended.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from itertools import count
from pathlib import Path

from mailhub.filter import feedback
from mailhub.filter.models import Models
from mailhub.privacy.erasing.work import Parts
from mailhub.proof.act import perform
from mailhub.tickets import purging
from storage.database import Database
from storage.writer import Transaction, WritingThread
from tests.crash.erasure_child import arm
from tests.privacy.erasing.scene import reopened


def purging_of(parts: Parts) -> purging.Purging:
    """What a purge works with in this data directory."""
    return purging.Purging(
        database=parts.database,
        writer=parts.writer,
        forget=partial(_forget, parts.models),
        tombstone_key=parts.secrets.tombstone,
    )


def _forget(models: Models, transaction: Transaction, account: int, messages: Sequence[int]) -> None:
    feedback.forget(transaction, models, account, messages)


def purge(directory: Path, account: int, ticket: int, commits: int) -> int:
    """The whole purge in a process of its own, to its death or end; how that ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    database = Database(directory / "mailhub.sqlite3")
    writer = WritingThread(database)
    writer.start()
    parts = reopened(database, writer, directory)
    arm(f"commit:{commits}", database)

    def between() -> bool:
        parts.models.checkpoint(writer, account)
        return False

    writer.run(perform, purging.begin, "user:1", account, 1, ticket)
    purging.carry_out(purging_of(parts), account, ticket, now=1, stopping=between)
    writer.close()
    os._exit(0)


def main() -> None:
    begun, target, account, ticket = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    told: list[int] = []
    for number in count(1):
        directory = target / str(number)
        shutil.copytree(begun, directory)
        told.append(purge(directory, account, ticket, number))
        if told[-1] == 0:
            break
    print(json.dumps(told))


if __name__ == "__main__":
    main()

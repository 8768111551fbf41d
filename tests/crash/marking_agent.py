"""A process that marks at random until it is killed.

On standard output a line ``? ...`` with what it is about to put in force (message:label), ``!`` when it was committed.

Arguments: database URL, directory for checkpoints, seed, account. Run by ``test_feedback.py``.
"""

from __future__ import annotations

import itertools
import sys
import threading
from pathlib import Path
from random import Random

from mailhub.filter.models import Models
from storage.database import Database
from storage.writer import WritingThread
from tests.houses.inbox import Inbox


def main(url: str, directory: str, seed: str, account: str) -> None:
    """Mark, take back and save checkpoints, for ever."""
    database = Database(url)
    writer = WritingThread(database)
    writer.start()
    inbox = Inbox(
        database=database,
        writer=writer,
        models=Models(database, Path(directory)),
        directory=Path(directory),
        account=int(account),
    )
    inbox.messages = list(range(101, 131))
    dice = Random(seed)
    threading.Thread(target=_save, args=(inbox,), daemon=True).start()
    for _ in range(100_000):
        messages, label = (
            dice.sample(inbox.messages, dice.randrange(1, 8)),
            dice.choice(["spam", "ham", "none"]),
        )
        print("?", *(f"{each}:{label}" for each in messages), flush=True)
        if label == "none":
            inbox.unmark(messages)
        else:
            inbox.mark(messages, label)
        print("!", flush=True)


def _save(inbox: Inbox) -> None:
    """Write the checkpoint without a pause, so that a kill often falls into it."""
    for _ in itertools.repeat(None, 100_000):
        inbox.models.checkpoint(inbox.writer, inbox.account)


if __name__ == "__main__":
    main(*sys.argv[1:])

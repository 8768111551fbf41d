"""A process that carries labels over to this version, saying so after every step, until it is killed.

Arguments: database URL, directory for checkpoints, account. Run by ``test_rebuild.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mailhub.filter.models import Models
from mailhub.filter.rebuild import Rebuild
from storage.database import Database
from storage.writer import WritingThread
from tests.houses.inbox import NOW, extract


def main(url: str, directory: str, account: str) -> None:
    """All steps, each with a checkpoint."""
    database = Database(url)
    writer = WritingThread(database)
    writer.start()
    models = Models(database, Path(directory))
    rebuild = Rebuild(
        database=database,
        writer=writer,
        models=models,
        account=int(account),
        extract=lambda received: extract(received.raw),
    )
    rebuild.begin(yes=False, now=NOW)
    after: int | None = 0
    while after is not None:
        carried, after = rebuild.step(after=after, now=NOW)
        print(carried, flush=True)
        models.checkpoint(writer, int(account))
    writer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])

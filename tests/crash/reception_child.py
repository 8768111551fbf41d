"""Files mail into SQLite and dies by SIGKILL at a chosen step. Run as a program by ``test_reception_crash.py``.

    reception_child.py TEMPLATE DIRECTORY MAILS STEP...

For each STEP a copy of TEMPLATE becomes ``DIRECTORY/STEP.sqlite3``, and a forked child hands the mails of the
JSON file MAILS to a real reception until it is killed: ``before-N`` at the N-th commit, ``after-N`` when it
is durable and nobody has heard, ``heard-N`` when N sessions have heard. One JSON line a step: {"step",
"status", "heard": [indices]}.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event

import storage.writer
from mailhub.config.live import Live
from mailhub.envelope import Envelope, Fate, Source
from mailhub.intake.reception import Reception
from storage.database import Database
from storage.writer import WritingThread
from tests.houses.postroom import START, PostRoom, open_room

SESSIONS = 8


def die_at(count: int) -> Callable[..., None]:
    """A function that kills this process when it is called for the ``count``-th time."""
    calls: list[int] = []

    def called(*_: Any) -> None:
        calls.append(1)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    return called


def arm(step: str, room: PostRoom) -> Callable[..., None]:
    """Prepare to die at ``step``; what to call when a session has heard."""
    when, _, number = step.partition("-")
    die = die_at(int(number))
    if when == "before":
        event.listen(room.database.writing, "commit", die)
    elif when == "after":
        finish = storage.writer._finish

        def finish_or_die(*settled: Any) -> None:
            die()
            finish(*settled)

        setattr(storage.writer, "_finish", finish_or_die)  # noqa: B010 mypy sees an assignment to a function
    return die if when == "heard" else lambda: None


async def deliver_all(room: PostRoom, mails: list[bytes], heard: int, then: Callable[[], None]) -> None:
    """Some sessions that send one mail after the other; each that was filed is written to ``heard`` at once."""
    reception = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    reception.start()
    waiting = list(enumerate(mails))

    async def session() -> None:
        while waiting:
            index, raw = waiting.pop(0)
            recipients = ("support@example.com", "help@other.example")
            envelope = Envelope(
                source=Source.SMTP, mail_from=None, recipients=recipients, received_at=START, quiet=True
            )
            outcomes = await reception.deliver(envelope, raw)
            if {outcome.fate for outcome in outcomes} == {Fate.FILED}:
                os.write(heard, f"{index}\n".encode())
            then()

    await asyncio.gather(*(session() for _ in range(SESSIONS)))


def child(path: Path, step: str, mails: list[bytes], heard: int) -> None:
    database = Database(path)
    writer = WritingThread(database)
    writer.start()
    with open_room(database, writer, path.parent) as room:
        asyncio.run(deliver_all(room, mails, heard, arm(step, room)))


def main(template: Path, directory: Path, mails: list[bytes], steps: list[str]) -> None:
    """One child after the other, each on a database of its own."""
    for step in steps:
        path = Path(shutil.copy(template, directory / f"{step}.sqlite3"))
        read, write = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(read)
            try:
                child(path, step, mails, write)
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            indices = [int(line) for line in pipe]
        status = os.waitpid(process, 0)[1]
        print(json.dumps({"step": step, "status": status, "heard": indices}), flush=True)


if __name__ == "__main__":
    contents = [text.encode("latin-1") for text in json.loads(Path(sys.argv[3]).read_text("utf-8"))]
    main(Path(sys.argv[1]), Path(sys.argv[2]), contents, sys.argv[4:])

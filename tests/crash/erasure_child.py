"""Carries out an erasure and dies by SIGKILL at chosen places. Run as a program by ``test_erasure_crash.py``.

    erasure_child.py BEGUN DIRECTORY ACCOUNT ERASURE PLACE...

For each PLACE a copy of the data directory BEGUN becomes ``DIRECTORY/N``, and a forked child goes on with the
erasure until it is killed: ``before:STEP``, ``after:STEP`` (names of ``mailhub.privacy.erasing.steps``) or
``commit:N`` of the run. Then another one goes on to the end. One JSON line a place: {"place", "status",
"state", "end"}.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import event

from mailhub.privacy import erasure
from mailhub.privacy.erasing import steps
from mailhub.privacy.erasing.steps import Step
from mailhub.privacy.erasing.work import Work
from storage.database import Database
from storage.privacy.erasures import find_erasure
from storage.writer import WritingThread
from tests.privacy.erasing.scene import reopened


def die(*_: Any) -> None:
    """The end, without a word."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(place: str, database: Database) -> None:
    """Prepare to die there."""
    when, _, what = place.partition(":")
    commits: list[int] = []

    def count(_: Any) -> None:
        commits.append(1)
        if len(commits) == int(what):
            die()

    def dying(step: Step) -> Step:
        def run(work: Work) -> None:
            if when == "before":
                die()
            step.run(work)
            die()

        return replace(step, run=run) if step.name == what else step

    if when == "commit":
        event.listen(database.writing, "commit", count)
    else:
        setattr(erasure, "STEPS", tuple(map(dying, steps.STEPS)))  # noqa: B010 mypy: it is not exported


def go_on(directory: Path, account: int, which: int, place: str | None) -> int:
    """The erasure in a process of its own, to its death or end; how that ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    database = Database(directory / "mailhub.sqlite3")
    writer = WritingThread(database)
    writer.start()
    if place is not None:
        arm(place, database)
    erasure.run(reopened(database, writer, directory), account, which)
    writer.close()
    os._exit(0)


def state(directory: Path, account: int, which: int) -> str:
    """What the row says."""
    database = Database(directory / "mailhub.sqlite3")
    with database.read() as connection:
        row = find_erasure(connection, account, which)
    database.close()
    assert row is not None
    return row.state


def main() -> None:
    begun, target, account, which = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    for number, place in enumerate(sys.argv[5:]):
        directory = target / str(number)
        shutil.copytree(begun, directory)
        told: dict[str, object] = {"place": place, "status": go_on(directory, account, which, place)}
        told["state"] = state(directory, account, which)
        if told["state"] != "done":
            go_on(directory, account, which, None)
        print(json.dumps({**told, "end": state(directory, account, which)}), flush=True)


if __name__ == "__main__":
    main()

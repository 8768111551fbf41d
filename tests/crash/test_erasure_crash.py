"""Killed at any step, an erasure goes on by itself, and is never half done and said to be done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailhub.privacy import erasure
from mailhub.privacy.erasing.steps import STEPS
from mailhub.proof import receipts
from storage.database import Database
from storage.privacy.erasures import find_erasure
from storage.writer import WritingThread
from tests.houses.desk import open_desk
from tests.privacy.erasing import witness
from tests.privacy.erasing.scene import KEYS, KIM, NAME, set_up

ROOT = Path(__file__).parents[2]
GUARD_SECONDS = 300
PLACES = [f"{when}:{step.name}" for step in STEPS for when in ("before", "after")]
PLACES += [f"commit:{number}" for number in (1, 9, 17, 23, 31)]
TELLING = (KIM.encode(), NAME.encode(), b"sandwort", b"canaryown", b"canaryanswer")


@dataclass(frozen=True)
class Crashed:
    """Data directories by number, each after a kill and the run that went on, and what was told of them."""

    directory: Path
    account: int
    erasure: int
    told: list[dict[str, Any]]


@pytest.fixture(scope="module")
def crashed(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """One data directory with an erasure that has begun, killed at every place."""
    begun, target = tmp_path_factory.mktemp("begun"), tmp_path_factory.mktemp("crashed")
    database = Database(Path(shutil.copy(sqlite_template, begun / "mailhub.sqlite3")))
    writer = WritingThread(database)
    writer.start()
    desk = open_desk(database, writer, begun)
    made = erasure.begin(set_up(desk, begun).parts, "user:1", desk.account, [KIM], names=[NAME], now=desk.now)
    writer.close()
    database.close()
    program = Path(__file__).with_name("erasure_child.py")
    which = [str(desk.account), str(made.erasure)]
    command = [sys.executable, str(program), str(begun), str(target), *which, *PLACES]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=GUARD_SECONDS, check=True)
    return Crashed(
        target, desk.account, made.erasure, [json.loads(line) for line in done.stdout.splitlines()]
    )


def test_every_place_was_reached(crashed: Crashed) -> None:
    """Every process died by the signal at its place."""
    assert [(each["place"], each["status"]) for each in crashed.told] == [
        (each, -signal.SIGKILL) for each in PLACES
    ]


@pytest.mark.parametrize("number", range(len(PLACES)), ids=PLACES)
def test_it_goes_on_where_it_was_killed(crashed: Crashed, number: int) -> None:
    """Killed there it is not done (but after the last step), and the next run ends done, with nothing left."""
    directory, told = crashed.directory / str(number), crashed.told[number]
    assert (told["state"] == "done") == (PLACES[number] == f"after:{STEPS[-1].name}")
    assert told["end"] == "done"
    database = Database(directory / "mailhub.sqlite3")
    with database.read() as connection:
        row = find_erasure(connection, crashed.account, crashed.erasure)
    database.close()
    assert row is not None
    assert row.receipt is not None
    body = receipts.verify(row.receipt, receipts.public_key_of(KEYS))
    assert body["search"]["hits"] == 0
    copies = body["imap_copies"]
    assert (copies["asked"], copies["owed"]) == (2, 2)  # none forgotten, none asked for twice
    assert body["model"]["after"] == body["model"]["replay"]
    assert {each: witness.holding(directory, each) for each in TELLING} == {each: set() for each in TELLING}
    assert list((directory / "erasures").iterdir()) == []

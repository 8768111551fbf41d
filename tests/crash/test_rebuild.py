"""kill -9 in the middle of a rebuild: what was carried counts once, the rest is carried by the next run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from sqlalchemy import update

from classifier.tokens import FEATURES_VERSION
from mailhub.filter import checkpoints
from mailhub.filter.models import Models
from storage.database import Database
from storage.filter import ledger_versions
from storage.schema import ledger as ledger_table
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, Inbox

CHILD = Path(__file__).parent / "rebuilding_child.py"
ROOT = Path(__file__).parents[2]
MESSAGES = 160


def _carried_by_child(inbox: Inbox, *, kill_after: int | None) -> int:
    """Run the child, killed after so many steps (or never); how many labels it said it carried."""
    url = inbox.database.url.render_as_string(hide_password=False)
    arguments = [sys.executable, str(CHILD), url, str(inbox.directory), str(ACCOUNT)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        lines = []
        if kill_after is not None:
            lines = [process.stdout.readline() for _ in range(kill_after)]
            process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == (0 if kill_after is None else -signal.SIGKILL)
    return sum(int(line) for line in lines if line.endswith("\n"))


def _waiting(inbox: Inbox) -> int:
    with inbox.database.read() as connection:
        return ledger_versions.count_other(connection, ACCOUNT, FEATURES_VERSION)


def test_a_killed_rebuild_goes_on_where_it_was(
    database: Database, writer: WritingThread, tmp_path: Path
) -> None:
    """After each kill the model is exact and holds the carried rows alone; in the end it is what it was before."""
    directory = tmp_path / "models"
    inbox = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    inbox.file(MESSAGES)
    inbox.mark(inbox.messages[::2], "spam")
    inbox.mark(inbox.messages[1::2], "ham")
    before = inbox.digest()
    older = {"features_version": FEATURES_VERSION - 1, "features": b"\xff\xff\xff\xff\xff"}
    inbox.writer.run(lambda tx: tx.connection.execute(update(ledger_table).values(older)))
    checkpoints.remove(directory, ACCOUNT)
    said = 0
    for seed in range(2):
        said += _carried_by_child(inbox, kill_after=Random(seed).randrange(1, 4))
        inbox.models = Models(database, directory)
        found = inbox.models.verify(writer, ACCOUNT)
        assert (found.state, found.rows) == ("exact", MESSAGES - _waiting(inbox))
        assert found.rows >= said
    _carried_by_child(inbox, kill_after=None)
    inbox.models = Models(database, directory)
    assert (_waiting(inbox), inbox.digest()) == (0, before)

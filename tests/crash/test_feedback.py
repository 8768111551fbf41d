"""kill -9 while agents mark: no label that was acknowledged is lost, and the model is exact after the restart."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from mailhub.filter.models import Models
from storage.database import Database
from storage.writer import WritingThread
from tests.houses.inbox import ACCOUNT, Inbox

AGENT = Path(__file__).parent / "marking_agent.py"
ROOT = Path(__file__).parents[2]
KILLS = 6


def _lines_until_killed(inbox: Inbox, seed: int) -> list[str]:
    """Start the agent, kill it after a random number of marks; what it said."""
    url = inbox.database.url.render_as_string(hide_password=False)
    arguments = [sys.executable, str(AGENT), url, str(inbox.directory), str(seed), str(ACCOUNT)]
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(Random(seed).randrange(2, 60))]
        finally:
            process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line for line in lines if line.endswith("\n")]


def _after(labels: dict[int, str], act: str) -> dict[int, str]:
    """Labels in force after an act of the agent."""
    wished = {int(pair.split(":")[0]): pair.split(":")[1] for pair in act.split()[1:]}
    return {message: label for message, label in {**labels, **wished}.items() if label != "none"}


def test_a_killed_process_leaves_an_exact_model(
    database: Database, writer: WritingThread, tmp_path: Path
) -> None:
    """After each kill all acknowledged acts and at most one more, whole, are in force, and ``verify`` says exact."""
    directory = tmp_path / "models"
    inbox = Inbox(database=database, writer=writer, models=Models(database, directory), directory=directory)
    inbox.file(30)
    expected: dict[int, str] = {}
    for seed in range(KILLS):
        lines = _lines_until_killed(inbox, seed)
        assert lines
        acts = [line for line in lines if line.startswith("?")]
        for act in acts[: lines.count("!\n")]:
            expected = _after(expected, act)
        inbox.models = Models(database, directory)
        said = inbox.models.verify(writer, ACCOUNT)
        assert (said.state, said.digest) == ("exact", inbox.ledger_digest().hex())
        assert inbox.labels() in (expected, _after(expected, acts[-1]))
        expected = inbox.labels()

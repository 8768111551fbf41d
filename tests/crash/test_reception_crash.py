"""Killed at any durable step while mail comes in, nothing that was acknowledged is lost, and nothing is there twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from mailhub.clock import SECOND
from mailhub.directory import Directory
from mailhub.envelope import Fate
from mailhub.keys import Keys
from mailhub.reading.prepare import Secrets
from storage.database import Database
from storage.mail import raws
from storage.schema import message, raw
from storage.writer import WritingThread
from tests.houses.postroom import OURS, START, THEIRS, PostRoom, mail, make_context

CHECKOUT = Path(__file__).parents[2]
GUARD_SECONDS = 120  # only a hang gets there
STEPS = [f"{when}-{number}" for when in ("before", "after") for number in (1, 2, 3, 4, 6, 9)]
STEPS += [f"heard-{number}" for number in (1, 5, 17)]


def mails() -> list[bytes]:
    """Forty ordinary mails, without ids and with, and one of several slices among them."""
    few = [
        mail(f"Mail {n}.", id=None if n % 3 else f"{n}@x.example", sender=f"k{n}@x.example")
        for n in range(40)
    ]
    return [*few[:5], mail(Random(7).randbytes(1_400_000).hex(), id="large@x.example"), *few[5:]]


@pytest.fixture(scope="module")
def crashed(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, object]]]:
    """A database for each step at which the process was killed, and what had been acknowledged by then."""
    directory = tmp_path_factory.mktemp("crashed")
    contents = directory / "mails.json"
    contents.write_text(json.dumps([each.decode("latin-1") for each in mails()]), encoding="utf-8")
    program = Path(__file__).with_name("reception_child.py")
    command: list[str | Path] = [sys.executable, program, sqlite_template, directory, contents, *STEPS]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        command, env=environment, cwd=CHECKOUT, stdout=subprocess.PIPE, timeout=GUARD_SECONDS, check=True
    )
    return directory, [json.loads(line) for line in done.stdout.splitlines()]


def reopened(database: Database, writer: WritingThread, directory: Path) -> PostRoom:
    """The room as the next start of the service finds it."""
    routes = Directory(database)
    return PostRoom(
        database=database,
        writer=writer,
        directory=routes,
        context=make_context(database, routes, directory),
        secrets=Secrets.of(Keys(bytes(32))),
    )


def test_every_step_was_reached(crashed: tuple[Path, list[dict[str, object]]]) -> None:
    """Every process died by the signal at its step, and not all of them before anybody had heard."""
    assert [(each["step"], each["status"]) for each in crashed[1]] == [
        (step, signal.SIGKILL) for step in STEPS
    ]
    assert sum(bool(each["heard"]) for each in crashed[1]) >= len(STEPS) // 2


@pytest.mark.parametrize("number", range(len(STEPS)), ids=STEPS)
def test_what_was_acknowledged_is_there_once(
    crashed: tuple[Path, list[dict[str, object]]], tmp_path: Path, number: int
) -> None:
    """After the kill every acknowledged mail is filed, and when all are sent again each is there once, as sent."""
    directory, told = crashed
    heard = told[number]["heard"]
    assert isinstance(heard, list)
    database = Database(directory / f"{STEPS[number]}.sqlite3")
    writer = WritingThread(database)
    writer.start()
    room = reopened(database, writer, tmp_path)
    sent = mails()
    done = room.file_all(
        [
            (each, room.prepare(each, recipients=("support@example.com", "help@other.example"), quiet=True))
            for each in sent
        ]
    )
    known = {index for index, outcomes in enumerate(done) if {o.fate for o in outcomes} == {Fate.DUPLICATE}}
    assert known >= set(heard)
    while room.do(lambda tx: raws.sweep(tx.connection, before=START + SECOND * 999, limit=100)):
        pass
    for position, account in enumerate((OURS, THEIRS)):
        stored = Counter(room.raw(row.id, account) for row in room.rows(message, account))
        assert stored == Counter(sent)
        assert len({outcomes[position].message for outcomes in done}) == len(sent)
    with database.read() as connection:
        kept = set(connection.execute(select(message.c.id)).scalars())
        assert set(connection.execute(select(raw.c.message_id)).scalars()) == kept
    writer.close()
    database.close()

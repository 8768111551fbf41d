"""kill -9 before every commit of a purge: each message is there whole or gone whole, and the next start ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from mailhub.privacy.erasing.work import Parts
from mailhub.proof.act import Act
from mailhub.tickets import acts, purging
from storage.database import Database
from storage.mail.search import find_messages
from storage.schema import journal, message_reference, note, raw, tombstone
from storage.writer import WritingThread
from tests.crash.purging_child import purging_of
from tests.houses.desk import Desk, open_desk
from tests.privacy.erasing.scene import Scene, parts_of, reopened
from tests.tickets.test_removal import rows_naming

ROOT = Path(__file__).parents[2]
GUARD_SECONDS = 300
MESSAGES = 20  # of the ticket: three turns of the writer
WORD = "plumbago"


@dataclass(frozen=True)
class Begun:
    """A data directory with a ticket to be purged."""

    desk: Desk
    ticket: int
    messages: list[int]
    other: int  # a message of another ticket


def fill(desk: Desk, directory: Path) -> Begun:
    """A ticket of many mails, some of which taught the filter, with a note; and another one."""
    scene = Scene(desk, parts_of(desk, directory))
    ticket = desk.ticket_of(desk.mail(text=f"{WORD} 0", Message_ID="<0@k.x>"))
    for number in range(1, MESSAGES):
        desk.mail(Subject="More [#1]", text=f"{WORD} {number}", Message_ID=f"<{number}@k.x>")
    other = desk.message_of(desk.mail("leo@other.example", text=f"{WORD} of another"))
    messages = desk.messages_in(ticket)
    scene.messages = {str(number): each for number, each in enumerate(messages)} | {"other": other}
    scene.label("spam", "0", "9", "10", "19")
    scene.label("ham", "3", "12", "other")
    desk.do(
        lambda tx: acts.note(Act(tx, desk.actor, desk.account, desk.now), ticket, user=desk.ana, text="hm")
    )
    desk.filing.models.checkpoint(desk.writer, desk.account)
    return Begun(desk, ticket, messages, other)


@contextmanager
def restarted(begun: Begun, directory: Path) -> Iterator[tuple[Desk, Parts]]:
    """The desk as the next start of the service finds it."""
    database = Database(directory / "mailhub.sqlite3")
    writer = WritingThread(database)
    writer.start()
    parts = reopened(database, writer, directory)
    values = {name: getattr(begun.desk, name) for name in ("secrets", "account", "mailbox", "ana", "ben")}
    yield (
        Desk(database=database, writer=writer, directory=parts.directory, filing=begun.desk.filing, **values),
        parts,
    )
    writer.close()
    database.close()


def exact(desk: Desk, parts: Parts) -> bool:
    """As `spam verify` says, from the checkpoint and the rows."""
    return parts.models.verify(desk.writer, desk.account).state == "exact"


def count(desk: Desk, column: object, *conditions: object) -> int:
    """Rows of one table."""
    with desk.database.read() as connection:
        query = select(func.count(column)).where(*conditions)  # type: ignore[arg-type]
        return connection.execute(query).scalar_one()


def left_whole(begun: Begun, desk: Desk) -> int:
    """How many messages of the ticket are left. Each has all that belongs to it; of the others nothing is left."""
    left = desk.messages_in(begun.ticket)
    assert left == begun.messages[len(begun.messages) - len(left) :]
    gone = begun.messages[: len(begun.messages) - len(left)]
    assert [rows_naming(desk, "message_id", each) for each in gone] == [set()] * len(gone)
    for table in (raw, message_reference):
        assert count(desk, table.c.message_id.distinct(), table.c.message_id.in_(left)) == len(left)
    with desk.database.read() as connection:
        found = find_messages(connection, desk.account, WORD, before=2**62, limit=99)
    assert sorted(found) == [*left, begun.other]
    assert count(desk, tombstone.c.digest) == len(gone)
    assert count(desk, note.c.id) == bool(left)
    assert desk.faults() == []
    return len(left)


def test_a_purge_killed_before_any_commit_goes_on(sqlite_template: Path, tmp_path: Path) -> None:
    """Nothing half done is to be seen after a kill, the filter is exact there and at the end; another ticket stays."""
    home, target = tmp_path / "begun", tmp_path / "killed"
    home.mkdir()
    database = Database(Path(shutil.copy(sqlite_template, home / "mailhub.sqlite3")))
    writer = WritingThread(database)
    writer.start()
    begun = fill(open_desk(database, writer, home), home)
    writer.close()
    database.close()
    program = [sys.executable, str(Path(__file__).with_name("purging_child.py")), str(home), str(target)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*program, str(begun.desk.account), str(begun.ticket)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, timeout=GUARD_SECONDS, check=True)
    told = json.loads(done.stdout)
    assert told[:-1] == [-signal.SIGKILL] * (len(told) - 1)
    seen = [_killed(begun, target / str(number), number) for number in range(1, len(told))]
    assert sorted(set(seen), reverse=True) == [
        20,
        12,
        4,
    ]  # killed in each turn; before the last, all of its messages


def _killed(begun: Begun, directory: Path, number: int) -> int:
    """How many messages one kill left; then the next start ends the purge, if it had begun."""
    with restarted(begun, directory) as (desk, parts):
        left = left_whole(begun, desk)
        assert exact(desk, parts), number
        was_asked = desk.ticket(begun.ticket).state == "purging"
        assert (left == MESSAGES) or was_asked
        assert count(desk, journal.c.sequence, journal.c.verb == "ticket.purge") == was_asked
        assert purging.go_on(purging_of(parts), now=2) == was_asked
        assert exact(desk, parts), number
        assert left_whole(begun, desk) == (0 if was_asked else MESSAGES)
        assert not was_asked or rows_naming(desk, "ticket_id", begun.ticket) == set()
        assert purging.go_on(purging_of(parts), now=3) == 0
    return left

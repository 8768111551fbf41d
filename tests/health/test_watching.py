"""What mailboxes' silence is told by: rows that follow what comes in, an alarm once an episode, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest
from structlog.testing import capture_logs

from mailhub.clock import DAY, HOUR, MINUTE
from mailhub.config import Config, Storage
from mailhub.config.live import Live
from mailhub.envelope import Envelope, Source
from mailhub.health.checks import database as database_check
from mailhub.health.watching import SETTLING_HOURS, Watching, in_words, with_limit
from mailhub.intake.arrivals import Arrivals
from mailhub.intake.reception import Reception
from storage.accounts import accounts
from storage.mail import mailboxes, watches
from storage.mail.watches import Watch
from storage.schema import message
from storage.writer import Transaction
from tests.houses.postroom import OURS, SALES, START, SUPPORT, PostRoom, mail

BOX = (OURS, SUPPORT)


class Watcher:
    """The job, and what it is told."""

    def __init__(self, room: PostRoom) -> None:
        self.room, self.arrivals = room, Arrivals()
        self.job = self.restarted(at=START - DAY)

    def restarted(self, *, at: int) -> Watching:
        return Watching(self.room.database, self.room.writer, self.arrivals.take, started_at=at)

    def steady(self, days: int = 20) -> int:
        """A mail every hour for so many days, looked at each day; when the last one came."""
        at = START
        for hour in range(days * 24):
            at = START + hour * HOUR
            self.arrivals.note(*BOX, at)
            if hour % 24 == 0:
                self.job.look(now=at)
        self.job.look(now=at)
        return at

    def row(self) -> Watch:
        with self.room.database.read() as connection:
            found = watches.find_watch(connection, *BOX)
        assert found is not None
        return found


@pytest.fixture
def watcher(room: PostRoom) -> Iterator[Watcher]:
    """A watcher of the room's mailboxes."""
    with capture_logs():
        yield Watcher(room)


def test_a_silence_is_told_once_and_ends_with_the_next_mail(watcher: Watcher) -> None:
    """The log has one line an episode, with the mailbox's id; the row has the words while it lasts."""
    last = watcher.steady()
    with capture_logs() as logs:
        told = [watcher.job.look(now=last + hour * HOUR) for hour in range(12)]
    assert sum(told) == 1
    (line,) = logs
    assert (line["mailbox"], line["log_level"]) == (SUPPORT, "warning")
    assert in_words(watcher.row(), now=last + 11 * HOUR) == (
        "no mail for 11 h; the longest gap in the 20 days before was 1 h"
    )
    watcher.arrivals.note(*BOX, last + 13 * HOUR)
    assert watcher.job.look(now=last + 13 * HOUR) == 0
    assert in_words(watcher.row(), now=last + 13 * HOUR) == ""


def test_nothing_is_told_while_a_process_is_young(watcher: Watcher) -> None:
    """What could not come while the daemon was down has an hour to come."""
    last = watcher.steady()
    started = last + 3 * DAY
    job = watcher.restarted(at=started)
    settled = started + SETTLING_HOURS * HOUR
    assert [job.look(now=at) for at in (started, settled - MINUTE, settled)] == [0, 0, 1]
    assert watcher.restarted(at=started).look(now=settled) == 0  # told by another process: rows, not memory


def test_a_limit_and_its_end(watcher: Watcher) -> None:
    """A limit is told by from the first mail on; 0 ends a silence and tells of none."""
    watcher.arrivals.note(*BOX, START)
    watcher.job.look(now=START)
    watcher.room.do(lambda tx: watches.put_watch(tx.connection, with_limit(watcher.row(), 5)))
    assert [watcher.job.look(now=START + hours * HOUR) for hours in (4, 5)] == [0, 1]
    watcher.room.do(lambda tx: watches.put_watch(tx.connection, with_limit(watcher.row(), 0)))
    assert watcher.job.look(now=START + 500 * HOUR) == 0
    assert in_words(watcher.row(), now=START + 500 * HOUR) == ""


def test_what_a_kill_lost_is_read_from_the_deliveries(watcher: Watcher) -> None:
    """A new process knows what came before it, without what was only in memory; imports are no mail that came."""
    watcher.room.deliver(mail(id="a@customer.example"))
    watcher.room.deliver(
        mail(id="b@customer.example"), source=Source.IMPORT, recipients=["sales@example.com"]
    )
    watcher.job.look(now=watcher.room.now)
    assert watcher.row().newest_at == watcher.room.now - 1_000_000
    with watcher.room.database.read() as connection:
        assert watches.find_watch(connection, OURS, SALES) is None


def test_the_silence_of_a_sealed_account_is_nobodys_alarm(watcher: Watcher) -> None:
    """An account that takes no mail is not told of; as soon as it takes mail again, it is."""
    last = watcher.steady()
    for stage, told in (("suspended", 0), ("active", 1)):
        watcher.room.do(partial(_set_stage, stage=stage))
        assert watcher.job.look(now=last + DAY) == told


def _set_stage(transaction: Transaction, *, stage: str) -> None:
    accounts.change_account(transaction.connection, OURS, stage=stage)


def test_a_mailbox_that_is_gone_is_not_watched(watcher: Watcher) -> None:
    """Its row goes with it, and mail that was on its way makes no new one."""
    watcher.arrivals.note(*BOX, START)
    watcher.job.look(now=START)
    watcher.room.do(lambda tx: mailboxes.delete_mailbox(tx.connection, *BOX))
    watcher.arrivals.note(*BOX, START + 1)
    watcher.job.look(now=START)
    with watcher.room.database.read() as connection:
        assert watches.list_watches(connection, OURS) == []


def test_the_doctor_names_it(watcher: Watcher) -> None:
    """`mailhub doctor` has a line on silent mailboxes, with what to do."""
    last = watcher.steady()
    url = watcher.room.database.url.render_as_string(hide_password=False)
    lines = []
    for _ in range(2):
        found = database_check.look(Config(storage=Storage(url=url))).findings
        lines.append(next(each for each in found if each.name == "silence"))
        watcher.job.look(now=last + DAY)
    assert [(each.level, bool(each.cure)) for each in lines] == [("OK", False), ("WARN", True)]
    assert "support@example.com: no mail for" in lines[1].text


def test_a_reception_notes_what_came_and_not_what_was_brought(room: PostRoom) -> None:
    """A delivery with a fate is noted for its mailbox at its time; a quiet one, and one for nobody, are not."""

    async def deliver() -> Arrivals:
        reception = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
        reception.start()
        for recipient, quiet in (
            ("support@example.com", False),
            ("sales@example.com", True),
            ("no@where.example", False),
        ):
            envelope = Envelope(
                source=Source.LMTP, mail_from=None, recipients=(recipient,), received_at=room.now, quiet=quiet
            )
            await reception.deliver(envelope, mail(id=f"{recipient}"))
        await asyncio.to_thread(reception.close)
        return reception.arrivals

    arrivals = asyncio.run(deliver())
    assert arrivals.take() == {BOX: [room.now]}
    assert arrivals.take() == {}
    room.delivered = len(room.intake())
    for row in room.rows(message):
        room.sent[row.id] = room.raw(row.id) or b""

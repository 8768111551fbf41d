"""Mail that a server lists and does not give, or that cannot be filed: owed, never lost or doubled, in nobody's way.

On both engines: the real reading of a folder, filing and rows, against a scripted server that knows what it withholds.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from mailhub import clock
from mailhub.config.live import Live
from mailhub.intake.imap.answers import OpenedFolder
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.dialling import Way
from mailhub.intake.imap.faults import ImapFault, ImapRefused
from mailhub.intake.imap.folder import PIECE_BYTES, TRIES, FolderReader, HeldUp, Rooms, Struggle
from mailhub.intake.reception import Reception
from storage.errors import Full
from storage.schema import imap_todo, intake, message
from storage.sources import imap_sources, imap_todos
from storage.sources.imap_sources import Fetching, ImapFolder, ImapSource
from tests.houses.imap_rows import source_row
from tests.houses.postroom import OURS, SUPPORT, PostRoom, mail
from tests.intake.imap.hostile import Line, scripted

DATE = b'"24-Nov-2026 10:00:00 +0000"'
SOURCE, FOLDER = 901, 902


@dataclass(kw_only=True)
class Provider:
    """A server with one folder: its mails by UID, and what it does instead of giving some of them."""

    mails: dict[int, bytes] = field(default_factory=dict)
    withholds: set[int] = field(default_factory=set)  # lists them, says OK, and gives nothing
    refuses: set[int] = field(default_factory=set)  # NO
    hangs_up: set[int] = field(default_factory=set)  # at their bodies
    chokes: set[int] = field(default_factory=set)  # hangs up when asked for their size
    most: int = 2**31  # a piece is never larger, whatever is asked for
    searches: int = 0

    def talk(self, line: Line) -> None:
        """One connection."""
        line.send(b"* OK ready\r\n")
        with suppress(ConnectionError):
            while True:
                tag, rest = line.command()
                line.send(
                    self._answer(rest)
                    + tag
                    + (b" NO not now\r\n" if self._refused(rest) else b" OK done\r\n")
                )

    def _answer(self, rest: bytes) -> bytes:
        if rest.startswith(b"CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1\r\n"
        if b"SEARCH" in rest:
            self.searches += 1
            return b"* SEARCH %s\r\n" % b" ".join(
                b"%d" % uid for uid in self._named(rest.rpartition(b" ")[2])
            )
        if b"FETCH" not in rest:
            return b""
        named = self._named(rest.split(b" ")[2])
        if b"SIZE" in rest:
            return b"".join(self._size(uid) for uid in named)
        return b"".join(self._body(uid, rest) for uid in named)

    def _size(self, uid: int) -> bytes:
        if uid in self.chokes:
            raise ConnectionError
        return b"* 1 FETCH (UID %d RFC822.SIZE %d INTERNALDATE %s)\r\n" % (uid, len(self.mails[uid]), DATE)

    def _body(self, uid: int, rest: bytes) -> bytes:
        if uid in self.hangs_up:
            raise ConnectionError
        if uid in self.withholds | self.refuses:
            return b""
        part, name = self.mails[uid], b"BODY[]"
        if piece := re.search(rb"<(\d+)\.(\d+)>", rest):
            start, size = int(piece[1]), int(piece[2])
            part, name = part[start : start + min(size, self.most)], b"BODY[]<%d>" % start
        return b"* 1 FETCH (UID %d %s {%d}\r\n%s)\r\n" % (uid, name, len(part), part)

    def _refused(self, rest: bytes) -> bool:
        return b"BODY.PEEK" in rest and any(uid in self.refuses for uid in self._named(rest.split(b" ")[2]))

    def _named(self, uids: bytes) -> list[int]:
        found = []
        for span in uids.split(b","):
            low, _, high = span.partition(b":")
            end = 2**32 if high == b"*" else int(high or low)
            found += [uid for uid in self.mails if int(low) <= uid <= end]
        return sorted(found)


@dataclass(kw_only=True)
class Reader:
    """A mailbox that is fetched from a provider, look by look."""

    room: PostRoom
    rooms: Rooms
    port: int
    source: ImapSource
    struggle: Struggle = field(default_factory=Struggle)

    def look(self) -> ImapFolder:
        """Connect and read the folder once; the folder afterwards. Faults are raised."""
        conversation = self.connect()
        fetching = Fetching(source=self.source, address="support@example.com", stage="active")
        try:
            opened = OpenedFolder(uidvalidity=1, uidnext=None, messages=None)
            FolderReader(self.rooms, fetching, conversation, self.folder(), self.struggle).read(opened)
        finally:
            conversation.close()
        return self.folder()

    def connect(self) -> Conversation:
        """A connection with the folder open."""
        conversation = Conversation.connect(
            Way(host="127.0.0.1", port=self.port, tls="none", local=True, seconds=10)
        )
        conversation.log_in("any", "body")
        conversation.open("INBOX", read_only=True)
        return conversation

    def look_until(self, uid: int) -> ImapFolder:
        """Look again and again, as a mailbox's thread does, until the cursor is there."""
        for _ in range(4 * TRIES):
            with suppress(ImapFault, HeldUp):
                self.look()
            if self.folder().last_uid >= uid:
                break
        return self.folder()

    def folder(self) -> ImapFolder:
        """The row."""
        with self.room.database.read() as connection:
            found = imap_sources.find_folder(connection, OURS, FOLDER)
        assert found is not None
        return found

    def owed(self) -> dict[int, int]:
        """UIDs that are owed, and how often they were tried."""
        with self.room.database.read() as connection:
            rows = connection.execute(
                select(imap_todo.c.uid, imap_todo.c.tries).where(imap_todo.c.act == "fetch")
            )
            return {row.uid: row.tries for row in rows}

    def let_time_pass(self) -> None:
        """What is owed is due."""
        self.room.writer.run(lambda tx: tx.connection.execute(update(imap_todo).values(next_at=0)))


@pytest.fixture
def provider() -> Provider:
    """Five mails, all given."""
    return Provider(mails={uid: mail(f"Mail {uid}.", id=f"{uid}@customer.example") for uid in range(1, 6)})


@pytest.fixture
def reception(room: PostRoom) -> Iterator[Reception]:
    """A running reception in front of ``room``."""
    started = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    started.start()
    with capture_logs():
        yield started
        started.close()


@pytest.fixture
def reader(room: PostRoom, reception: Reception, provider: Provider, tmp_path: Path) -> Iterator[Reader]:
    """One that fetches from ``provider``."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    rooms = Rooms(
        database=room.database,
        writer=room.writer,
        reception=reception,
        loop=loop,
        large=threading.BoundedSemaphore(1),
        directory=tmp_path,
        message_bytes=Live(2**22),
        batch_bytes=2**20,
        command_seconds=10,
    )
    source = source_row(account=OURS, source=SOURCE, mailbox=SUPPORT)
    folder = ImapFolder(account_id=OURS, id=FOLDER, source_id=SOURCE, name="INBOX", uidvalidity=1)
    room.writer.run(lambda tx: imap_sources.add_source(tx.connection, source, [folder]))
    with scripted(provider.talk) as port:
        yield Reader(room=room, rooms=rooms, port=port, source=source)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    for row in room.rows(message):
        raw = room.raw(row.id)
        assert raw is not None
        assert raw in provider.mails.values()
        room.sent[row.id] = raw
    room.delivered = len(room.rows(intake))


@pytest.mark.parametrize("how", ["withholds", "refuses", "hangs_up", "chokes"])
def test_a_mail_that_is_not_given_is_owed_and_comes_later(
    reader: Reader, provider: Provider, how: str
) -> None:
    """Whatever a server does instead of giving a mail: the others are filed, and that one once it gives it."""
    getattr(provider, how).add(3)
    folder = reader.look_until(5)
    assert (folder.last_uid, folder.filed, folder.duplicate) == (5, 4, 0)
    assert list(reader.owed()) == [3]
    getattr(provider, how).clear()
    assert reader.look().filed == 4  # not due
    reader.let_time_pass()
    folder = reader.look()
    assert (folder.seen, folder.filed, folder.duplicate, reader.owed()) == (5, 5, 0, {})


def test_an_owed_mail_holds_up_no_other(reader: Reader, provider: Provider) -> None:
    """A try that is refused again is counted and put off, and new mail is filed in the same look."""
    provider.refuses.add(3)
    reader.look_until(5)
    provider.mails[6] = mail("Mail 6.", id="6@customer.example")
    reader.let_time_pass()
    assert reader.look().filed == 5
    assert reader.owed() == {3: 1}
    with reader.room.database.read() as connection:
        due = imap_todos.next_due(connection, OURS, SOURCE)
    assert due is not None
    assert due > clock.now()


def test_a_try_that_ends_the_connection_is_counted_before(reader: Reader, provider: Provider) -> None:
    """An owed mail at which the server hangs up costs one connection each time it is due, and not every one."""
    provider.hangs_up.add(3)
    reader.look_until(5)
    reader.let_time_pass()
    with pytest.raises(ImapFault):
        reader.look()
    assert reader.owed() == {3: 1}
    reader.look()


def test_an_owed_mail_that_others_removed_is_forgotten(reader: Reader, provider: Provider) -> None:
    """It is not tried for ever."""
    provider.withholds.add(3)
    reader.look_until(5)
    del provider.mails[3]
    reader.let_time_pass()
    assert (reader.look().filed, reader.owed()) == (4, {})


def test_an_owed_mail_that_we_could_not_file_is_filed_once(
    reader: Reader, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours at one mail: it is passed after some tries, and filed when the fault is mended."""
    monkeypatch.setattr(Reception, "run", _failing(Reception.run, b"Mail 3."))
    assert reader.look_until(5).seen == 4
    stored = len(reader.room.rows(message))
    assert list(reader.owed()) == [3]
    reader.let_time_pass()
    reader.look()
    assert list(reader.owed()) == [3]  # tried, and still owed
    monkeypatch.undo()
    reader.let_time_pass()
    assert (reader.look().seen, reader.owed()) == (5, {})
    assert (stored, len(reader.room.rows(message))) == (4, 5)


def _failing(run: Callable[..., object], poison: bytes) -> Callable[..., object]:
    def instead(self: Reception, transaction: object, items: list[object]) -> object:
        if any(poison in item.raw for item in items):  # type: ignore[attr-defined]
            raise ValueError("a fault of ours")
        return run(self, transaction, items)

    return instead


def test_no_room_passes_no_mail(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk is full nothing is owed and the cursor stands: then all is filed, in order."""
    monkeypatch.setattr(reader.rooms.reception, "_has_room", lambda: False)
    for _ in range(3 * TRIES):
        with pytest.raises(HeldUp):
            reader.look()
    assert (reader.folder().last_uid, reader.owed()) == (0, {})
    monkeypatch.undo()
    assert reader.look().filed == 5


@pytest.mark.parametrize("when", ["owing", "owed_step"])
def test_a_commit_that_fails_leaves_the_truth(
    reader: Reader, provider: Provider, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The step of the cursor and the row that it is owed are one transaction; so are its filing and that row's end."""
    provider.withholds.add(3)
    name = "add_todo" if when == "owing" else "delete_todos"
    if when == "owed_step":
        reader.look_until(5)
        provider.withholds.clear()
        reader.let_time_pass()
    original = getattr(imap_todos, name)

    def broken(*arguments: object, **named: object) -> None:
        original(*arguments, **named)
        raise Full("no room")

    monkeypatch.setattr(imap_todos, name, broken)
    before = reader.folder()
    with suppress(HeldUp):
        reader.look()
    if when == "owing":
        assert (reader.folder().last_uid, reader.owed()) == (2, {})
    else:
        assert (reader.folder().filed, list(reader.owed())) == (before.filed, [3])
    monkeypatch.undo()
    provider.withholds.clear()
    reader.look_until(5)
    reader.let_time_pass()
    folder = reader.look()
    assert (folder.seen, folder.filed + folder.duplicate, reader.owed()) == (5, 5, {})
    assert len(reader.room.rows(message)) == 5


def test_another_uidvalidity_forgets_what_was_owed_and_reads_it_again(
    reader: Reader, provider: Provider
) -> None:
    """The UIDs that were owed are other mails now; each mail still comes once."""
    provider.withholds.add(3)
    before = reader.look_until(5)
    reader.room.writer.run(
        lambda tx: imap_sources.begin_epoch(tx.connection, before, uidvalidity=2, quiet_uid=0)
    )
    provider.withholds.clear()
    assert reader.owed() == {}
    folder = reader.look()
    assert (folder.uidvalidity, folder.filed, folder.duplicate) == (2, 5, 4)


def test_since_holds_for_owed_mail(reader: Reader, provider: Provider) -> None:
    """A mail older than --since whose date was not known when it was passed is left there once it is."""
    reader.source = replace(reader.source, since=2**62)
    folder = replace(reader.folder(), quiet_uid=5)
    owe = reader.room.writer.run
    owe(lambda tx: imap_sources.begin_epoch(tx.connection, folder, uidvalidity=1, quiet_uid=5))
    owe(lambda tx: imap_todos.add_todo(tx.connection, folder, 3, "fetch", next_at=0))
    assert (reader.look().seen, reader.owed()) == (0, {})


def test_a_piece_that_is_short_is_not_the_end(reader: Reader, provider: Provider) -> None:
    """A server that gives less than asked for, and one more: the mail is whole, not cut where the first piece ended."""
    provider.most = PIECE_BYTES // 3
    whole = mail("x" * 70 + "\r\n" + "y" * (3 * PIECE_BYTES), id="large@customer.example")
    provider.mails = {1: whole}
    assert reader.look().filed == 1
    assert [reader.room.raw(row.id) for row in reader.room.rows(message)] == [whole]


def test_sparse_uids_are_found_in_few_questions(reader: Reader, provider: Provider) -> None:
    """Four thousand million UIDs with two mails among them take tens of questions, not thousands."""
    provider.mails = {7: provider.mails[1], 4_000_000_000: provider.mails[2]}
    conversation = reader.connect()
    fetching = Fetching(source=reader.source, address="support@example.com", stage="active")
    opened = OpenedFolder(uidvalidity=1, uidnext=4_000_000_001, messages=2)
    FolderReader(reader.rooms, fetching, conversation, reader.folder(), reader.struggle).read(opened)
    conversation.close()
    assert (reader.folder().last_uid, reader.folder().filed) == (4_000_000_000, 2)
    assert provider.searches < 40


def test_a_refused_command_leaves_the_folder_to_be_read_again(reader: Reader, provider: Provider) -> None:
    """NO at one mail is told, and what comes before it is filed."""
    provider.refuses.add(3)
    with pytest.raises(ImapRefused):
        reader.look()
    assert reader.struggle.failures == 1

"""Mail moved by a person, by a provider or by us, against a real Dovecot: what is a mark, what a suggestion, what none.

On both engines: the real reading of folders, the real watch, and rows; a second client moves and flags.
"""

from __future__ import annotations

import asyncio
import imaplib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailhub import clock
from mailhub.config.live import Live
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.dialling import Way
from mailhub.intake.imap.folder import FolderReader, Rooms, Struggle
from mailhub.intake.imap.settling import settle
from mailhub.intake.imap.watch import NEAR, MoveWatch
from mailhub.intake.reception import Reception
from storage.schema import imap_copy, imap_folder, intake, mark_request, message
from storage.sources import imap_sources
from storage.sources.imap_sources import MAIL, WATCHED, Fetching, ImapFolder, ImapSource
from tests.houses.dovecot import PASSWORD, Dovecot
from tests.houses.imap_rows import source_row
from tests.houses.postroom import OURS, SUPPORT, PostRoom, mail

SOURCE = 901


@dataclass(kw_only=True)
class Mailbox:
    """A mailbox at a provider, fetched and watched look by look, and its owner's client."""

    room: PostRoom
    rooms: Rooms
    server: Dovecot
    user: str
    source: ImapSource
    struggle: Struggle = field(default_factory=Struggle)
    count: int = 0
    _conversation: Conversation | None = None
    _watch: MoveWatch | None = None

    # --- our side -----------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """A new connection, as after a fault or a restart."""
        if self._conversation is not None:
            self._conversation.close()
        way = Way(host="127.0.0.1", port=self.server.port, tls="none", local=True, seconds=10)
        self._conversation = Conversation.connect(way)
        self._conversation.log_in(self.user, PASSWORD)
        self._watch = MoveWatch(self.rooms, self._conversation, self.source)
        assert self._watch.find_junk() == ""

    def look(self, *names: str) -> None:
        """Into these folders, or all of them: what mail came is filed, what moved is told."""
        for folder in self.folders():
            if not names or folder.name in names:
                self._look_into(folder)

    def _look_into(self, folder: ImapFolder) -> None:
        assert self._conversation is not None
        assert self._watch is not None
        opened = self._conversation.open(folder.name, read_only=self.source.after_filing == "nothing")
        epoch, quiet = opened.uidvalidity or 0, (opened.uidnext or 1) - 1
        if folder.uidvalidity != epoch:
            self.room.do(
                lambda tx: tx.connection.execute(imap_copy.delete().where(imap_copy.c.folder_id == folder.id))
            )
            folder = self.room.do(
                lambda tx: imap_sources.begin_epoch(tx.connection, folder, uidvalidity=epoch, quiet_uid=quiet)
            )
        if folder.role != WATCHED:
            fetching = Fetching(source=self.source, address="support@example.com", stage="active")
            FolderReader(self.rooms, fetching, self._conversation, folder, self.struggle).read(opened)
            settle(self._conversation, self.source, folder, self.room.database, self.room.writer)
        self._watch.look(folder)
        now = clock.now()
        self.room.do(lambda tx: imap_sources.set_folder_state(tx.connection, folder, state="current", at=now))

    def folders(self) -> list[ImapFolder]:
        """The rows."""
        with self.room.database.read() as connection:
            return [*imap_sources.list_folders(connection, OURS, SOURCE)]

    def use(self, **changed: object) -> None:
        """Other settings from now on."""
        self.source = replace(self.source, **changed)  # type: ignore[arg-type]
        self.connect()

    def asked(self) -> list[tuple[str, str, str]]:
        """(Message-ID, label, doubt) of the marks that are asked for; "" is no doubt."""
        ids = {row.id: row.message_id.partition("@")[0] for row in self.room.rows(message)}
        return sorted((ids[row.message_id], row.label, row.reason) for row in self.room.rows(mark_request))

    # --- the other side -----------------------------------------------------------------------------------------------

    def deliver(self, *names: str, folder: str = "INBOX", flags: str = "") -> None:
        """Mails as the provider delivers them."""
        with self.server.client(self.user) as client:
            for name in names:
                assert client.append(folder, flags, "", mail(id=f"{name}@customer.example"))[0] == "OK"

    def client(self, folder: str) -> imaplib.IMAP4:
        """The owner's client, with a folder open."""
        client = self.server.client(self.user)
        assert client.select(folder)[0] == "OK"
        return client

    def flag(self, name: str, flag: str, *, folder: str = "INBOX", remove: bool = False) -> None:
        """Set or take a flag or keyword of a mail."""
        with self.client(folder) as client:
            number = self._number(client, name)
            assert client.store(number, "-FLAGS" if remove else "+FLAGS", f"({flag})")[0] == "OK"

    def read(self, *names: str, folder: str = "INBOX") -> None:
        """A person reads mails, and we look."""
        for name in names:
            self.flag(name, "\\Seen", folder=folder)
        self.look()

    def move(self, *names: str, origin: str = "INBOX", target: str = "Junk") -> None:
        """Move mails, whoever does it."""
        with self.client(origin) as client:
            for name in names:
                uid = client.uid("SEARCH", "HEADER", "Message-ID", f"<{name}@customer.example>")[1][
                    0
                ].split()[-1]
                assert client.uid("MOVE", uid.decode(), target)[0] == "OK"

    @staticmethod
    def _number(client: imaplib.IMAP4, name: str) -> str:
        found = client.search(None, "HEADER", "Message-ID", f"<{name}@customer.example>")[1][0]
        return str(found.split()[-1].decode())


@pytest.fixture
def box(room: PostRoom, server: Dovecot, user: str, tmp_path: Path) -> Iterator[Mailbox]:
    """One whose owner switched feedback on, with INBOX filed and Junk watched."""
    reception = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    reception.start()
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
    source = source_row(
        account=OURS, source=SOURCE, mailbox=SUPPORT, port=server.port, login=user, feedback_from_moves=1
    )
    folder = ImapFolder(account_id=OURS, id=902, source_id=SOURCE, name="INBOX")
    room.do(lambda tx: imap_sources.add_source(tx.connection, source, [folder]))
    made = Mailbox(room=room, rooms=rooms, server=server, user=user, source=source)
    with capture_logs():
        made.connect()
        made.look()
        yield made
        made._conversation.close()  # type: ignore[union-attr]
        reception.close()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    for row in room.rows(message):
        room.sent.setdefault(row.id, room.raw(row.id) or b"")
    room.delivered = len(room.rows(intake))


def test_what_was_read_and_moved_to_junk_is_a_mark(box: Mailbox) -> None:
    """A person had it open before it turned up in Junk; seeing it again, or connecting anew, says nothing more."""
    box.deliver("one", "two")
    box.look()
    box.read("one")
    box.move("one")
    box.look()
    assert box.asked() == [("one", "spam", "")]
    box.connect()
    box.look()
    assert box.asked() == [("one", "spam", "")]
    assert [folder.role for folder in box.folders()] == [MAIL, WATCHED]


def test_unread_mail_that_is_moved_is_a_suggestion(box: Mailbox) -> None:
    """The provider's own filter may have moved it, however late."""
    box.deliver("one")
    box.look()
    box.move("one")
    box.look()
    assert box.asked() == [("one", "spam", "unread")]


def test_mail_delivered_into_junk_is_nothing(box: Mailbox) -> None:
    """Not filed, no mark, no suggestion; not even where it is a copy of what we have and that stays where it is."""
    box.deliver("one")
    box.look()
    box.deliver("other", "one", folder="Junk", flags="(\\Seen)")
    box.look()
    box.look()
    assert box.asked() == []
    assert box.room.count(message) == 1


def test_what_was_read_in_junk_and_taken_out_is_ham(box: Mailbox) -> None:
    """It is filed when it comes to INBOX, and recognised by what was read of it in Junk."""
    box.deliver("one", "two", folder="Junk")
    box.look()
    box.read("one", folder="Junk")
    box.move("one", "two", origin="Junk", target="INBOX")
    box.look()
    box.look()
    assert box.asked() == [("one", "ham", ""), ("two", "ham", "alike")]


def test_mail_that_a_filter_delivered_read_into_junk_is_only_a_suggestion(box: Mailbox) -> None:
    """What was marked as read when it came there was not read by a person."""
    box.deliver("one", folder="Junk", flags="(\\Seen)")
    box.look()
    box.move("one", origin="Junk", target="INBOX")
    box.look()
    assert box.asked() == [("one", "ham", "alike")]


def test_back_and_forth_is_one_request_by_the_last_word(box: Mailbox) -> None:
    """Each move replaces what the one before asked for."""
    box.deliver("one")
    box.look()
    box.read("one")
    for _ in range(2):
        box.move("one")
        box.look()
        assert [each[:2] for each in box.asked()] == [("one", "spam")]
        box.move("one", origin="Junk", target="INBOX")
        box.look()
        assert [each[:2] for each in box.asked()] == [("one", "ham")]


def test_what_lay_in_both_and_is_removed_from_one_is_only_a_suggestion(box: Mailbox) -> None:
    """Who sends spam twice makes no ham of it when the copy in Junk is read and deleted; nor the reverse."""
    box.deliver("one", folder="Junk")
    box.look()
    box.read("one", folder="Junk")
    box.deliver("one")
    box.look()
    box.look()
    with box.client("Junk") as client:
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
    box.look()
    assert box.asked() == [("one", "ham", "doubled")]


def test_moves_elsewhere_are_nothing(box: Mailbox) -> None:
    """To another folder, copied to Junk and kept, or deleted."""
    box.deliver("filed", "copied", "deleted")
    box.look()
    box.read("filed", "copied", "deleted")
    box.move("filed", target="Filed")
    with box.client("INBOX") as client:
        client.copy(box._number(client, "copied"), "Junk")
        client.store(box._number(client, "deleted"), "+FLAGS", "\\Deleted")
        client.expunge()
    box.look()
    box.look()
    assert box.asked() == []


def test_our_own_move_to_junk_is_nothing(box: Mailbox) -> None:
    """What happens there after filing is no word of a person."""
    box.use(after_filing="move", after_argument="Junk")
    box.deliver("one", flags="(\\Flagged)")
    box.look("INBOX")
    box.look()
    assert box.asked() == []


def test_a_flag_of_ours_is_no_sign_that_somebody_read_it(box: Mailbox) -> None:
    """With --after-filing seen only an answer or a star is."""
    box.use(after_filing="seen")
    box.deliver("one", "two")
    box.look()
    box.flag("two", "\\Flagged")
    box.look()
    box.move("one", "two")
    box.look()
    assert box.asked() == [("one", "spam", "unread"), ("two", "spam", "")]


@pytest.mark.parametrize(
    ("keyword", "label"), [("$Junk", "spam"), ("Junk", "spam"), ("NonJunk", "ham"), ("$NotJunk", "ham")]
)
def test_a_keyword_that_is_set_later_is_a_word(box: Mailbox, keyword: str, label: str) -> None:
    """On mail that was read a mark, else a suggestion; one that was there when it came, nothing."""
    box.deliver("read", "unread")
    box.deliver("delivered", flags=f"({keyword})")
    box.look()
    box.read("read", "delivered")
    box.flag("read", keyword)
    box.flag("unread", keyword)
    box.look()
    box.look()
    assert box.asked() == [("read", label, ""), ("unread", label, "unread")]


def test_folders_that_begin_again_say_nothing(box: Mailbox) -> None:
    """Another UIDVALIDITY of INBOX or Junk: everything reappears, and nothing was moved."""
    box.deliver("one", "two")
    box.look()
    box.read("one", "two")
    box.deliver("three", folder="Junk")
    box.look()
    for name in ("Junk", "INBOX"):
        for each in box.server.maildir(box.user, name).glob("dovecot*"):
            each.unlink()
        box.connect()
        box.look()
        box.look()
    assert {folder.name for folder in box.folders()} == {"INBOX", "Junk"}
    assert box.asked() == []


def test_a_forged_message_id_is_no_move(box: Mailbox) -> None:
    """Sent into Junk under the id of a mail that its owner deletes: the body tells that it is another."""
    box.deliver("one")
    box.look()
    box.read("one")
    with box.client("INBOX") as client:
        client.store(box._number(client, "one"), "+FLAGS", "\\Deleted")
        client.expunge()
        client.append("Junk", "", "", mail("The printer is on fixe.", id="one@customer.example"))
    box.look()
    box.look()
    assert box.asked() == []


def test_a_copy_that_appears_long_after_is_no_move(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missed longer than an hour is forgotten."""
    box.deliver("one")
    box.look()
    box.read("one")
    box.move("one", target="Filed")
    box.look()
    later = clock.now() + NEAR + clock.MINUTE
    monkeypatch.setattr(clock, "now", lambda: later)
    box.move("one", origin="Filed")
    box.look()
    assert box.asked() == []
    later += NEAR
    box.look()
    assert [row.folder_id for row in box.room.rows(imap_copy) if row.gone_at is not None] == []


def test_filed_junk_is_watched_as_well(box: Mailbox) -> None:
    """Where Junk is one of the folders that mail is filed from, moves between the two are told all the same."""
    box.room.do(lambda tx: tx.connection.execute(imap_folder.delete().where(imap_folder.c.name == "Junk")))
    row = {
        name: getattr(ImapFolder(account_id=OURS, id=904, source_id=SOURCE, name="Junk"), name)
        for name in ImapFolder.__slots__
    }
    box.room.do(lambda tx: tx.connection.execute(imap_folder.insert().values(row)))
    box.connect()
    assert [folder.role for folder in box.folders()] == ["mail", "junk"]
    box.deliver("one")
    box.deliver("two", folder="Junk")
    box.look()
    box.read("one")
    box.read("two", folder="Junk")
    box.move("one")
    box.move("two", origin="Junk", target="INBOX")
    box.look()
    assert box.asked() == [("one", "spam", ""), ("two", "ham", "")]
    assert box.room.count(message) == 2

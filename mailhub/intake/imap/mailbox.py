"""One mailbox at a provider: one thread, one connection, all its folders in turn. Never disturbs another mailbox.

    connect -> log in -> read every folder -> wait (IDLE in the first folder, or the time to poll) -> read ... -> gone?
       ^                                                                                                        |
       +---------------------- throw the connection away, wait longer each time, with jitter ------------------+

One connection, and IDLE in one folder with the others looked at by STATUS: providers count connections per
mailbox (15 at Gmail, 10 at Dovecot), and one conversation has one state. A connection in doubt is thrown
away, never talked round.

Durable: state and fault of the source, and of each folder, in words for `mailhub mailbox list`.
"""

from __future__ import annotations

import contextlib
import math
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from mailhub import clock
from mailhub.config import Imap
from mailhub.intake.imap import cursor, erasing
from mailhub.intake.imap.answers import OpenedFolder
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.dialling import Way
from mailhub.intake.imap.faults import CannotLogIn, ImapFault, ImapRefused
from mailhub.intake.imap.folder import TRIES, FolderReader, HeldUp, Rooms, Struggle
from mailhub.intake.imap.login import Logins
from mailhub.intake.imap.settling import settle
from mailhub.intake.imap.watch import MoveWatch
from mailhub.system.outgoing import parse_local_servers
from storage.errors import StorageError
from storage.sources import imap_sources, imap_todos
from storage.sources.imap_sources import WATCHED, Fetching, ImapFolder, ImapSource

THOROUGH_SECONDS = 600.0  # folders are opened at least so often, whatever STATUS says of them
WATCH_RESTS_SECONDS = (
    900.0  # longer than a lost connection waits: the next one reads all mail before it breaks again
)
LOGIN_FAILURES = 5  # a refused login counts so much more than a lost connection: many tries lock accounts
UNTOLD = 3  # one may be mail that came just when we stopped waiting
MOST_DOUBLINGS = 20
DUE_SECONDS = 1.0  # what is overdue, since a folder cannot be opened, makes no busy loop

log = structlog.get_logger("mailhub.intake.imap.door")


def way_of(source: ImapSource, settings: Imap) -> Way:
    """How to reach the server of a source."""
    return Way(
        host=source.host,
        port=source.port,
        tls=source.tls,
        ca_file=settings.ca_file,
        local=bool(source.local)
        and parse_local_servers(settings.local_servers).names(source.host, source.port),
        seconds=settings.command_seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all mailboxes share."""

    rooms: Rooms
    logins: Logins
    settings: Imap


class MailboxThread:
    """The thread of one source. ``start`` once; ``stop`` from anywhere, then ``join``."""

    def __init__(self, shared: Shared, fetching: Fetching, *, ended: Callable[[], None]) -> None:
        """``ended`` is called when the thread is at its end."""
        self.fetching = fetching
        self._shared = shared
        self._ended = ended
        self._thread = threading.Thread(
            target=self._run, name=f"mailhub-imap-{fetching.source.id}", daemon=True
        )
        self._wake, self._waker = socket.socketpair()
        self._stopping = threading.Event()
        self._waiting = threading.Event()  # for mail, not for a time to try again
        self._over = threading.Event()  # nothing of it touches rows or a server any more
        self._conversation: Conversation | None = None
        self._struggles: dict[int, Struggle] = {}
        self._state = ("", "")
        self._watch: MoveWatch | None = None
        self._watch_at = 0.0  # not begun before
        self._unwatched = ""
        self._shown: dict[int, OpenedFolder] = {}  # by folder: what STATUS said when it was last looked into
        self._can_idle = bool(fetching.source.idle)
        self._untold = 0  # waits in a row that mail came in and nothing was said
        self._thorough_at = 0.0
        self._looked_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def discard(self) -> None:
        """It could not be started, and will not be."""
        self._wake.close()
        self._waker.close()

    def stop(self) -> None:
        """Ask it to end: what is being filed is finished, the connection is cut."""
        self._stopping.set()
        with contextlib.suppress(OSError):  # it heard of it already, and is over
            self._waker.send(b"!")
        conversation = self._conversation
        if conversation is not None:
            conversation.cut()

    @property
    def runs(self) -> bool:
        """Whether it may still do something."""
        return not self._over.is_set()

    def nudge(self) -> None:
        """Something is owed there that its rows told of meanwhile: it waits no longer for the server to speak.

        Not when it waits because of a fault: nobody calls there sooner for that.
        """
        if self._waiting.is_set():
            self._waiting.clear()
            with contextlib.suppress(OSError):  # it is over this moment
                self._waker.send(b"!")

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            landed = self._landed()
            fault = self._connected()
            if self._stopping.is_set():
                break
            failures = 0 if self._landed() > landed or fault is None else failures + 1
            if isinstance(fault, CannotLogIn):
                failures += LOGIN_FAILURES
            self._sleep(self._delay(failures))

        self._over.set()
        self._wake.close()
        self._waker.close()
        self._ended()

    def _connected(self) -> Exception | None:
        """One connection, from its beginning to its end; the fault it ended with."""
        try:
            self._note("connecting")
            conversation = Conversation.connect(way_of(self.fetching.source, self._shared.settings))
            self._conversation = conversation
            try:
                self._shared.logins.log_in(conversation, self.fetching.source, self._shared.settings)
                self._note("fetching")
                self._serve(conversation)
            finally:
                self._conversation = None
                conversation.close()
        except HeldUp as held_up:
            self._note("failing", f"mailhub itself could not file a mail ({held_up}): tried again soon")
            return held_up
        except ImapFault as fault:
            self._note("failing", str(fault))
            return fault
        except StorageError as error:
            self._note("failing", "the database of mailhub does not answer: tried again soon")
            return error
        except Exception as error:  # boundary: one mailbox, whatever its server does
            id_ = secrets.token_hex(8)
            log.exception(
                "a mailbox failed", id=id_, source=self.fetching.source.id, error=type(error).__name__
            )
            self._note("failing", f"a fault of mailhub: see its log, id {id_}")
            return error

        return None

    def _serve(self, conversation: Conversation) -> None:
        """Read and wait until something ends it."""
        # nobody listened yet
        heard = None

        self._watch = None
        while not self._stopping.is_set():
            if (
                self._watch is None
                and self.fetching.source.feedback_from_moves
                and time.monotonic() >= self._watch_at
            ):
                self._begin_watch(conversation)
            only_first = (
                bool(heard) and self._seconds_to_look() > 0
            )  # one that is never still starves no other
            if not only_first:
                self._looked_at = time.monotonic()
            found = self._read_all(conversation, only_first=only_first)
            if heard is not None:
                self._listen(heard=heard, found=found)
            if not heard:
                self._note("waiting", self._unwatched)
            heard = self._wait(conversation)

    def _begin_watch(self, conversation: Conversation) -> None:
        """The watch over moves; or none for a while, and why in words."""
        watch = MoveWatch(self._shared.rooms, conversation, self.fetching.source)
        with self._watching():
            self._unwatched = watch.find_junk()
        if self._unwatched:
            self._watch_at = time.monotonic() + WATCH_RESTS_SECONDS
        else:
            self._watch = watch

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        """Mail goes first: when the watch ends the connection, the next ones do without it for a while."""
        try:
            yield
        except ImapRefused:
            raise
        except Exception:
            self._watch_at = time.monotonic() + WATCH_RESTS_SECONDS
            self._unwatched = (
                "not watched for moves for a while: the connection broke when we looked for some"
            )
            raise

    def _wait(self, conversation: Conversation) -> bool:
        """Until mail came to the first folder (True), or it is time to look at all of them."""
        self._waiting.set()
        try:
            return self._idle_or_sleep(conversation)
        finally:
            self._waiting.clear()

    def _idle_or_sleep(self, conversation: Conversation) -> bool:
        due = self._seconds_to_due()
        if self._can_idle and conversation.can("IDLE"):
            seconds = min(due, self._shared.settings.idle_seconds)
            try:
                heard = conversation.idle(min(seconds, self._seconds_to_look()), self._wake)
            except ImapRefused:  # it says that it can, and cannot
                self._can_idle = False
            else:
                self._sleep(0)  # takes a nudge, if that ended it
                return heard

        self._sleep(min(due, self.fetching.source.poll_seconds))
        return False

    def _listen(self, *, heard: bool, found: bool) -> None:
        """IDLE is given up where mail is found in the first folder, time and again, that the server did not tell of."""
        self._untold = 0 if heard else self._untold + found
        self._can_idle = self._can_idle and self._untold < UNTOLD

    def _seconds_to_look(self) -> float:
        """Until the folders besides the first, if there are any, are to be looked at."""
        if len(self._folders()) < 2:
            return math.inf
        return max(0.0, self._looked_at + self.fetching.source.poll_seconds - time.monotonic())

    def _seconds_to_due(self) -> float:
        """Until something is to be tried again: what is owed, or a folder that a refused command left half read."""
        source = self.fetching.source
        with self._shared.rooms.database.read() as connection:
            due = imap_todos.next_due(connection, source.account_id, source.id)
        owed = math.inf if due is None else max(DUE_SECONDS, (due - clock.now()) / clock.SECOND)
        failures = max((struggle.failures for struggle in self._struggles.values()), default=0)
        return min(owed, self._delay(failures)) if failures else owed

    # --- folders ------------------------------------------------------------------------------------------------------

    def _read_all(self, conversation: Conversation, *, only_first: bool) -> bool:
        """The first folder last: it stays selected, for IDLE. Whether mail was found there."""
        folders = self._folders()
        if not only_first:
            thorough = time.monotonic() - self._thorough_at > THOROUGH_SECONDS
            for folder in folders[1:]:
                if not self._stopping.is_set():
                    self._look_into(conversation, folder, thorough=thorough)
            if thorough:
                self._thorough_at = time.monotonic()

        struggle = self._struggles.setdefault(folders[0].id, Struggle())
        landed = struggle.landed
        self._look_into(conversation, folders[0], thorough=True, selected=only_first)

        return struggle.landed > landed

    def _look_into(
        self, conversation: Conversation, folder: ImapFolder, *, thorough: bool, selected: bool = False
    ) -> None:
        """One folder; what the server refuses is this folder's trouble and no other's."""
        try:
            if thorough or self._has_news(conversation, folder):
                state, fault = self._read(conversation, folder, selected=selected)
            else:
                state = "current"
                fault = ""
        except ImapRefused as refused:
            state = "missing"
            fault = f"the server does not open it: {refused}. Was it renamed or deleted?"

        self._shared.rooms.writer.run(
            lambda tx: imap_sources.set_folder_state(
                tx.connection, folder, state=state, fault=fault, at=clock.now()
            )
        )

    def _has_news(self, conversation: Conversation, folder: ImapFolder) -> bool:
        shown = conversation.status(folder.name)
        with self._shared.rooms.database.read() as connection:
            owed = any(
                imap_todos.count_todos(connection, folder, act) for act in ("settle", "fetch", "erase")
            )

        if self._watch is not None:
            before = self._shown.get(folder.id)
            self._shown[folder.id] = shown
            if shown != before:
                return True

        same = shown.uidvalidity == folder.uidvalidity and shown.uidnext is not None
        return owed or not same or (shown.uidnext or 0) > folder.last_uid + 1

    def _read(self, conversation: Conversation, folder: ImapFolder, *, selected: bool) -> tuple[str, str]:
        """Its new state, and the fault in words. Raises ``ImapRefused`` when it cannot be opened."""
        rooms = self._shared.rooms
        opened = None
        refused_erasing = ""
        erases = erasing.is_due(folder, rooms.database)
        if erases:
            refused_erasing = erasing.erase(conversation, folder, rooms.database, rooms.writer)

        if erases or not selected:
            read_only = self.fetching.source.after_filing == "nothing" or folder.role == WATCHED
            opened = conversation.open(folder.name, read_only=read_only)
            if opened.uidvalidity is None:
                return "failing", "the server gives no UIDVALIDITY: mail cannot be told apart there"
            folder = self._in_epoch(folder, opened.uidvalidity, opened.uidnext)

        struggle = self._struggles.setdefault(folder.id, Struggle())
        try:
            fault = ""
            if folder.role != WATCHED:
                FolderReader(rooms, self.fetching, conversation, folder, struggle).read(opened)
                fault = settle(conversation, self.fetching.source, folder, rooms.database, rooms.writer)
            if self._watch is not None:
                with self._watching():
                    self._watch.look(folder)
        except ImapRefused as refused:
            return "failing", f"the server refuses a command: {refused}"

        fault = "; ".join(filter(None, (fault, refused_erasing)))
        return ("failing", fault) if fault else ("current", self._owed(folder))

    def _owed(self, folder: ImapFolder) -> str:
        """In words, how much of the folder was passed and is tried again."""
        with self._shared.rooms.database.read() as connection:
            count = imap_todos.count_todos(connection, folder, "fetch")
            worst = imap_todos.most_tried(connection, folder, "fetch")

        words = [f"{count} mails could not be fetched or filed so far: tried again"] if count else []
        if worst is not None and worst.tries >= TRIES:
            tried = f"the one with UID {worst.uid} was asked for {worst.tries} more times: the server gives it not, or not"
            words.append(f"{tried} as announced, or mailhub cannot file it (see its log). Look at it there")

        odd = self._struggles[folder.id].doubts.odd if folder.id in self._struggles else 0
        if odd and self.fetching.source.after_filing == "delete":
            words.append(
                f"{odd} mails had another size than the server announced: filed, and not deleted there"
            )

        return "; ".join(words)

    def _in_epoch(self, folder: ImapFolder, uidvalidity: int, uidnext: int | None) -> ImapFolder:
        """The folder as it is to be read: from its beginning, when its UIDs are other ones than those we know."""
        if folder.uidvalidity == uidvalidity:
            return folder
        cursor.forget_copies(self._shared.rooms.writer, folder)
        quiet_uid = uidnext - 1 if uidnext is not None else 0
        return self._shared.rooms.writer.run(
            lambda tx: imap_sources.begin_epoch(
                tx.connection, folder, uidvalidity=uidvalidity, quiet_uid=max(0, quiet_uid)
            )
        )

    def _folders(self) -> Sequence[ImapFolder]:
        source = self.fetching.source
        with self._shared.rooms.database.read() as connection:
            return imap_sources.list_folders(connection, source.account_id, source.id)

    # --- state and time -----------------------------------------------------------------------------------------------

    def _note(self, state: str, fault: str = "") -> None:
        """Put on record what the mailbox does now, when that has changed."""
        if self._stopping.is_set() or (state, fault) == self._state:
            return
        self._state = (state, fault)
        source = self.fetching.source
        at = clock.now()
        self._shared.rooms.writer.submit(
            lambda tx: imap_sources.set_source_state(tx.connection, source, state=state, fault=fault, at=at)
        )
        log.info("mailbox", source=source.id, state=state)

    def _landed(self) -> int:
        return sum(struggle.landed for struggle in self._struggles.values())

    def _delay(self, failures: int) -> float:
        settings = self._shared.settings
        grown = settings.retry_seconds * 2.0 ** min(failures, MOST_DOUBLINGS)
        return min(settings.retry_limit_seconds, grown) * random.uniform(0.5, 1.0)  # noqa: S311 jitter, no secret

    def _sleep(self, seconds: float) -> None:
        """Until then, or until it is to stop."""
        self._wake.settimeout(max(0.001, seconds))
        with contextlib.suppress(TimeoutError):
            self._wake.recv(1)

"""One folder, read from its cursor to its end; each mail is filed in the transaction that moves the cursor past it.

    SELECT -> another UIDVALIDITY? begin again -> UIDs after the cursor -> sizes and dates -> bodies in batches
           -> Reception.deliver(..., along = "the cursor goes from the UID before this one to this one") -> what is owed

Durable states: ``imap_folder.last_uid``, the cursor: every UID up to it has its fate, was expunged by others,
or is owed (``imap_todo``). It moves only from where it is said to be: when a mail could not be filed, those
after it are filed and leave it alone, and are read again as duplicates. So nothing here needs to know what
happened before.

A mail that fails again and again (the server cannot give it, or we cannot file it) is owed, and passed: one bad mail
does not block a mailbox. So is one of which the server gives nothing, or something else than it announced, until
``imap.wholeness`` believes it. A large mail waits in a file without a name, not in memory, until the server has given
it: a slow server holds no permit that others need.
Sources: RFC 9051 2.3.1.1 (UIDs only grow; another UIDVALIDITY is another folder).
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from mailhub import clock
from mailhub.config.live import Current
from mailhub.envelope import Envelope, Fate, Outcome, Source
from mailhub.errors import Unavailable
from mailhub.intake.imap import cursor as imap_cursor
from mailhub.intake.imap.answers import Described, OpenedFolder
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.faults import ImapFault, ImapRefused
from mailhub.intake.imap.wholeness import CONFIRMED, Doubts, GivenMail, WholenessVerdict
from mailhub.intake.reception import Along, Reception
from mailhub.message.return_path import return_path
from mailhub.system.budget import IMAP, ByteBudget, Charges
from storage.database import Database
from storage.errors import StorageError
from storage.sources import imap_sources, imap_todos
from storage.sources.imap_sources import Fetching, ImapFolder
from storage.writer import Writer

WINDOW_UIDS = 10_000  # UIDs asked for at once, as numbers: few of them need exist
WIDEST_WINDOW_UIDS = (
    1_000_000  # a window without mail is followed by a wider one; a line of this many fits the wire
)
MOST_UIDS = 2**32  # as wide as a window may be where the whole folder would fit one line
DESCRIBED = 200  # mails whose sizes are asked for at once
BATCH_MAILS = 100
LARGE_BYTES = 512 * 1024  # mails from here on are fetched alone and in pieces
PIECE_BYTES = 256 * 1024
SLACK_BYTES = 64 * 1024  # what a mail may be larger than its server says before it is fetched in pieces
TRIES = 4  # failures at one mail until it is owed and passed
OWED_AT_ONCE = 20  # owed mails tried in one look
OWED_MINUTES = (1, 5, 15, 60)  # delays of an owed mail; the last one from then on
LARGE_PATIENCE = 10  # a large mail may take so many times as long as one command


Spool = tempfile.SpooledTemporaryFile[bytes]

log = structlog.get_logger("mailhub.intake.imap.door")


class HeldUp(Exception):
    """Our side could not file a mail now; ``str`` says why. The cursor stands before it."""

    @property
    def by_the_mail(self) -> bool:
        """Whether it may be that mail's fault. No room, and no database, are nobody's: nothing is passed for them."""
        return str(self) == "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What reading a folder needs of the house."""

    database: Database
    writer: Writer
    reception: Reception
    loop: asyncio.AbstractEventLoop
    large: threading.Semaphore  # who holds a large mail in memory: never while a server is waited for
    directory: Path  # where large mails wait until they are whole, in files without a name
    message_bytes: Current[int]
    batch_bytes: int
    command_seconds: float
    budget: ByteBudget = field(default_factory=lambda: ByteBudget(2**62, 2**62))  # of all doors


@dataclass(slots=True)
class Struggle:
    """What is remembered of failures while the process lives: at which cursor, how often, with which mail in hand."""

    cursor: int = -1
    failures: int = 0
    in_hand: int | None = None
    landed: int = 0  # mails that got their fate since the process began
    doubts: Doubts = field(default_factory=Doubts)

    def failed(self, cursor: int) -> None:
        """Reading ended early with the cursor here."""
        self.failures = self.failures + 1 if cursor == self.cursor else 1
        self.cursor = cursor

    @property
    def careful(self) -> bool:
        """Whether to go on mail by mail: it failed here before."""
        return self.failures > 1


@dataclass(frozen=True, slots=True)
class _Mail:
    uid: int
    described: Described


class FolderReader:
    """One look into one folder, which is selected. Not used twice."""

    def __init__(
        self,
        rooms: Rooms,
        fetching: Fetching,
        conversation: Conversation,
        folder: ImapFolder,
        struggle: Struggle,
    ) -> None:
        self._rooms = rooms
        self._fetching = fetching
        self._conversation = conversation
        self._folder = folder  # as it was when the look began
        self._struggle = struggle
        self._place = folder.last_uid  # the UID up to which mails were handed over: what the next one follows
        self._listed = folder.last_uid  # the last UID that the server has shown
        self._flying: list[tuple[int, Future[Sequence[Outcome]]]] = []

    def read(self, opened: OpenedFolder | None) -> None:
        """Read to the end; None when it stayed open. Raises ``ImapFault``, ``HeldUp``; what was filed until then is."""
        try:
            self._fetch_owed()
            for uids in self._windows(opened):
                self._take_all(uids)
            self._land()
            self._pass_rest()
        except (ImapFault, HeldUp) as stopped:
            with suppress(HeldUp):
                self._land()
            if not isinstance(stopped, HeldUp) or stopped.by_the_mail:
                self._struggle.failed(self._cursor())
            raise

        self._struggle.failures = 0

    # --- which mails --------------------------------------------------------------------------------------------------

    def _windows(self, opened: OpenedFolder | None) -> Iterator[Sequence[int]]:
        """UIDs after the cursor, a bounded number at a time; the last window is open, whatever UIDNEXT says."""
        uidnext = opened.uidnext if opened is not None else None
        few = opened is not None and opened.messages is not None and opened.messages <= WIDEST_WINDOW_UIDS
        widest = MOST_UIDS if few else WIDEST_WINDOW_UIDS
        low = self._folder.last_uid + 1

        width = WINDOW_UIDS
        while uidnext is not None and low + width < uidnext:
            found = self._conversation.uids(low, low + width - 1)
            yield found
            low += width
            width = WINDOW_UIDS if found else min(4 * width, widest)

        yield self._conversation.uids(low, None)

    def _take_all(self, uids: Sequence[int]) -> None:
        """Hand over these mails; one by one from where reading failed before, until the first of them has its fate."""
        start = 0
        while start < len(uids):
            if self._struggle.careful:
                self._take_carefully(uids[start])
                start += 1
            else:
                self._take(uids[start : start + DESCRIBED])
                start += DESCRIBED

    def _take_carefully(self, uid: int) -> None:
        """One mail; owed and passed when it is the one that reading failed at ``TRIES`` times, whatever was asked."""
        if self._struggle.failures >= TRIES and self._struggle.in_hand == uid:
            self._struggle.failures = 0
            self._owe_if_there(uid)
            self._listed = uid
            return
        self._struggle.in_hand = uid
        self._take([uid])

    def _take(self, uids: Sequence[int]) -> None:
        """Hand over those of these mails that are to be filed, in order."""
        described = self._conversation.describe(uids)
        batch: list[_Mail] = []

        for uid in uids:
            known = described.get(uid)
            if known is None:
                batch = self._flush(batch)
                self._owe_if_there(uid)
            elif self._is_before_since(uid, known):
                continue
            elif known.size_bytes >= LARGE_BYTES or self._struggle.careful:
                batch = self._flush(batch)
                self._take_alone(_Mail(uid, known))
            else:
                if self._is_full(batch, known):
                    batch = self._flush(batch)
                batch.append(_Mail(uid, known))

        self._flush(batch)
        self._listed = uids[-1]

    def _is_full(self, batch: Sequence[_Mail], following: Described) -> bool:
        held = sum(mail.described.size_bytes for mail in batch)
        room = self._rooms.batch_bytes // 2  # half: one batch is filed while the next is fetched
        return len(batch) >= BATCH_MAILS or (bool(batch) and held + following.size_bytes > room)

    def _is_before_since(self, uid: int, mail: Described) -> bool:
        """Only what was there before us: what others move there later has its old date, and is new to us."""
        since = self._fetching.source.since
        return (
            since is not None
            and uid <= self._folder.quiet_uid
            and mail.came_at is not None
            and mail.came_at < since
        )

    def _pass_rest(self) -> None:
        """Mails at the end that are not to be filed, or that others removed meanwhile, are passed as well."""
        if self._listed > self._place:
            self._write(imap_cursor.passing(self._folder, before=self._place, to=self._listed))

    # --- their bodies -------------------------------------------------------------------------------------------------

    def _flush(self, batch: list[_Mail]) -> list[_Mail]:
        """Fetch a batch while the one before is being filed, and hand it over. Returns an empty one, for the next."""
        if not batch:
            return batch

        budget = sum(2 * mail.described.size_bytes + SLACK_BYTES for mail in batch)
        bodies = self._conversation.fetch([mail.uid for mail in batch], budget=budget)
        self._land()

        for mail in batch:
            raw = bodies.get(mail.uid, b"")
            verdict = self._struggle.doubts.judge(mail.uid, mail.described.size_bytes, GivenMail().add(raw))
            if verdict.is_filed:
                self._hand_over(mail, raw, verdict)
            elif verdict is WholenessVerdict.DOUBTFUL:
                self._take_alone(mail)
            else:
                self._owe_if_there(mail.uid)

        return []

    def _take_alone(self, mail: _Mail) -> None:
        """One mail, in pieces: a large one, or any where reading failed before."""
        self._land()
        limit = self._rooms.message_bytes.now
        announced = mail.described.size_bytes
        if announced > limit and self._conversation.piece(mail.uid, limit, 1):  # a size alone may be a lie
            self._reject(mail, self._step(mail), announced)
            return

        with self._file_for_one() as file:
            verdict, size = self._read_until_sure(mail, file)
            if size > limit:
                self._reject(mail, self._step(mail), size)
                return
            if verdict.is_filed:
                with self._rooms.large, self._room_for(size):
                    self._hand_over(mail, _content(file), verdict)
                    self._land()
                return

        self._owe_if_there(mail.uid)

    @contextmanager
    def _room_for(self, size_bytes: int) -> Iterator[None]:
        """The house's bytes, for a mail that goes from its file into memory."""
        room = Charges(self._rooms.budget, f"{IMAP}:{self._fetching.source.account_id}")
        try:
            room.hold(size_bytes, self._rooms.command_seconds)
        except Unavailable as error:
            raise HeldUp("no room") from error  # nor is this the mail's fault
        try:
            yield
        finally:
            room.give_back()

    def _file_for_one(self) -> Spool:
        """Where one mail waits until it is whole: small ones in memory, large ones on the disk. Gone when closed."""
        return tempfile.SpooledTemporaryFile(LARGE_BYTES, dir=str(self._rooms.directory))

    def _read_until_sure(self, mail: _Mail, file: Spool) -> tuple[WholenessVerdict, int]:
        """Read the mail into the file, again while it is doubtful and asking twice may help; its size."""
        for _ in range(CONFIRMED):
            answer = self._in_pieces(mail, file)
            if answer.size_bytes > self._rooms.message_bytes.now:
                return WholenessVerdict.DOUBTFUL, answer.size_bytes
            verdict = self._struggle.doubts.judge(mail.uid, mail.described.size_bytes, answer)
            if verdict is not WholenessVerdict.DOUBTFUL:
                break
        return verdict, answer.size_bytes

    def _in_pieces(self, mail: _Mail, file: Spool) -> GivenMail:
        """The mail, or more of it than is allowed; empty when the server gives none. Raises ``HeldUp`` without room.

        It ends where the server has no more, and a short piece is no end: the announced size may be wrong,
        and only spares the last question where it is reached.
        """
        ends_at = time.monotonic() + LARGE_PATIENCE * self._rooms.command_seconds
        answer = GivenMail()
        _empty(file)

        while answer.size_bytes <= self._rooms.message_bytes.now:
            piece = self._conversation.piece(mail.uid, answer.size_bytes, PIECE_BYTES)
            if piece is None and not (answer.size_bytes and self._conversation.uids(mail.uid, mail.uid)):
                return GivenMail()
            _write(file, piece or b"")
            answer.add(piece or b"")
            if not piece or (len(piece) < PIECE_BYTES and 0 < mail.described.size_bytes <= answer.size_bytes):
                break
            if time.monotonic() > ends_at:
                raise ImapFault("a large mail did not come in time")

        return answer

    # --- their fates --------------------------------------------------------------------------------------------------

    def _hand_over(self, mail: _Mail, raw: bytes, verdict: WholenessVerdict) -> None:
        """To the pipeline, with the cursor's step in its transaction. Old mail tells, by its date, of the rhythm."""
        if self._is_old(mail) and mail.described.came_at is not None:
            source = self._fetching.source
            self._rooms.reception.arrivals.note(source.account_id, source.mailbox_id, mail.described.came_at)
        self._flying.append((mail.uid, self._deliver(mail, raw, self._step(mail, verdict))))

    def _deliver(self, mail: _Mail, raw: bytes, along: Along) -> Future[Sequence[Outcome]]:
        envelope = self._envelope(raw, quiet=self._is_old(mail))
        return asyncio.run_coroutine_threadsafe(
            self._rooms.reception.deliver(envelope, raw, along=along), self._rooms.loop
        )

    def _is_old(self, mail: _Mail) -> bool:
        """Whether it was there before the mailbox was added: filed quietly."""
        came_at = mail.described.came_at
        return mail.uid <= self._folder.quiet_uid and (
            came_at is None or came_at < self._fetching.source.created_at
        )

    def _envelope(self, raw: bytes, *, quiet: bool) -> Envelope:
        return Envelope(
            source=Source.IMAP,
            mail_from=return_path(raw),
            recipients=(self._fetching.address,),
            received_at=clock.now(),
            tls=self._fetching.source.tls != "none",
            quiet=quiet,
        )

    def _land(self) -> None:
        """Wait until what was handed over has its fate. Raises ``HeldUp`` for the first that has none."""
        flying = self._flying
        self._flying = []
        held_up: tuple[int, Outcome] | None = None

        for uid, future in flying:
            outcome = future.result()[0]
            if outcome.fate is Fate.DEFERRED and held_up is None:
                held_up = uid, outcome

        if held_up is not None:
            uid, outcome = held_up
            if outcome.reason == "fault":
                self._struggle.in_hand = uid
            raise HeldUp(outcome.reason)

        self._struggle.landed += len(flying)
        if flying:
            self._struggle.failures = 0

    def _step(self, mail: _Mail, verdict: WholenessVerdict = WholenessVerdict.WHOLE) -> Along:
        """The cursor's step over this mail, the next one in order."""
        before = self._place
        self._place = mail.uid
        came_at = mail.described.came_at
        fetching = self._kept(verdict)
        return imap_cursor.step(fetching, self._folder, mail.uid, before=before, came_at=came_at)

    def _kept(self, verdict: WholenessVerdict) -> Fetching:
        """What is to be done after filing: all but deleting, where nobody knows whether we have the whole mail."""
        source = self._fetching.source
        if verdict is WholenessVerdict.WHOLE or source.after_filing != "delete":
            return self._fetching
        return replace(self._fetching, source=replace(source, after_filing="nothing"))

    def _reject(self, mail: _Mail, along: Along, size_bytes: int) -> None:
        directory = self._rooms.reception.context.directory
        envelope = self._envelope(b"", quiet=self._is_old(mail))
        self._write(imap_cursor.rejecting(directory, envelope, along, size_bytes=size_bytes))

    def _owe_if_there(self, uid: int) -> None:
        """A mail that the server lists and does not give is owed and passed; one that it lists no more is gone."""
        self._land()
        if self._conversation.uids(uid, uid):
            before = self._place
            self._place = uid
            self._write(imap_cursor.owing(self._folder, uid, before=before, next_at=_later(0)))

    def _fetch_owed(self) -> None:
        """Try again for the mails that were passed. A try is counted before it is made: it may end the connection."""
        with self._rooms.database.read() as connection:
            owed = imap_todos.due_todos(
                connection, self._folder, "fetch", now=clock.now(), limit=OWED_AT_ONCE
            )
        for todo in owed:
            self._write(imap_cursor.trying(self._folder, todo.uid, next_at=_later(todo.tries + 1)))
            if todo.tries + 1 == TRIES:
                log.warning(
                    "a mail cannot be fetched: mailhub mailbox list", folder=self._folder.id, uid=todo.uid
                )
            with suppress(ImapRefused):  # refused: still owed, and in nobody's way
                self._take_owed(todo.uid)

    def _take_owed(self, uid: int) -> None:
        """One mail that the cursor has passed already."""
        described = self._conversation.describe([uid]).get(uid)
        mail = _Mail(uid, described or Described(size_bytes=0, came_at=None))
        if self._is_before_since(uid, mail.described):
            self._write(imap_cursor.forgetting(self._folder, uid))
            return

        with self._file_for_one() as file:
            verdict, size = self._read_until_sure(mail, file)
            along = imap_cursor.owed_step(self._kept(verdict), self._folder, uid)
            if size > self._rooms.message_bytes.now:
                self._reject(mail, along, size)
            elif verdict.is_filed:
                with self._rooms.large, self._room_for(size):
                    self._deliver(mail, _content(file), along).result()
            elif not self._conversation.uids(mail.uid, mail.uid):
                self._write(imap_cursor.forgetting(self._folder, mail.uid))

    def _cursor(self) -> int:
        with self._rooms.database.read() as connection:
            found = imap_sources.find_folder(connection, self._folder.account_id, self._folder.id)
        return found.last_uid if found is not None else -1

    def _write(self, act: imap_cursor.Step) -> None:
        try:
            self._rooms.writer.run(act)
        except StorageError as error:
            raise HeldUp("the database") from error


def _empty(file: Spool) -> None:
    file.seek(0)
    file.truncate()


def _write(file: Spool, piece: bytes) -> None:
    try:
        file.write(piece)
    except OSError as error:  # no room is no mail's fault
        raise HeldUp("no room") from error


def _content(file: Spool) -> bytes:
    file.seek(0)
    return file.read()


def _later(tries: int) -> int:
    return clock.now() + OWED_MINUTES[min(tries, len(OWED_MINUTES) - 1)] * clock.MINUTE

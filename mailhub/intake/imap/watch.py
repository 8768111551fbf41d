"""What becomes of mail in a mailbox at a provider after it was filed: seen folder by folder, told as marks asked for.

    a look into a folder: which of the newest copies are gone, or have other flags -> rows
    a folder that is only watched: what came there, and which of it we have -> rows
    after each look: copies that are missed in one folder and appeared in another -> marks asked for

Where spam goes is the folder named by the source, else the one that the server calls \\Junk. It is watched and not
filed from, unless it is one of the folders whose mail is filed; what lay there before is not looked at.

Durable states: ``imap_copy`` (what was seen), ``mark_request`` (what follows). A move is told in the transaction
that forgets the copy it left, so once. Another UIDVALIDITY makes other copies: nothing in them was moved.
Work is bounded: the newest ``WINDOW`` mails of each folder; bodies are fetched only of mail whose Message-ID we have,
or which somebody has read in Junk. QRESYNC would save the search over the window and nothing else, so it is not used.
Sources: RFC 7162 (CONDSTORE), RFC 6154.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mailhub import clock
from mailhub.filter.mark_requests import ask
from mailhub.intake.imap import feedback
from mailhub.intake.imap.answers import Sketch
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.faults import ImapRefused
from mailhub.intake.imap.folder import LARGE_BYTES, SLACK_BYTES, Rooms
from mailhub.message.return_path import return_path
from mailhub.reading.prepare import id_hash, identity_of
from storage.filter import ledger
from storage.sources import imap_moves, imap_sources
from storage.sources.imap_copies import ALIKE, DOUBLED, SEEN, Copy
from storage.sources.imap_moves import Bearer, Move
from storage.sources.imap_sources import MAIL, WATCHED, ImapFolder, ImapSource
from storage.writer import Transaction

WINDOW = 2_000  # mails of a folder that are looked at
PORTION = 200  # of one command, and of one turn of the writer
NEW_AT_ONCE = 1_000  # of a watched folder in one look
BODIES_AT_ONCE = 100  # fetched in one look, to tell exactly which message it is
NEAR = clock.HOUR  # between a copy that is missed and another that appeared, for a move
GONE = 2 * NEAR  # how long a missed copy is remembered


@dataclass(slots=True)
class _Look:
    """What one look has left to spend."""

    bodies: int = BODIES_AT_ONCE


class MoveWatch:
    """The watch over one mailbox on one connection."""

    def __init__(self, rooms: Rooms, conversation: Conversation, source: ImapSource) -> None:
        self._rooms = rooms
        self._conversation = conversation
        self._source = source
        self._modseq: dict[
            tuple[int, int | None], int | None
        ] = {}  # by folder and epoch: how new its flags are

    def find_junk(self) -> str:
        """Make the rows say which folder spam goes to; "", or in words why there is none."""
        try:
            name = self._source.junk_folder or self._conversation.junk_folder()
        except ImapRefused:
            name = None
        if name is None:
            return "no folder there is known as Junk: name it with mailhub mailbox set --junk-folder"
        source = self._source
        self._rooms.writer.run(lambda tx: imap_sources.set_junk(tx.connection, source, name, id_=tx.new_id()))
        return ""

    def look(self, folder: ImapFolder) -> None:
        """One folder, which is selected. Raises ``ImapFault``; what was seen until then is on record."""
        look = _Look()
        self._look_at_known(folder)
        if folder.role == WATCHED:
            self._look_at_new(folder, look)
            self._read_opened(folder, look)
        self._recognise()
        self._tell()

    # --- what is there ------------------------------------------------------------------------------------------------

    def _look_at_known(self, folder: ImapFolder) -> None:
        with self._rooms.database.read() as connection:
            known = imap_moves.newest_copies(connection, folder, limit=WINDOW)
        if known:
            there = set(self._conversation.uids(known[0].uid, known[-1].uid))
            flags = self._flags(folder, [copy for copy in known if copy.uid in there])
            now = clock.now()
            seen = [self._seen(folder, copy, there=copy.uid in there, flags=flags, now=now) for copy in known]
            changed = [(before, after) for before, after in zip(known, seen, strict=True) if before != after]
            for start in range(0, len(changed), PORTION):
                portion = changed[start : start + PORTION]
                self._rooms.writer.run(self._note, folder, portion, now)

        before = clock.now() - GONE
        self._rooms.writer.run(lambda tx: imap_moves.forget_gone(tx.connection, folder, before=before))

    def _flags(self, folder: ImapFolder, there: Sequence[Copy]) -> Mapping[int, frozenset[str]]:
        """The flags of these mails; of those looked at before only what changed since, where the server can tell."""
        place = folder.id, folder.uidvalidity
        since = newest = self._modseq.get(place)
        found: dict[int, frozenset[str]] = {}

        for after, uids in (
            (None, [copy.uid for copy in there if not copy.keyword]),
            (since, [copy.uid for copy in there if copy.keyword]),
        ):
            for start in range(0, len(uids), PORTION):
                flags, modseq = self._conversation.states(uids[start : start + PORTION], since=after)
                found.update(flags)
                newest = max(filter(None, (newest, modseq)), default=None)

        self._modseq[place] = newest
        return found

    def _seen(
        self, folder: ImapFolder, copy: Copy, *, there: bool, flags: Mapping[int, frozenset[str]], now: int
    ) -> Copy:
        if not there:
            return replace(copy, gone_at=now)
        if copy.uid not in flags:
            return copy
        in_junk = folder.role != MAIL
        after_filing = self._source.after_filing
        return feedback.looked_at(copy, flags[copy.uid], in_junk=in_junk, after_filing=after_filing, now=now)

    def _note(
        self, tx: Transaction, folder: ImapFolder, changed: Sequence[tuple[Copy, Copy]], now: int
    ) -> None:
        imap_moves.change_copies(
            tx.connection, folder, self._doubled(tx, folder, [after for _, after in changed])
        )
        for before, after in changed:
            label = feedback.label_by_keyword(before, after)
            if label is not None and after.message_id is not None:
                doubt = feedback.doubt_of_keyword(before, in_junk=folder.role != MAIL)
                self._ask(tx, after.message_id, label, doubt, now)

    @staticmethod
    def _doubled(tx: Transaction, folder: ImapFolder, seen: Sequence[Copy]) -> Sequence[Copy]:
        """These copies; one that is missed did not move to where another lay in a look before already."""
        missed = {
            copy.message_id for copy in seen if copy.message_id is not None and copy.gone_at is not None
        }
        beside = imap_moves.lain_beside(tx.connection, folder, missed, before=folder.success_at or 0)
        return [
            replace(copy, known_by=DOUBLED)
            if copy.gone_at is not None and copy.message_id in beside
            else copy
            for copy in seen
        ]

    # --- a folder that is only watched --------------------------------------------------------------------------------

    def _look_at_new(self, folder: ImapFolder, look: _Look) -> None:
        place = folder.last_uid
        uids = self._conversation.uids(place + 1, None)[:NEW_AT_ONCE]
        for start in range(0, len(uids), PORTION):
            portion = uids[start : start + PORTION]
            copies = self._sketched(folder, self._conversation.sketch(portion), look)
            before = place
            place = portion[-1]
            self._rooms.writer.run(self._came, folder, copies, before, place)

    @staticmethod
    def _came(tx: Transaction, folder: ImapFolder, copies: Sequence[Copy], before: int, to: int) -> None:
        if imap_sources.move_cursor(tx.connection, folder, before=before, to=to):
            imap_moves.add_seen(tx.connection, folder, copies)
            imap_moves.forget_older(tx.connection, folder, keep=WINDOW)

    def _sketched(self, folder: ImapFolder, sketches: Mapping[int, Sketch], look: _Look) -> Sequence[Copy]:
        key = self._rooms.reception.keys.references
        hashes = {uid: id_hash(key, each.message_id) for uid, each in sketches.items() if each.message_id}
        with self._rooms.database.read() as connection:
            known = imap_moves.bearers(connection, folder.account_id, set(hashes.values()))
        now = clock.now()
        found = []

        for uid, sketch in sorted(sketches.items()):
            bearers = known.get(hashes.get(uid, b""), [])
            identity = self._identity(uid, sketch.size_bytes, look) if bearers else None
            message, known_by = _which(bearers, identity, sketch.size_bytes)
            copy = Copy(
                folder_id=folder.id,
                uidvalidity=folder.uidvalidity or 0,
                uid=uid,
                message_id=message,
                known_by=known_by,
                first_seen_at=now,
                id_hash=hashes.get(uid),
                identity=identity,
                size_bytes=sketch.size_bytes,
            )
            after_filing = self._source.after_filing
            found.append(
                feedback.looked_at(copy, sketch.flags, in_junk=True, after_filing=after_filing, now=now)
            )

        return found

    def _identity(self, uid: int, size_bytes: int, look: _Look) -> bytes | None:
        """A mail's identity by its body; None when it is large, gone, unreadable, or the look has spent enough."""
        if size_bytes >= LARGE_BYTES or look.bodies <= 0:
            return None
        look.bodies -= 1
        raw = self._conversation.fetch([uid], budget=2 * size_bytes + SLACK_BYTES).get(uid)
        return None if raw is None else identity_of(raw, return_path(raw), self._rooms.reception.keys)

    def _read_opened(self, folder: ImapFolder, look: _Look) -> None:
        """Remember exactly what somebody has read in Junk: they may take it out of there."""
        with self._rooms.database.read() as connection:
            known = imap_moves.newest_copies(connection, folder, limit=WINDOW)

        opened = [copy for copy in known if copy.message_id is None and feedback.was_read(copy, in_junk=True)]
        for copy in opened:
            identity = None
            if copy.identity is None:
                identity = self._identity(copy.uid, copy.size_bytes or 0, look)
            if identity is not None:
                changed = [replace(copy, identity=identity)]
                self._rooms.writer.run(lambda tx: imap_moves.change_copies(tx.connection, folder, changed))  # noqa: B023 done now

    def _recognise(self) -> None:
        """Mail that was only watched and is filed meanwhile: it was moved to where we file from."""
        with self._rooms.database.read() as connection:
            folders = imap_sources.list_folders(connection, self._source.account_id, self._source.id)
            watched = [folder for folder in folders if folder.role == WATCHED]
            found = [(each, imap_moves.recognised(connection, each, limit=PORTION)) for each in watched]
        for folder, copies in found:
            if copies:
                self._rooms.writer.run(lambda tx: imap_moves.change_copies(tx.connection, folder, copies))  # noqa: B023 done now

    # --- what follows -------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Ask for the marks that moves mean, a portion a turn."""
        account = self._source.account_id
        source = self._source.id
        with self._rooms.database.read() as connection:
            moves = imap_moves.find_moves(connection, account, source, near=NEAR, limit=1)
        while moves:
            moves = self._rooms.writer.run(self._told)

    def _told(self, tx: Transaction) -> Sequence[Move]:
        account = self._source.account_id
        source = self._source.id
        now = clock.now()
        moves = imap_moves.find_moves(tx.connection, account, source, near=NEAR, limit=PORTION)
        for move in moves:
            imap_moves.forget_copy(tx.connection, account, move.origin)
            if move.target.message_id is not None:
                self._ask(
                    tx, move.target.message_id, feedback.label_of(move), feedback.doubt_of_move(move), now
                )
        return moves

    def _ask(self, tx: Transaction, message: int, label: str, doubt: str, now: int) -> None:
        source = self._source
        ask(
            tx,
            source.account_id,
            message,
            label,
            giver=source.mailbox_id,
            source=ledger.IMAP,
            reason=doubt,
            now=now,
        )


def _which(bearers: Sequence[Bearer], identity: bytes | None, size_bytes: int) -> tuple[int | None, str]:
    """The message that a mail with the Message-ID of these is, and how sure that is: by its body, else by its size."""
    if identity is not None:
        return next((each.message_id for each in bearers if each.identity == identity), None), SEEN
    alike = [each.message_id for each in bearers if each.size_bytes == size_bytes]
    return (alike[0], ALIKE) if len(alike) == 1 else (None, SEEN)

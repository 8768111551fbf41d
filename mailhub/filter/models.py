"""The accounts' filters in memory: each one's counts are the sum of its ledger, at every instant somebody asks.

    writer's thread   ``score``, ``trained``, ``get`` and ``change`` (the only way a ledger and its counts move)
    any thread        ``warm``, ``keep_up`` (what a background job calls), ``verify``

How memory stays true without a hook on rollback: every change to a ledger leaves a random stamp in the account's
``ledger_head`` row, in the same transaction. Counts remember the stamps of the changes they hold that may still be
undone; whoever asks for counts compares with the stamp their own transaction sees. Equal: the counts are right. Seen
before: what came after it was rolled back (a savepoint, a commit that failed, even one whose answer got lost), and is
taken back here. Unknown: another node wrote; its appended rows are added, or, if it took rows away, the ledger is
folded anew. So a change can be made at once, several in one transaction see each other, and no failure has to be
noticed.

Durable states: none but the checkpoint files (``checkpoints``), never written in the writer's thread.
Must not: decide what a label does to a message (``feedback``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.checkpoint import digest, from_bytes, to_bytes
from classifier.errors import ClassifierError
from classifier.model import Counts, Score, documents, score, score_many
from classifier.tokens import FEATURES_VERSION, Features, features_from_bytes
from mailhub.clock import MINUTE
from mailhub.errors import Unavailable
from mailhub.filter import checkpoints
from mailhub.filter.checkpoints import Checkpoint, Position
from mailhub.filter.folding import (
    LoadedModel,
    Moved,
    Read,
    TrainingStep,
    catch_up,
    counts_in,
    fold_ledger,
    read_portion,
    take_back,
)
from mailhub.filter.ledger_change import Change
from mailhub.system.queues import Queue
from storage.database import Connection, Database
from storage.filter import ledger
from storage.filter.ledger import Entry, Head
from storage.writer import Transaction, Writer

MIB = 1024 * 1024
MEMORY_BYTES = 256 * MIB  # of all models together; the one used longest ago goes first
CHECKPOINT_CHANGES = 200
CHECKPOINT_AFTER = 5 * MINUTE
ATTEMPTS = 5  # to fold a ledger from which rows are being taken away at the same time
_UNREADABLE = -1  # in place of a stamp: these counts are empty because the ledger cannot be folded

log = logging.getLogger("mailhub.filter.models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What ``spam verify`` says. ``state`` is exact, or damaged: memory was not the fold, and is replaced by it."""

    state: str
    digest: str  # of the counts in memory, hexadecimal
    ledger_digest: str  # of the fold of the ledger's rows
    rows: int
    spam: int
    ham: int


class Models:
    """All filters of this process. ``directory`` holds the checkpoints; ``prior`` speaks where marks are few."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        *,
        memory_bytes: int = MEMORY_BYTES,
        prior: Counts | None = None,
    ) -> None:
        self.prior = prior
        self._database = database
        self._directory = directory
        self._memory_bytes = memory_bytes
        self._held: dict[int, LoadedModel] = {}  # in the order of last use
        self._ready: dict[int, LoadedModel] = {}  # loaded elsewhere, for the writer to take
        self._leaving: dict[int, LoadedModel] = {}  # evicted before their checkpoint was written
        self._wanted: set[int] = set()  # to be folded anew in the background
        self._unsaved_since: dict[int, int] = {}
        self._savepoint: Any = None
        self._compared: set[int] = set()  # accounts compared with the database within ``_savepoint``
        self.folds = 0  # whole ledgers folded, for metrics

    # --- the writer's thread ----------------------------------------------------------------------------------------

    def score(self, connection: Connection, account: int, documents: Sequence[Features]) -> list[Score]:
        """What the account's filter says now of the features of each document."""
        return score_many(self.get(connection, account), documents, prior=self.prior)

    def trained(self, connection: Connection, account: int) -> tuple[int, int]:
        """(spam, ham) messages that a score rests on: those trained, and the prior's as far as they still count."""
        return documents(self.get(connection, account), self.prior)

    def get(self, connection: Connection, account: int) -> Counts:
        """The account's counts as this transaction sees its ledger; one small statement per savepoint.

        Only when another node took rows away do they lag, until the background has folded the ledger anew.
        Never raises for what a ledger holds: with an unreadable one the filter knows nothing, so that mail
        still comes in.
        """
        savepoint = connection.get_nested_transaction() or connection.get_transaction()
        if savepoint is not self._savepoint:
            self._savepoint = savepoint
            self._compared.clear()
        if account in self._compared:
            return self._held[account].counts
        held = self._current(connection, account, ledger.find_head(connection, account), patient=True)
        self._compared.add(account)
        return held.counts

    @contextmanager
    def change(self, transaction: Transaction, account: int) -> Iterator[Change]:
        """Change the account's ledger and counts, together. Locks the ledger until the transaction ends.

        An exception from the block leaves the counts as before; rows are the savepoint's to undo. After the
        block the counts are true for this transaction, and stay so or are taken back as it ends (see above).
        """
        connection = transaction.connection
        head = ledger.lock_head(connection, account)
        held = self._current(connection, account, head, patient=False)
        change = Change(connection, account, held.counts, head)

        try:
            yield change
            if change.made:
                self._settle(transaction, held, change, change.write(head))
        except BaseException:
            take_back(held.counts, change.steps)
            raise

    def _settle(self, transaction: Transaction, held: LoadedModel, change: Change, moved: Head) -> None:
        sequence, row_stamp = ledger.last_entry(transaction.connection, change.account)
        held.pending.append((held.position, change.steps))
        held.position = Position(
            stamp=moved.stamp, rewritten=moved.rewritten, sequence=sequence, row_stamp=row_stamp
        )
        held.unsaved += len(change.steps)
        transaction.after_commit(lambda: held.committed(moved.stamp))

    def _current(self, connection: Connection, account: int, head: Head, *, patient: bool) -> LoadedModel:
        """Counts that hold what ``head`` tells of; a patient caller takes older ones rather than wait for a fold."""
        held = self._held.pop(account, None)
        if held is not None and held.position.rewritten == _UNREADABLE and not patient:
            held = None

        ready = self._ready.pop(account, None)
        if ready is not None and (held is None or account in self._wanted):
            held = ready
            self._wanted.discard(account)

        if held is None:
            held = self._load(
                account, lambda after: read_portion(connection, account, after), patient=patient
            )
        elif not held.take_back(head.stamp):
            held = self._follow(connection, account, held, patient=patient)

        self._held[account] = held
        self._evict(account)

        return held

    def _follow(
        self, connection: Connection, account: int, held: LoadedModel, *, patient: bool
    ) -> LoadedModel:
        """Another node changed the ledger."""
        if catch_up(held, lambda after: read_portion(connection, account, after)):
            return held
        if patient:
            self._wanted.add(account)
            return held
        return self._load(account, lambda after: read_portion(connection, account, after), patient=False)

    def _evict(self, keep: int) -> None:
        held_bytes = sum(held.counts.size_bytes for held in self._held.values())
        while held_bytes > self._memory_bytes and (oldest := next(iter(self._held))) != keep:
            held = self._held.pop(oldest)
            self._compared.discard(oldest)
            held_bytes -= held.counts.size_bytes
            if held.unsaved:
                self._leaving[oldest] = held

    def without(self, connection: Connection, account: int, row: Entry) -> tuple[float, float] | None:
        """Log-odds of a labelled message: by the counts as they are, and as they would be without its own label.

        None for a label that another version made: it does not count until it is carried over.
        """
        if not counts_in(row):
            return None

        counts = self.get(connection, account)
        features = features_from_bytes(row.features)
        known = score(counts, features, prior=self.prior).log_odds
        own = TrainingStep(features, row.label, forward=False)
        own.apply(counts)

        try:
            return known, score(counts, features, prior=self.prior).log_odds
        finally:
            own.take_back(counts)

    # --- loading: any thread ----------------------------------------------------------------------------------------

    def warm(self, account: int) -> None:
        """Load an account's model in this thread; the writer finds it ready. Before readiness, and for a first mail."""
        if account in self._wanted or (account not in self._held and account not in self._ready):
            self._ready[account] = self._load(
                account, lambda after: self._read_anew(account, after), patient=True
            )

    def warm_all(self) -> None:
        """Load every account's model, as far as memory goes: half a second for a million features. Before readiness."""
        with self._database.read() as connection:
            accounts = ledger.accounts_with_ledger(connection)
        for account in accounts:
            if sum(each.counts.size_bytes for each in list(self._ready.values())) < self._memory_bytes:
                self.warm(account)

    def _read_anew(self, account: int, after: int) -> tuple[Head, int, Sequence[Entry]]:
        with self._database.read() as connection:
            return read_portion(connection, account, after)

    def _load(self, account: int, read: Read, *, patient: bool) -> LoadedModel:
        """From the checkpoint and the rows after it; else all rows."""
        held = self._from_checkpoint(account)
        try:
            if held is not None and catch_up(held, read):
                return held
            return self._fold(account, read)
        except (ClassifierError, ValueError) as error:
            log.exception(
                "ledger cannot be folded", extra={"account": account, "error": type(error).__name__}
            )
            if not patient:
                raise Unavailable("the filter's ledger cannot be read; see the log") from error
            return LoadedModel(Counts(), Position(stamp=read(0)[0].stamp, rewritten=_UNREADABLE))

    def _from_checkpoint(self, account: int) -> LoadedModel | None:
        found = checkpoints.read(self._directory, account, features_version=FEATURES_VERSION)
        if found is None:
            return None
        try:
            return LoadedModel(from_bytes(found.counts), found.position)
        except ClassifierError as error:
            log.warning("checkpoint not used", extra={"account": account, "reason": type(error).__name__})
            return None

    def _fold(self, account: int, read: Read) -> LoadedModel:
        self.folds += 1
        for _ in range(ATTEMPTS):
            try:
                held = fold_ledger(read)
            except Moved:
                continue
            held.unsaved = 1
            return held
        raise Unavailable("the filter's ledger keeps changing; try again")

    # --- the background ---------------------------------------------------------------------------------------------

    def keep_up(self, writer: Writer, *, now: int) -> None:
        """Fold anew what needs it and write the checkpoints that are due. From a background job, every few seconds."""
        folds = Queue(self._database, writer, "folds", now=now)
        for account in sorted(self._wanted):
            folds.run(account, account, self.warm, account)

        written = Queue(self._database, writer, "checkpoints", now=now)
        for account in self.checkpoint_due(now=now):
            # a full disk costs time at the next start, not labels
            written.run(account, account, self.checkpoint, writer, account)

    def checkpoint_due(self, *, now: int) -> list[int]:
        """Accounts whose checkpoint is many changes or some minutes behind; evicted ones at once."""
        unsaved = {account: held.unsaved for account, held in list(self._held.items()) if held.unsaved}
        self._unsaved_since = {account: self._unsaved_since.get(account, now) for account in unsaved}
        due = {
            account
            for account, changes in unsaved.items()
            if changes >= CHECKPOINT_CHANGES or now - self._unsaved_since[account] >= CHECKPOINT_AFTER
        }
        return sorted(due | set(self._leaving))

    def checkpoint(self, writer: Writer, account: int) -> None:
        """Write the account's checkpoint: counts are copied in a turn of the writer, encoded and written here."""
        leaving = self._leaving.get(account)
        made = self._copy(writer, account) or leaving
        if made is None:
            return
        self._write(account, made)
        if self._leaving.get(account) is leaving:  # one that leaves meanwhile has more to write
            self._leaving.pop(account, None)
        if held := self._held.get(account):
            held.unsaved = max(0, held.unsaved - made.unsaved)

    def _write(self, account: int, made: LoadedModel) -> None:
        kept = Checkpoint(
            position=made.position,
            features_version=FEATURES_VERSION,
            rows=made.counts.spam + made.counts.ham,
            counts=to_bytes(made.counts),
        )
        checkpoints.write(self._directory, account, kept)

    def close(self) -> None:
        """Write every checkpoint that is behind. Call it when the writer has stopped."""
        for account, held in [*self._leaving.items(), *self._held.items()]:
            if held.unsaved:
                try:
                    self._write(account, held.known_committed())
                except OSError as error:
                    log.warning(
                        "checkpoint not written", extra={"account": account, "error": type(error).__name__}
                    )

    def snapshot(self, writer: Writer, account: int) -> Counts:
        """A copy of the committed counts, for a thread that looks at them longer than one turn of the writer."""
        self.warm(account)  # a cold one: at a million features 136 ms that are not the writer's
        writer.run(lambda transaction: self.get(transaction.connection, account))
        made = self._copy(writer, account)
        return made.counts if made else Counts()

    def _copy(self, writer: Writer, account: int) -> LoadedModel | None:
        """The committed counts of an account held in memory (a million features: some milliseconds of the writer)."""

        def take(_: Transaction) -> LoadedModel | None:
            held = self._held.get(account)
            return held.known_committed() if held else None

        return writer.run(take)

    def verify(self, writer: Writer, account: int) -> Verification:
        """Fold the account's ledger anew and compare it with memory; counts that differ are replaced by the fold.

        Raises ``Unavailable`` while labels are being taken away faster than the ledger can be read.
        """
        self.warm(account)
        writer.run(lambda transaction: self.get(transaction.connection, account))

        for _ in range(ATTEMPTS):
            held = self._copy(writer, account)
            if held is None:
                continue
            try:
                folded = fold_ledger(lambda after: self._read_anew(account, after), upto=held.position)
            except Moved:
                continue
            return self._verdict(writer, account, held, folded)

        raise Unavailable("the filter's ledger keeps changing; try again")

    def _verdict(self, writer: Writer, account: int, held: LoadedModel, folded: LoadedModel) -> Verification:
        in_memory = digest(held.counts)
        in_ledger = digest(folded.counts)
        if in_memory != in_ledger:
            log.error("model was not the fold of its ledger", extra={"account": account})
            self.forget(writer, account)

        return Verification(
            state="exact" if in_memory == in_ledger else "damaged",
            digest=in_memory.hex(),
            ledger_digest=in_ledger.hex(),
            rows=folded.counts.spam + folded.counts.ham,
            spam=folded.counts.spam,
            ham=folded.counts.ham,
        )

    def forget(self, writer: Writer, account: int) -> None:
        """Drop counts and checkpoint; the next use folds the ledger. For an erasure, an account that goes, a repair."""

        def drop(_: Transaction) -> None:
            for models in (self._held, self._ready, self._leaving):
                models.pop(account, None)
            self._compared.discard(account)

        writer.run(drop)
        checkpoints.remove(self._directory, account)

"""Counts and the ledger rows they are the sum of: adding rows, taking a change back, folding a whole ledger.

Values and functions for ``mailhub.filter.models``, which owns the memory and the threads. ``Read`` gives a
portion of a ledger; where it reads from (the writer's transaction, a snapshot of its own) is the caller's
business. Durable states: none. Must not: write anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from classifier.model import Counts, fold, train, untrain
from classifier.tokens import FEATURES_VERSION, Features, features_from_bytes
from mailhub.filter.checkpoints import Position
from storage.database import Connection
from storage.filter import ledger
from storage.filter.ledger import Entry, Head

PORTION = 1_000  # ledger rows of one read: a reader must not hold back checkpoints of the database for long

Read = Callable[[int], tuple[Head, int, Sequence[Entry]]]


class Moved(Exception):
    """Rows were taken away while the ledger was being read."""


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One training, or its opposite."""

    features: Features
    label: str
    forward: bool

    def apply(self, counts: Counts) -> None:
        (train if self.forward else untrain)(counts, self.features, self.label)

    def take_back(self, counts: Counts) -> None:
        (untrain if self.forward else train)(counts, self.features, self.label)


def counts_in(row: Entry) -> bool:
    """Whether a row is part of the model: ids of another tokeniser mean something else."""
    return row.features_version == FEATURES_VERSION


def step(row: Entry, *, forward: bool) -> TrainingStep:
    """What a ledger row trained. Raises ``ValueError`` for features that cannot be."""
    return TrainingStep(features_from_bytes(row.features), row.label, forward)


def take_back(counts: Counts, steps: list[TrainingStep]) -> None:
    """Undo steps, the last one first."""
    while steps:
        steps.pop().take_back(counts)


@dataclass(slots=True)
class LoadedModel:
    """Counts in memory, the rows they are the sum of, and how to take back what may not have been committed."""

    counts: Counts
    position: Position
    pending: list[tuple[Position, list[TrainingStep]]] = field(
        default_factory=list
    )  # (position before, what was done)
    unsaved: int = 0  # changes since the last checkpoint

    def take_back(self, stamp: int) -> bool:
        """Undo pending changes until ``stamp`` is the last one; False when it is none of ours (and all are undone)."""
        while self.position.stamp != stamp and self.pending:
            self.position, steps = self.pending.pop()
            take_back(self.counts, steps)
        return self.position.stamp == stamp

    def committed(self, stamp: int) -> None:
        """What was done up to this stamp is durable."""
        for index, (before, _) in enumerate(self.pending):
            if before.stamp == stamp:
                del self.pending[:index]
                return
        self.pending.clear()

    def add(self, head: Head, rows: Sequence[Entry]) -> None:
        """Rows that were appended after ours."""
        for row in rows:
            if counts_in(row):
                step(row, forward=True).apply(self.counts)
            self.position = replace(self.position, sequence=row.sequence, row_stamp=row.stamp)
        self.position = replace(self.position, stamp=head.stamp)
        self.unsaved += len(rows)

    def known_committed(self) -> LoadedModel:
        """A copy without the changes that may still be undone."""
        made = LoadedModel(self.counts.copy(), self.position, unsaved=self.unsaved)
        for before, steps in reversed(self.pending):
            take_back(made.counts, list(steps))
            made.position = before
        return made


def read_portion(connection: Connection, account: int, after: int) -> tuple[Head, int, Sequence[Entry]]:
    """(head, stamp of row ``after``, the rows that follow). The head first: rows newer than it do no harm."""
    head = ledger.find_head(connection, account)
    row_stamp = ledger.stamp_at(connection, account, after)
    return head, row_stamp, ledger.entries_after(connection, account, after, limit=PORTION)


def catch_up(held: LoadedModel, read: Read) -> bool:
    """Add the rows after those held; False when what is held is no beginning of the ledger (and is left as it was)."""
    while True:
        head, row_stamp, rows = read(held.position.sequence)
        if head.rewritten != held.position.rewritten or row_stamp != held.position.row_stamp:
            return False
        held.add(head, rows)
        if len(rows) < PORTION:
            return True


def fold_ledger(read: Read, *, upto: Position | None = None) -> LoadedModel:
    """The sum of all rows, or of those up to a position. Raises ``Moved`` when rows are taken away meanwhile."""
    position = Position(rewritten=upto.rewritten if upto else read(0)[0].rewritten)

    def rows() -> Iterator[tuple[str, bytes]]:
        nonlocal position
        while True:
            head, row_stamp, portion = read(position.sequence)
            if head.rewritten != position.rewritten or row_stamp != position.row_stamp:
                raise Moved
            position = replace(position, stamp=head.stamp)
            for row in portion:
                if upto is not None and row.sequence > upto.sequence:
                    return
                position = replace(position, sequence=row.sequence, row_stamp=row.stamp)
                if counts_in(row):
                    yield row.label, row.features
            if len(portion) < PORTION:
                return

    counts = fold(rows())
    return LoadedModel(counts, position)

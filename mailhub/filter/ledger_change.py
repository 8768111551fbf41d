"""One change to one account's ledger, in which rows and counts move together. Made by ``Models.change``, never alone.

Counts move at once, so that what follows in the same transaction sees them; rows are written when the change
is done. Durable states: rows of ``ledger`` and the ``ledger_head``, in the caller's transaction. Must not:
decide what becomes of counts when the transaction fails (``models``), or write marks (``feedback``).
"""

from __future__ import annotations

import secrets

from classifier.model import Counts
from classifier.tokens import Features, features_from_bytes
from mailhub.filter.folding import TrainingStep, counts_in
from storage.database import Connection
from storage.filter import ledger
from storage.filter.ledger import Entry, Head


class Change:
    """One change to one account's ledger: rows and counts move together. Made by ``Models.change``."""

    def __init__(self, connection: Connection, account: int, counts: Counts, head: Head) -> None:
        self.connection = connection
        self.account = account
        self.stamp = secrets.randbits(62) + 1
        self.rewrites = False
        self.made = False  # whether anything changed
        self.steps: list[TrainingStep] = []
        self.next_sequence = head.next_sequence
        self._counts = counts
        self._added: list[Entry] = []
        self._removed: list[int] = []

    def take_sequence(self) -> int:
        """The number of the next mark; no other mark ever gets it."""
        self.made = True
        self.next_sequence += 1
        return self.next_sequence - 1

    def add(self, entry: Entry, features: Features) -> None:
        """Put a label in force and train it. ``entry`` bears this change's stamp and these features, encoded.

        A sequence not just taken makes it a rewriting of the past.
        """
        self.made = True
        self._do(TrainingStep(features, entry.label, forward=True))
        self._added.append(entry)
        self.rewrites |= entry.sequence != self.next_sequence - 1

    def remove(self, entry: Entry) -> Features | None:
        """Take a label out of force and its training back; the features it had, None for those of another version.

        Raises ``CountBelowZero``, and changes nothing, if the counts never held it.
        """
        features = None
        self.made = self.rewrites = True
        if counts_in(entry):
            features = features_from_bytes(entry.features)
            self._do(TrainingStep(features, entry.label, forward=False))
        self._removed.append(entry.sequence)
        return features

    def _do(self, step: TrainingStep) -> None:
        step.apply(self._counts)
        self.steps.append(step)

    def write(self, head: Head) -> Head:
        """The rows, and the head that names this change."""
        ledger.remove_entries(self.connection, self.account, self._removed)
        ledger.add_entries(self.connection, self.account, self._added)
        moved = Head(
            next_sequence=self.next_sequence,
            stamp=self.stamp,
            rewritten=self.stamp if self.rewrites else head.rewritten,
        )
        ledger.save_head(self.connection, self.account, moved)
        return moved

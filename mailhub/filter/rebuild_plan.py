"""How an account's labels stand with this version's tokeniser. Must not: load the filter (`doctor` asks here)."""

from __future__ import annotations

from dataclasses import dataclass

from classifier.tokens import FEATURES_VERSION
from storage.database import Connection
from storage.filter import ledger_versions

ASKED = 5  # a loss above one in so many labels is asked about first


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildPlan:
    """What a rebuild would do to an account's labels."""

    labels: int  # in force
    waiting: int  # of them, made by another version: the model does not hold them
    lost: int  # of these, without a raw message: they cannot be carried over and would be dropped

    @property
    def asks(self) -> bool:
        """Whether so much would be lost that a person has to say yes."""
        return self.lost * ASKED > self.labels


def plan(connection: Connection, account: int) -> RebuildPlan:
    """How the account's labels stand."""
    return RebuildPlan(
        labels=ledger_versions.count_all(connection, account),
        waiting=ledger_versions.count_other(connection, account, FEATURES_VERSION),
        lost=ledger_versions.count_lost(connection, account, FEATURES_VERSION),
    )

"""An act as a value: somebody does something to an account now, in this transaction. What it did is on record.

An act collects what happened in it: whoever opened the transaction can hand that to what answers events,
before the commit. Not here: how the journal is chained (``storage.proof.journal``), who may act
(``access.roles``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Concatenate, ParamSpec, TypeVar

from storage.proof import journal
from storage.writer import Transaction

P = ParamSpec("P")
T = TypeVar("T")

MACHINE = journal.MACHINE  # the "account" of acts that concern none, or one that is only made by them


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing an act did: the journal's verb, what it was done to (``ticket:12``), and what undoing needs."""

    verb: str
    on: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, to which account, when, and in which transaction. Commits nothing."""

    transaction: Transaction
    actor: str  # as the journal writes it: "user:12", "operator:0", "system"
    account: int
    now: int
    happened: list[Happened] = field(default_factory=list)

    def record(self, verb: str, on: str, /, **detail: Any) -> None:
        """Write the journal row of what was done."""
        journal.append(
            self.transaction.connection,
            self.account,
            self.transaction.node,
            at=self.now,
            actor=self.actor,
            verb=verb,
            object_=on,
            detail=detail,
        )
        self.happened.append(Happened(verb, on, detail))

    def record_all(self, verb: str, done: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Write the journal rows of one thing done to many: (what it was done to, its detail) of each."""
        journal.append_all(
            self.transaction.connection,
            self.account,
            self.transaction.node,
            done,
            at=self.now,
            actor=self.actor,
            verb=verb,
        )
        self.happened.extend(Happened(verb, on, detail) for on, detail in done)

    def of(self, account: int) -> Act:
        """The same act, as far as it concerns this account: what happens there is part of it."""
        return replace(self, account=account)


def perform(
    transaction: Transaction,
    function: Callable[Concatenate[Act, P], T],
    actor: str,
    account: int,
    now: int,
    /,
    *args: P.args,
    **named: P.kwargs,
) -> T:
    """Do one act in this transaction: what the writer is given, ``writer.run(perform, function, actor, ...)``."""
    return function(Act(transaction, actor, account, now), *args, **named)

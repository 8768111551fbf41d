"""Labels that another version's tokeniser made are carried over to this one: their features are made anew from the raw.

    Rebuild.begin   plan -> ask, if too much would be lost -> drop the labels whose raw is gone (writer, in portions)
    Rebuild.step    read_anew (caller's thread) --carry (writer)--> the row after which to go on

There is one tokeniser in the package, so the old features cannot be scored by and the old counts cannot be
used: until a row is carried over it does not count, and the model is the sum of the rows carried so far
(verdicts are unsure below the minimum of marks, as for a new account). Mail comes in and is scored all the
while; marks go on.

The rows say what is left to do, so a stop, or a kill, at any point costs nothing, and no row is carried
twice. A row that was changed meanwhile (marked again, redacted) is left as it is: the change has given it
this version's features. Must not: know how a message becomes features (the caller's ``extract`` does).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from classifier.tokens import FEATURES_VERSION, Features
from mailhub.errors import Conflict
from mailhub.filter.expiry import not_held
from mailhub.filter.labelling import Taught, taught_by
from mailhub.filter.models import Models
from mailhub.filter.rebuild_plan import RebuildPlan, plan
from mailhub.proof.act import Act, perform
from mailhub.system.queues import Queue
from storage.database import Database
from storage.filter import labels, ledger, ledger_versions
from storage.filter.ledger import Entry
from storage.mail.derived import Received, find_received
from storage.writer import Writer

STEP = 16  # labels of one turn of the writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """The work on one account. ``extract`` makes the features of a stored message, and may raise.

    ``actor`` is whom the journal names for every turn that changes something.
    """

    database: Database
    writer: Writer
    models: Models
    account: int
    extract: Callable[[Received], Features]
    actor: str = "mailhub"

    def plan(self) -> RebuildPlan:
        """How the account's labels stand now."""
        with self.database.read() as connection:
            return plan(connection, self.account)

    def begin(self, *, yes: bool, now: int) -> int:
        """Drop the labels that are lost; how many went.

        Raises ``Conflict``, and nothing is changed, when more than a fifth would be lost and nobody said yes.
        """
        planned = self.plan()
        if planned.asks and not yes:
            raise Conflict(
                f"{planned.lost} of {planned.labels} labels cannot be carried over to this version: their mail is gone."
                " `mailhub spam rebuild --yes` drops them and carries the others"
            )

        dropped = 0
        after = 0 if planned.lost else None
        while after is not None:
            gone, after = self.writer.run(
                perform, drop, self.actor, self.account, now, self.models, after=after
            )
            dropped += gone

        return dropped

    def step(self, *, after: int, now: int) -> tuple[int, int | None]:
        """Carry the next rows over: (how many, where to go on; None at the end)."""
        queue = Queue(self.database, self.writer, "features", now=now)
        anew = read_anew(self.database, self.account, after=after, extract=self.extract)
        rows = {row.message_id: (row, taught) for row, taught in anew.rows}
        return sum(queue.together(self.account, rows, partial(self._carry, now))), anew.next

    def _carry(self, now: int, rows: Sequence[tuple[Entry, Taught]]) -> int:
        return self.writer.run(perform, carry, self.actor, self.account, now, self.models, rows)


def drop(act: Act, models: Models, *, after: int) -> tuple[int, int | None]:
    """Take the next labels out of force whose raw is gone: (how many, where to go on; None at the end).

    Everything that was said about their messages goes with them. What a hold covers stays, and does not count.
    """
    connection = act.transaction.connection
    found = ledger_versions.lost_after(connection, act.account, FEATURES_VERSION, after=after, limit=STEP)

    with models.change(act.transaction, act.account) as change:
        rows = ledger.entries_of(connection, act.account, [message for _, message in found])
        going = not_held(connection, act.account, list(rows.values()), act.now)
        for row in going:
            change.remove(row)

    gone = [row.message_id for row in going]
    ledger.forget_messages(connection, act.account, gone)
    labels.remember_labels(connection, act.account, gone)
    _record(act, {"dropped": len(gone)})

    return len(gone), found[-1][0] if len(found) == STEP else None


@dataclass(frozen=True, slots=True)
class TaughtAnew:
    """Rows with what their messages teach now. ``next``: the row after which to go on; None at the end."""

    rows: Sequence[tuple[Entry, Taught]]
    next: int | None


def read_anew(
    database: Database, account: int, *, after: int, extract: Callable[[Received], Features]
) -> TaughtAnew:
    """The next rows that wait, and the features of their messages, read in the caller's thread.

    A message that cannot be read (any more) is left out: its row stays, and is counted as waiting.
    """
    with database.read() as connection:
        rows = ledger_versions.others_after(connection, account, FEATURES_VERSION, after=after, limit=STEP)
    found = []
    for row in rows:
        with database.read() as connection:
            received = find_received(connection, account, row.message_id)
        if received is not None and (taught := taught_by(extract, received)) is not None:
            found.append((row, taught))
    return TaughtAnew(found, rows[-1].sequence if len(rows) == STEP else None)


def carry(
    act: Act,
    models: Models,
    rows: Sequence[tuple[Entry, Taught]],
) -> int:
    """Let rows that are still as they were read have these features, and count; how many were."""
    carried = 0
    with models.change(act.transaction, act.account) as change:
        present = ledger.entries_of(
            act.transaction.connection, act.account, [row.message_id for row, _ in rows]
        )
        for row, taught in rows:
            held = present.get(row.message_id)
            if held is None or held.stamp != row.stamp or held.sequence != row.sequence:
                continue
            change.remove(held)
            anew = replace(
                held, features_version=FEATURES_VERSION, features=taught.encoded, stamp=change.stamp
            )
            change.add(anew, taught.features)
            carried += 1

    _record(act, {"carried": carried})
    return carried


def _record(act: Act, done: dict[str, int]) -> None:
    """The act of this turn in the journal, if it changed anything."""
    if not any(done.values()):
        return
    act.record("spam.rebuild", f"account:{act.account}", version=FEATURES_VERSION, **done)

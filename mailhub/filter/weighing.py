"""Marks as people see them: what each weighs now, and where two agents disagree. Reads only.

Must not: change a label (``feedback``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from classifier.model import HAM, SPAM
from mailhub.filter.models import Models
from storage.filter import ledger
from storage.filter.ledger import Mark
from storage.writer import Transaction

PORTION = 16  # marks weighed in one turn of the writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A mark, and what it weighs. None: it does not count (superseded, taken back, revoked, or not carried over yet).

    ``alone`` is the message's log-odds if this label did not exist: far on the other side of 0, it may be a mistake.
    ``conflict``: the last words of two users about this message differ; the later one is in force.
    """

    mark: Mark
    conflict: bool = False
    log_odds: float | None = None
    alone: float | None = None


def is_conflict(words: Iterable[Mark]) -> bool:
    """Whether people disagree: the last words of one message, one a user. What was only handled disagrees
    with nobody.
    """
    return {SPAM, HAM} <= {each.label for each in words if each.source not in ledger.WEAK}


def list_marks(
    transaction: Transaction,
    models: Models,
    account: int,
    *,
    user: int | None = None,
    before: int,
    limit: int = PORTION,
) -> list[Weighed]:
    """Marks, latest first, each with a sequence below ``before``; in the writer, so at most some tens at a time."""
    connection = transaction.connection
    marks = ledger.list_marks(connection, account, user_id=user, before=before, limit=limit)
    messages = {each.message_id for each in marks}
    in_force = ledger.entries_of(connection, account, messages)
    words = ledger.last_words(connection, account, messages)
    found = []

    for each in marks:
        row = in_force.get(each.message_id)
        conflict = is_conflict(words.get(each.message_id, {}).values())
        if row is None or row.sequence != each.sequence:
            found.append(Weighed(mark=each, conflict=conflict))
        else:
            log_odds, alone = models.without(connection, account, row) or (None, None)
            found.append(Weighed(mark=each, conflict=conflict, log_odds=log_odds, alone=alone))

    return found

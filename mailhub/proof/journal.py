"""An act on record: the one way in which flows write the journal. Not here: how it is chained
(``storage.proof.journal``).
"""

from __future__ import annotations

from typing import Any

from storage.proof import journal
from storage.writer import Transaction


def record(
    transaction: Transaction, actor: str, account: int, *, verb: str, on: str, now: int, **detail: Any
) -> None:
    """Write the journal row of an act."""
    journal.append(
        transaction.connection,
        account,
        transaction.node,
        at=now,
        actor=actor,
        verb=verb,
        object_=on,
        detail=detail,
    )

"""Rows of allow and deny lists of senders. Functions take a connection of the caller's transaction.

Patterns are in the spelling of ``mailhub.filter.senders``; what they mean is decided there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from storage.schema import sender_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderRule:
    """One rule. ``list`` is allow or deny."""

    account_id: int
    id: int
    list: str
    pattern: str
    created_at: int


_COLUMNS = tuple(sender_rule.c[name] for name in SenderRule.__slots__)


def add_sender_rule(connection: Connection, row: SenderRule) -> None:
    """Insert a rule; IntegrityError when the account has one for this pattern already, in whichever list."""
    connection.execute(
        insert(sender_rule).values({name: getattr(row, name) for name in SenderRule.__slots__})
    )


def find_sender_rule(connection: Connection, account_id: int, pattern: str) -> SenderRule | None:
    """The rule for exactly this pattern."""
    query = select(*_COLUMNS).where(sender_rule.c.account_id == account_id, sender_rule.c.pattern == pattern)
    row = connection.execute(query).one_or_none()
    return SenderRule(**row._mapping) if row else None


def list_sender_rules(
    connection: Connection, account_id: int, kind: str, *, after: int = 0, limit: int = 1000
) -> Sequence[SenderRule]:
    """Rules of one list by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(
        sender_rule.c.account_id == account_id, sender_rule.c.list == kind, sender_rule.c.id > after
    )
    return [
        SenderRule(**row._mapping)
        for row in connection.execute(query.order_by(sender_rule.c.id).limit(limit))
    ]


def remove_sender_rule(connection: Connection, account_id: int, kind: str, rule: int) -> bool:
    """Delete a rule of a list; False when there is no such one."""
    own = (sender_rule.c.account_id == account_id, sender_rule.c.list == kind, sender_rule.c.id == rule)
    return bool(connection.execute(delete(sender_rule).where(*own)).rowcount)

"""Signed statements of how far each chain of the journal had come: who keeps one sees every change before it.

Durable state: table journal_anchor, numbered 1, 2, ... per node, each holding the hash of the one before.
Functions take a connection and commit nothing. Signing and checking: ``mailhub/proof/audit.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, and_, func, insert, select

from storage.schema import journal, journal_anchor


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One anchor. ``heads`` is JSON text, signed as it is: [account, sequence, hash in hex] of each chain that grew."""

    node: int
    sequence: int
    at: int
    heads: str
    previous: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainHead:
    """The last row of a chain."""

    account: int
    sequence: int
    hash: bytes


def add_anchor(connection: Connection, anchor: Anchor) -> None:
    """Keep an anchor. Raises ``IntegrityError`` when the node made this number already."""
    values = {name: getattr(anchor, name) for name in Anchor.__slots__}
    connection.execute(insert(journal_anchor).values(values))


def find_last_anchor(connection: Connection, node: int) -> Anchor | None:
    """The node's latest."""
    query = select(journal_anchor).where(journal_anchor.c.node == node)
    row = connection.execute(query.order_by(journal_anchor.c.sequence.desc()).limit(1)).one_or_none()
    return _anchor(row) if row else None


def list_anchors(connection: Connection, *, after: tuple[int, int], limit: int) -> Sequence[Anchor]:
    """Anchors of all nodes behind (node, sequence), in that order."""
    node, sequence = after
    later = and_(journal_anchor.c.node == node, journal_anchor.c.sequence > sequence)
    query = select(journal_anchor).where(later | (journal_anchor.c.node > node))
    ordered = query.order_by(journal_anchor.c.node, journal_anchor.c.sequence).limit(limit)
    return [_anchor(row) for row in connection.execute(ordered)]


def list_heads(connection: Connection, node: int, *, since: int) -> Sequence[ChainHead]:
    """The last row of each chain the node wrote to at or after ``since`` (microseconds), by account."""
    last = func.max(journal.c.sequence).label("sequence")
    grown = select(journal.c.account_id, last).where(journal.c.node == node, journal.c.at >= since)
    ends = grown.group_by(journal.c.account_id).subquery()
    same = (journal.c.account_id == ends.c.account_id) & (journal.c.sequence == ends.c.sequence)
    query = select(journal.c.account_id, journal.c.sequence, journal.c.hash).select_from(
        journal.join(ends, same)
    )
    rows = connection.execute(query.where(journal.c.node == node).order_by(journal.c.account_id))
    return [ChainHead(account=row.account_id, sequence=row.sequence, hash=row.hash) for row in rows]


def _anchor(row: Row[tuple[object, ...]]) -> Anchor:
    return Anchor(**row._mapping)

"""The append-only record of acts: who did what to which object, with opaque ids and words only, enough to undo it.

Durable state: table journal, numbered 1, 2, ... for each account and node without a gap; a node's writer alone appends
to its part. Erasing a person never touches it, so no address, name or text may get into ``detail``.
Each row carries a hash over itself and the one before it, so that a chain is as good as its last hash; who holds that
(``anchors``) sees every change before it. Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, tuple_

from storage.schema import journal

MACHINE = 0  # the "account" of acts that concern none: the operator's chain
GENESIS = bytes(32)  # what the first row of a chain follows
CHAINED = ("account_id", "node", "sequence", "at", "actor", "verb", "object", "detail")

_CHAIN = (journal.c.account_id == bindparam("account"), journal.c.node == bindparam("node"))
_LAST = select(journal.c.sequence, journal.c.hash).where(*_CHAIN).order_by(journal.c.sequence.desc()).limit(1)

Place = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One act. ``object`` is ``ticket:ID`` and the like; ``at`` in microseconds since the epoch."""

    node: int
    sequence: int
    at: int
    actor: str
    verb: str
    object: str
    detail: Mapping[str, Any]


def append(
    connection: Connection,
    account_id: int,
    node: int,
    *,
    at: int,
    actor: str,
    verb: str,
    object_: str,
    detail: Mapping[str, Any],
) -> int:
    """Record an act; its sequence number. ``MACHINE`` is the account of acts that belong to none."""
    return append_all(connection, account_id, node, [(object_, detail)], at=at, actor=actor, verb=verb)


def append_all(
    connection: Connection,
    account_id: int,
    node: int,
    acts: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    at: int,
    actor: str,
    verb: str,
) -> int:
    """Record one kind of act on many objects, (object, detail) each, in two statements; the last sequence number."""
    sequence, digest = _head(connection, account_id, node)
    rows = []

    for object_, detail in acts:
        sequence += 1
        row = {
            "account_id": account_id,
            "node": node,
            "sequence": sequence,
            "at": at,
            "actor": actor,
            "verb": verb,
        }
        row |= {"object": object_, "detail": _text(detail)}
        digest = chained(digest, row)
        rows.append(row | {"hash": digest})

    if rows:
        connection.execute(insert(journal), rows)

    return sequence


def chained(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash of a row that follows one with the hash ``previous``: SHA-256 over both, the row as a JSON list."""
    plain = json.dumps([row[name] for name in CHAINED], separators=(",", ":"), ensure_ascii=True)
    return sha256(previous + plain.encode("ascii")).digest()


def _head(connection: Connection, account_id: int, node: int) -> tuple[int, bytes]:
    row = connection.execute(_LAST, {"account": account_id, "node": node}).one_or_none()
    return (row.sequence, row.hash) if row else (0, GENESIS)


def _text(detail: Mapping[str, Any]) -> str:
    return json.dumps(detail, separators=(",", ":"), sort_keys=True)


def list_chain(
    connection: Connection, *, after: Place, account_id: int | None, limit: int
) -> Sequence[Row[Any]]:
    """Rows of all chains (or of one account's) behind a place, in the order of account, node, sequence."""
    place = tuple_(journal.c.account_id, journal.c.node, journal.c.sequence)
    query = select(journal).where(place > tuple_(*after)).order_by(*place).limit(limit)
    if account_id is not None:
        query = query.where(journal.c.account_id == account_id)
    return connection.execute(query).all()


def list_acts(
    connection: Connection,
    account_id: int,
    *,
    object_: str | None = None,
    actor: str | None = None,
    verb: str | None = None,
    before: Place | None = None,
    limit: int = 50,
) -> Sequence[JournalEntry]:
    """Acts in an account, the newest first; ``before`` is (at, node, sequence) of the last row of the page before."""
    place = tuple_(journal.c.at, journal.c.node, journal.c.sequence)
    query = select(journal).where(journal.c.account_id == account_id)
    wanted = {journal.c.object: object_, journal.c.actor: actor, journal.c.verb: verb}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if before is not None:
        query = query.where(place < tuple_(*before))
    newest = query.order_by(*(column.desc() for column in place)).limit(limit)
    return [_entry(row) for row in connection.execute(newest)]


def of_object(connection: Connection, account_id: int, object_: str) -> Sequence[JournalEntry]:
    """All acts on one object, oldest first."""
    query = select(journal).where(journal.c.account_id == account_id, journal.c.object == object_)
    rows = connection.execute(query.order_by(journal.c.at, journal.c.node, journal.c.sequence))
    return [_entry(row) for row in rows]


def find_last(connection: Connection, account_id: int, object_: str, verb: str) -> JournalEntry | None:
    """The latest act of this kind on the object."""
    query = select(journal).where(
        journal.c.account_id == account_id, journal.c.object == object_, journal.c.verb == verb
    )
    latest = query.order_by(journal.c.at.desc(), journal.c.node.desc(), journal.c.sequence.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    return _entry(row) if row else None


def _entry(row: Row[Any]) -> JournalEntry:
    return JournalEntry(
        node=row.node,
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        verb=row.verb,
        object=row.object,
        detail=json.loads(row.detail),
    )

"""Tombstones: what went for good and must not come back by a re-fetch, a resend or a restored backup.

Durable states: ``tombstone`` (a message, by its identity) and ``person_tombstone`` (an address with a cut
time), both hashed with a key that no backup holds. Both stay until ``expire`` finds their time come.
Functions take a connection of the caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import Column, Connection, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.engine.by_date import Over
from storage.schema import message, person_tombstone, redaction, tombstone

DIGEST_BYTES = 16
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstones:
    """How messages that go for good are remembered: the key of the digests, and when they went."""

    key: bytes
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonTombstone:
    """An erased address, as far as anybody may know it."""

    account_id: int
    digest: bytes
    cut_at: int
    expires_at: int | None


_KINDS: tuple[tuple[Table, Column[Any]], ...] = (  # what backups need, and since when it went
    (tombstone, tombstone.c.erased_at),
    (person_tombstone, person_tombstone.c.cut_at),
    (redaction, redaction.c.redacted_at),
)


def of_message(identity: bytes, key: bytes) -> bytes:
    """What a message of this identity is remembered by."""
    return blake2b(identity, key=key, digest_size=DIGEST_BYTES, person=b"message").digest()


def of_address(address: str, key: bytes) -> bytes:
    """What an address is remembered by, however it is written."""
    plain = address.strip().lower().encode("utf-8", "replace")
    return blake2b(plain, key=key, digest_size=DIGEST_BYTES, person=b"address").digest()


def bury(connection: Connection, account_id: int, messages: Sequence[int], tombstones: Tombstones) -> None:
    """Leave a tombstone for each of these messages (some hundred at a time), which are still there."""
    query = select(message.c.identity).where(message.c.account_id == account_id, message.c.id.in_(messages))
    digests = sorted(
        {of_message(identity, tombstones.key) for identity in connection.execute(query).scalars()}
    )
    rows = [
        {"account_id": account_id, "digest": digest, "erased_at": tombstones.at, "expires_at": None}
        for digest in digests
    ]
    if rows:
        insert = _INSERT[connection.dialect.name](tombstone)
        connection.execute(insert.on_conflict_do_nothing(index_elements=["account_id", "digest"]), rows)


def find_erased(connection: Connection, account_id: int, digests: Collection[bytes]) -> set[bytes]:
    """Those of these digests of messages that have a tombstone."""
    query = select(tombstone.c.digest).where(
        tombstone.c.account_id == account_id, tombstone.c.digest.in_(digests)
    )
    return set(connection.execute(query).scalars())


def bury_people(connection: Connection, account_id: int, digests: Iterable[bytes], *, cut_at: int) -> None:
    """Remember erased addresses; a later cut replaces an earlier one."""
    for digest in digests:
        row = {"account_id": account_id, "digest": digest, "cut_at": cut_at, "expires_at": None}
        statement = _INSERT[connection.dialect.name](person_tombstone).values(row)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "digest"], set_={"cut_at": cut_at, "expires_at": None}
            )
        )


def list_people(connection: Connection, account_id: int) -> Sequence[PersonTombstone]:
    """Every erased address of an account."""
    query = select(person_tombstone).where(person_tombstone.c.account_id == account_id)
    return [
        PersonTombstone(**row._mapping)
        for row in connection.execute(query.order_by(person_tombstone.c.digest))
    ]


def accounts_with_people(connection: Connection) -> Sequence[int]:
    """Accounts in which somebody was erased."""
    query = select(person_tombstone.c.account_id).distinct().order_by(person_tombstone.c.account_id)
    return connection.execute(query).scalars().all()


def let_expire(connection: Connection, *, before: int, at: int) -> None:
    """What went before ``before`` is in no backup made after it: those of every account end at ``at``."""
    for table, went in _KINDS:
        lasting = (went < before, table.c.expires_at.is_(None))
        connection.execute(update(table).where(*lasting).values(expires_at=at))


def tombstones_over(now: int) -> Sequence[Over]:
    """Those of each kind whose time has come."""
    return [Over(table, table.c.expires_at <= now) for table, _ in _KINDS]


def count(connection: Connection, account_id: int) -> Mapping[str, int]:
    """How many of each kind an account has."""
    return {
        table.name: connection.execute(
            select(func.count()).select_from(table).where(table.c.account_id == account_id)
        ).scalar_one()
        for table in (tombstone, person_tombstone)
    }

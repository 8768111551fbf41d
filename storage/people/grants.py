"""Grants: which operator may read an account's content, until when, and who allowed it.

Durable state: table access_grant; a grant is never deleted, only revoked. Functions take a connection, commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select, update

from storage.schema import access_grant


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One permission. Instants in microseconds since the epoch."""

    account_id: int
    id: int
    operator_uid: int
    reason: str
    user_id: int
    created_at: int
    ends_at: int
    revoked_at: int | None = None


def add_grant(connection: Connection, grant: Grant) -> None:
    """Insert a grant."""
    connection.execute(insert(access_grant).values({name: getattr(grant, name) for name in Grant.__slots__}))


def find_grant_in_force(
    connection: Connection, account_id: int, operator_uid: int, *, now: int
) -> Grant | None:
    """One that lets this operator read this account now; of several the one that ends last."""
    table = access_grant.c
    in_force = (table.revoked_at.is_(None), table.created_at <= now, table.ends_at > now)
    query = select(access_grant).where(
        table.account_id == account_id, table.operator_uid == operator_uid, *in_force
    )
    row = connection.execute(query.order_by(table.ends_at.desc()).limit(1)).one_or_none()
    return _grant(row) if row else None


def list_grants(connection: Connection, account_id: int, *, after: int, limit: int) -> Sequence[Grant]:
    """Grants of an account by id, those that ended among them."""
    query = select(access_grant).where(access_grant.c.account_id == account_id, access_grant.c.id > after)
    return [_grant(row) for row in connection.execute(query.order_by(access_grant.c.id).limit(limit))]


def revoke_grant(connection: Connection, account_id: int, grant: int, now: int) -> Grant | None:
    """End a grant now; the grant, None when there is no such one. One that was revoked before keeps its instant."""
    there = (access_grant.c.account_id == account_id, access_grant.c.id == grant)
    connection.execute(
        update(access_grant).where(*there, access_grant.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    row = connection.execute(select(access_grant).where(*there)).one_or_none()
    return _grant(row) if row else None


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(**row._mapping)

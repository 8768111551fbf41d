"""Rows of allow-lists: from which networks whom. Functions take a connection of the caller's transaction.

Networks are in the spelling of ``mailhub.access.networks``; what they mean is decided there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from storage.schema import allow_list


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedNetwork:
    """One rule. ``role`` is owner, admin, agent or everyone."""

    account_id: int
    id: int
    role: str
    network: str
    created_at: int


_COLUMNS = tuple(allow_list.c[name] for name in AllowedNetwork.__slots__)


def add_allowed_network(connection: Connection, row: AllowedNetwork) -> None:
    """Insert a rule; IntegrityError when this role has this network already."""
    connection.execute(
        insert(allow_list).values({name: getattr(row, name) for name in AllowedNetwork.__slots__})
    )


def list_allowed_networks(
    connection: Connection, account_id: int, *, after: int = 0, limit: int = 1000
) -> Sequence[AllowedNetwork]:
    """Rules of an account by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(allow_list.c.account_id == account_id, allow_list.c.id > after)
    return [
        AllowedNetwork(**row._mapping)
        for row in connection.execute(query.order_by(allow_list.c.id).limit(limit))
    ]


def networks_by_role(connection: Connection, account_id: int) -> Sequence[tuple[str, str]]:
    """(role, network) of every rule of an account."""
    query = select(allow_list.c.role, allow_list.c.network).where(allow_list.c.account_id == account_id)
    return [(row.role, row.network) for row in connection.execute(query)]


def remove_allowed_network(connection: Connection, account_id: int, rule: int) -> bool:
    """Delete a rule; False when there is no such one."""
    gone = connection.execute(
        delete(allow_list).where(allow_list.c.account_id == account_id, allow_list.c.id == rule)
    )
    return bool(gone.rowcount)

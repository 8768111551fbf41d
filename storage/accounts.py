"""Rows of accounts (tenants). Functions take a connection of the caller's transaction and commit nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from .schema import account


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One tenant. Instants are microseconds since the epoch, UTC."""

    id: int
    name: str
    stage: str
    billing: str
    created_at: int
    stage_entered_at: int


_COLUMNS = (
    account.c.id,
    account.c.name,
    account.c.stage,
    account.c.billing,
    account.c.created_at,
    account.c.stage_entered_at,
)


def add_account(connection: Connection, row: Account) -> None:
    """Insert an account; its first ticket will be number 1."""
    values = {name: getattr(row, name) for name in Account.__slots__}
    connection.execute(insert(account).values(**values, next_ticket_number=1))


def find_account(connection: Connection, account_id: int) -> Account | None:
    """The account with this id."""
    row = connection.execute(select(*_COLUMNS).where(account.c.id == account_id)).one_or_none()
    return Account(**row._mapping) if row else None


def find_accounts_named(connection: Connection, name: str) -> Sequence[Account]:
    """Accounts of exactly this name, at most two: enough to see that it is ambiguous."""
    rows = connection.execute(select(*_COLUMNS).where(account.c.name == name).order_by(account.c.id).limit(2))
    return [Account(**row._mapping) for row in rows]


def list_accounts(connection: Connection, *, after: int = 0, limit: int = 100) -> Sequence[Account]:
    """Accounts by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(account.c.id > after).order_by(account.c.id).limit(limit)
    return [Account(**row._mapping) for row in connection.execute(query)]

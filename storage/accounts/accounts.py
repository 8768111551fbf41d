"""Rows of accounts (tenants). Functions take a connection of the caller's transaction and commit nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, tuple_, update

from storage.schema import account


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One tenant. Instants are microseconds since the epoch, UTC."""

    id: int
    name: str
    stage: str
    billing: str
    created_at: int
    stage_entered_at: int
    stage_reason: str = "made"
    stage_before: str | None = None  # what lifting a suspension gives back
    term_began_at: int | None = (
        None  # since when the stage's term counts; None: none runs; 0: the owner asked to go
    )
    deletion_asked_at: int | None = None


OPEN = frozenset({"trial", "active"})  # the stages in which people log in and mail goes out
_COLUMNS = tuple(account.c[name] for name in Account.__slots__)
_ONE = select(*_COLUMNS).where(
    account.c.id == bindparam("id")
)  # built once: a sweep asks it for every step it takes
_LOCKED = _ONE.with_for_update()


def add_account(connection: Connection, row: Account) -> None:
    """Insert an account; its first ticket will be number 1."""
    values = {name: getattr(row, name) for name in Account.__slots__}
    connection.execute(insert(account).values(**values, next_ticket_number=1))


def find_account(connection: Connection, account_id: int) -> Account | None:
    """The account with this id."""
    row = connection.execute(_ONE, {"id": account_id}).one_or_none()
    return Account(**row._mapping) if row else None


def find_accounts_named(connection: Connection, name: str) -> Sequence[Account]:
    """Accounts of exactly this name, at most two: enough to see that it is ambiguous."""
    rows = connection.execute(select(*_COLUMNS).where(account.c.name == name).order_by(account.c.id).limit(2))
    return [Account(**row._mapping) for row in rows]


def list_accounts(connection: Connection, *, after: int = 0, limit: int = 100) -> Sequence[Account]:
    """Accounts by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(account.c.id > after).order_by(account.c.id).limit(limit)
    return [Account(**row._mapping) for row in connection.execute(query)]


def are_several(connection: Connection) -> bool:
    """Whether there is more than one account."""
    return len(connection.execute(select(account.c.id).limit(2)).all()) > 1


def lock_account(connection: Connection, account_id: int) -> Account | None:
    """The account as it is now, and nobody else changes it before the commit."""
    row = connection.execute(_LOCKED, {"id": account_id}).one_or_none()
    return Account(**row._mapping) if row else None


def change_account(connection: Connection, account_id: int, **values: Any) -> None:
    """Set columns of an account."""
    connection.execute(update(account).where(account.c.id == account_id).values(values))


def accounts_with_term(
    connection: Connection, stage: str, *, upto: int, after: tuple[int, int] = (-1, 0), limit: int
) -> Sequence[Account]:
    """Accounts in this stage whose term began by then, by (term_began_at, id): one range of an index."""
    key = tuple_(account.c.term_began_at, account.c.id)
    query = select(*_COLUMNS).where(
        account.c.stage == stage,
        account.c.term_began_at.is_not(None),
        account.c.term_began_at <= upto,
        key > after,
    )
    ordered = query.order_by(account.c.term_began_at, account.c.id).limit(limit)
    return [Account(**row._mapping) for row in connection.execute(ordered)]


def closed_stages(connection: Connection) -> Mapping[int, str]:
    """The accounts whose people cannot log in, and their stage."""
    rows = connection.execute(
        select(account.c.id, account.c.stage).where(account.c.stage.not_in(sorted(OPEN)))
    )
    return {row.id: row.stage for row in rows}

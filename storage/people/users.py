"""Rows of users (owner, admin, agent). Functions take a connection of the caller's transaction and commit nothing.

A deleted user's row stays, as a pseudonym for what they wrote: without name, login, password and uid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, insert, select, update

from storage.schema import user


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One person who works in an account. ``email`` is the login name, lower case."""

    account_id: int
    id: int
    email: str
    name: str
    role: str
    password_hash: str | None = field(default=None, repr=False)
    uid: int | None = None
    created_at: int
    deleted_at: int | None = None


_COLUMNS = tuple(user.c[name] for name in User.__slots__)


def add_user(connection: Connection, row: User) -> None:
    """Insert a user; IntegrityError when the account has one with this login name."""
    values = {name: getattr(row, name) for name in User.__slots__}
    connection.execute(insert(user).values(**values, read_until=row.created_at))


def find_user(connection: Connection, account_id: int, user_id: int) -> User | None:
    """The active user with this id."""
    query = select(*_COLUMNS).where(
        user.c.account_id == account_id, user.c.id == user_id, user.c.deleted_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return User(**row._mapping) if row else None


def find_user_by_email(connection: Connection, account_id: int, email: str) -> User | None:
    """The active user with this login name, matched in lower case."""
    query = select(*_COLUMNS).where(
        user.c.account_id == account_id, user.c.email == email.lower(), user.c.deleted_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return User(**row._mapping) if row else None


def list_users_by_email(connection: Connection, email: str, *, limit: int = 100) -> Sequence[User]:
    """The active users with this login name in all accounts, which it walks; a bound for who is in very many."""
    query = select(*_COLUMNS).where(user.c.email == email.lower(), user.c.deleted_at.is_(None))
    return [
        User(**row._mapping) for row in connection.execute(query.order_by(user.c.account_id).limit(limit))
    ]


def list_users(
    connection: Connection, account_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[User]:
    """Active users of an account by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(
        user.c.account_id == account_id, user.c.id > after, user.c.deleted_at.is_(None)
    )
    return [User(**row._mapping) for row in connection.execute(query.order_by(user.c.id).limit(limit))]


def lock_user(connection: Connection, account_id: int, user_id: int) -> User | None:
    """The active user with this id, locked until the commit (PostgreSQL; SQLite has one writer anyway)."""
    query = select(*_COLUMNS).where(*_own(account_id, user_id), user.c.deleted_at.is_(None)).with_for_update()
    row = connection.execute(query).one_or_none()
    return User(**row._mapping) if row else None


def lock_owners(connection: Connection, account_id: int) -> Sequence[int]:
    """Ids of the active owners, locked in key order until the commit: of two nodes, one counts after the other."""
    owners = (user.c.account_id == account_id, user.c.role == "owner", user.c.deleted_at.is_(None))
    return (
        connection.execute(select(user.c.id).where(*owners).order_by(user.c.id).with_for_update())
        .scalars()
        .all()
    )


def owners_addresses(connection: Connection, account_id: int) -> Sequence[str]:
    """Login names of the active owners, which are their addresses, by id."""
    owners = (user.c.account_id == account_id, user.c.role == "owner", user.c.deleted_at.is_(None))
    return connection.execute(select(user.c.email).where(*owners).order_by(user.c.id)).scalars().all()


def set_role(connection: Connection, account_id: int, user_id: int, role: str) -> None:
    """Change what a user may do."""
    connection.execute(update(user).where(*_own(account_id, user_id)).values(role=role))


def set_password(connection: Connection, account_id: int, user_id: int, password_hash: str) -> None:
    """Change what a user logs in with."""
    connection.execute(update(user).where(*_own(account_id, user_id)).values(password_hash=password_hash))


def forget_user(connection: Connection, account_id: int, user_id: int, *, at: int) -> None:
    """Delete a user: their id stays as a pseudonym, and nothing that says who they were."""
    nobody = {"email": f"former-{user_id}", "name": "", "password_hash": None, "uid": None, "deleted_at": at}
    connection.execute(update(user).where(*_own(account_id, user_id)).values(nobody))


def _own(account_id: int, user_id: int) -> tuple[Any, Any]:
    return user.c.account_id == account_id, user.c.id == user_id

"""Rows of ApiTokens: the hash, never the token. Functions take a connection of the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, insert, select, update

from storage.schema import api_token


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """One token. ``scopes`` is space-separated, "" for everything its user may; so is ``networks``, "" for any."""

    hash: bytes = field(repr=False)
    id: int
    account_id: int
    user_id: int
    name: str
    scopes: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None = None
    revoked_at: int | None = None
    networks: str = ""


_COLUMNS = tuple(api_token.c[name] for name in ApiToken.__slots__)


def add_api_token(connection: Connection, row: ApiToken) -> None:
    """Insert a token."""
    connection.execute(insert(api_token).values({name: getattr(row, name) for name in ApiToken.__slots__}))


def find_api_token(connection: Connection, hash_: bytes) -> ApiToken | None:
    """The token with this hash, in force or not."""
    row = connection.execute(select(*_COLUMNS).where(api_token.c.hash == hash_)).one_or_none()
    return ApiToken(**row._mapping) if row else None


def networks_of(connection: Connection, account_id: int, token_id: int) -> str:
    """From where a token of the account may come; "" for anywhere."""
    query = select(api_token.c.networks).where(
        api_token.c.account_id == account_id, api_token.c.id == token_id
    )
    return connection.execute(query).scalar_one_or_none() or ""


def list_api_tokens(
    connection: Connection, account_id: int, *, user_id: int | None = None, after: int = 0, limit: int = 100
) -> Sequence[ApiToken]:
    """Tokens of an account (of one user, if named) by id, ascending, from the one after ``after``."""
    query = select(*_COLUMNS).where(api_token.c.account_id == account_id, api_token.c.id > after)
    if user_id is not None:
        query = query.where(api_token.c.user_id == user_id)
    return [
        ApiToken(**row._mapping) for row in connection.execute(query.order_by(api_token.c.id).limit(limit))
    ]


def revoke_api_token(connection: Connection, account_id: int, token_id: int, at: int) -> ApiToken | None:
    """End a token now; the row as it was before, None when there is no such token. Ending it again changes nothing."""
    same = (api_token.c.account_id == account_id, api_token.c.id == token_id)
    row = connection.execute(select(*_COLUMNS).where(*same)).one_or_none()
    if row is None:
        return None
    connection.execute(update(api_token).where(*same, api_token.c.revoked_at.is_(None)).values(revoked_at=at))
    return ApiToken(**row._mapping)


def touch_api_token(connection: Connection, hash_: bytes, at: int) -> None:
    """Note that a token opened the door."""
    connection.execute(update(api_token).where(api_token.c.hash == hash_).values(last_used_at=at))


def revoke_api_tokens_of_user(connection: Connection, account_id: int, user_id: int, at: int) -> int:
    """End every token of a user now; how many were in force."""
    own = (
        api_token.c.account_id == account_id,
        api_token.c.user_id == user_id,
        api_token.c.revoked_at.is_(None),
    )
    return connection.execute(update(api_token).where(*own).values(revoked_at=at)).rowcount

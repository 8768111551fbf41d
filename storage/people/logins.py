"""Who logs in under a name: user and second factor in one look-up. Reads only.

Whoever is looked up, a row is found by the login and a user by their id: where nobody has the login, some
other user, whose row is then not used. Otherwise the time of a refused login tells: ``scripts/campaign
login-timing`` saw 4 us.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, literal, select, true

from storage.schema import recovery_code, second_factor, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a login is compared with. ``secret`` None: no second factor. All None: nobody has this name."""

    account_id: int | None
    user_id: int | None
    role: str | None
    password_hash: str | None = field(repr=False)
    secret: bytes | None = field(repr=False)
    last_timecode: int | None
    has_recovery_code: bool | None


def find_candidate(
    connection: Connection, email: str, *, account_id: int | None, recovery_hash: bytes
) -> Candidate:
    """The active user with this login in the account, with None in any; nobody, too, where several accounts have it.

    Without an account it walks the logins of all accounts: an index by login alone could not be sharded.
    """
    decoy = connection.execute(select(user.c.account_id, user.c.id).limit(1)).one_or_none()
    named = _named(connection, email, account_id)
    account, whom = named or ((0, 0) if decoy is None else (decoy.account_id, decoy.id))
    row = connection.execute(_candidate(account, whom, recovery_hash)).one_or_none()
    values = dict(row._mapping) if row else {}
    return Candidate(**(values if named else dict.fromkeys(Candidate.__slots__)))


def _named(connection: Connection, email: str, account_id: int | None) -> tuple[int, int] | None:
    """Account and id of the one active user with this login."""
    query = select(user.c.account_id, user.c.id).where(
        user.c.email == email.lower(), user.c.deleted_at.is_(None)
    )
    if account_id is not None:
        query = query.where(user.c.account_id == account_id)
    found = query.limit(2).subquery()
    always = select(literal(1).label("one")).subquery()
    rows = connection.execute(select(found).select_from(always.outerjoin(found, true()))).all()
    return (rows[0].account_id, rows[0].id) if len(rows) == 1 and rows[0].id is not None else None


def _candidate(account_id: int, user_id: int, recovery_hash: bytes) -> Select[Any]:
    factor = and_(second_factor.c.account_id == user.c.account_id, second_factor.c.user_id == user.c.id)
    code = exists().where(
        recovery_code.c.account_id == user.c.account_id,
        recovery_code.c.user_id == user.c.id,
        recovery_code.c.hash == recovery_hash,
        recovery_code.c.used_at.is_(None),
    )
    columns = (
        user.c.account_id,
        user.c.id.label("user_id"),
        user.c.role,
        user.c.password_hash,
        second_factor.c.secret,
        second_factor.c.last_timecode,
        code.label("has_recovery_code"),
    )
    own = (user.c.account_id == account_id, user.c.id == user_id)

    return select(*columns).select_from(user.outerjoin(second_factor, factor)).where(*own)

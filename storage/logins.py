"""Who logs in under a name: user and second factor in one look-up. Reads only.

The look-up brings one row whether there is such a user or not, so that the work tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, exists, literal, select, true

from .schema import recovery_code, second_factor, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a login is compared with. ``secret`` None: no second factor. All None: nobody has this name."""

    account_id: int | None
    user_id: int | None
    role: str | None
    password_hash: str | None = field(repr=False)
    secret: bytes | None = field(repr=False)
    last_timecode: int | None
    has_recovery_code: bool


def find_candidate(connection: Connection, email: str, *, account_id: int | None, recovery_hash: bytes) -> Candidate:
    """The active user with this login in the account, with None in any; nobody, too, where several accounts have it.

    Without an account it walks the logins of all accounts: an index by login alone could not be sharded.
    """
    factor = and_(second_factor.c.account_id == user.c.account_id, second_factor.c.user_id == user.c.id)
    code = exists().where(
        recovery_code.c.account_id == user.c.account_id,
        recovery_code.c.user_id == user.c.id,
        recovery_code.c.hash == recovery_hash,
        recovery_code.c.used_at.is_(None),
    )
    query = (
        select(
            user.c.account_id,
            user.c.id.label("user_id"),
            user.c.role,
            user.c.password_hash,
            second_factor.c.secret,
            second_factor.c.last_timecode,
            code.label("has_recovery_code"),
        )
        .select_from(user.outerjoin(second_factor, factor))
        .where(user.c.email == email.lower(), user.c.deleted_at.is_(None))
        .limit(2)
    )
    if account_id is not None:
        query = query.where(user.c.account_id == account_id)
    found, always = query.subquery(), select(literal(1).label("one")).subquery()
    rows = connection.execute(select(found).select_from(always.outerjoin(found, true()))).all()
    nobody = dict.fromkeys(Candidate.__slots__)
    values = rows[0]._mapping if len(rows) == 1 else nobody
    return Candidate(**{**values, "has_recovery_code": bool(values["has_recovery_code"])})

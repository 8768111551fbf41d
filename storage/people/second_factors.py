"""Rows of second factors (sealed TOTP secrets) and recovery codes (hashes). Functions commit nothing.

``use_timecode`` and ``use_recovery_code`` are the instants at which a code is used up: one conditional update each, so
that of any number of parallel tries, on any number of nodes, one succeeds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from storage.schema import recovery_code, second_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """A user's TOTP. ``secret`` None: not confirmed by a code yet; ``pending``: shown, waiting for its code."""

    account_id: int
    user_id: int
    secret: bytes | None = field(default=None, repr=False)
    pending: bytes | None = field(default=None, repr=False)
    last_timecode: int = 0
    confirmed_at: int | None = None


_COLUMNS = tuple(second_factor.c[name] for name in SecondFactor.__slots__)


def _own(account_id: int, user_id: int) -> tuple[Any, Any]:
    return second_factor.c.account_id == account_id, second_factor.c.user_id == user_id


def find_second_factor(connection: Connection, account_id: int, user_id: int) -> SecondFactor | None:
    """The user's second factor, confirmed or not."""
    row = connection.execute(select(*_COLUMNS).where(*_own(account_id, user_id))).one_or_none()
    return SecondFactor(**row._mapping) if row else None


def set_pending(connection: Connection, account_id: int, user_id: int, sealed: bytes) -> None:
    """Keep a secret that waits for its first code; the confirmed one stays in force."""
    changed = update(second_factor).where(*_own(account_id, user_id)).values(pending=sealed)
    if connection.execute(changed).rowcount == 0:
        row = {"account_id": account_id, "user_id": user_id, "pending": sealed, "last_timecode": 0}
        connection.execute(insert(second_factor).values(row))


def confirm_pending(
    connection: Connection, account_id: int, user_id: int, sealed: bytes, *, timecode: int, at: int
) -> bool:
    """Put this pending secret in force, its code used up; False when another was shown or confirmed meanwhile."""
    still = (*_own(account_id, user_id), second_factor.c.pending == sealed)
    values = {"secret": sealed, "pending": None, "last_timecode": timecode, "confirmed_at": at}
    return connection.execute(update(second_factor).where(*still).values(values)).rowcount == 1


def use_timecode(connection: Connection, account_id: int, user_id: int, sealed: bytes, timecode: int) -> bool:
    """Use up the code of this step, and all before it; False when it was used, or the secret is another by now."""
    unused = (second_factor.c.last_timecode < timecode, second_factor.c.secret == sealed)
    changed = update(second_factor).where(*_own(account_id, user_id), *unused).values(last_timecode=timecode)
    return connection.execute(changed).rowcount == 1


def delete_second_factor(connection: Connection, account_id: int, user_id: int) -> bool:
    """Remove the second factor and its recovery codes; whether one was in force."""
    own = (recovery_code.c.account_id == account_id, recovery_code.c.user_id == user_id)
    connection.execute(delete(recovery_code).where(*own))
    found = find_second_factor(connection, account_id, user_id)
    connection.execute(delete(second_factor).where(*_own(account_id, user_id)))
    return found is not None and found.secret is not None


def replace_recovery_codes(
    connection: Connection, account_id: int, user_id: int, hashes: Iterable[bytes]
) -> None:
    """Only these codes are the user's from now on."""
    own = (recovery_code.c.account_id == account_id, recovery_code.c.user_id == user_id)
    connection.execute(delete(recovery_code).where(*own))
    rows = [{"account_id": account_id, "user_id": user_id, "hash": each} for each in hashes]
    connection.execute(insert(recovery_code), rows)


def use_recovery_code(connection: Connection, account_id: int, user_id: int, hash_: bytes, at: int) -> bool:
    """Use a code up; False when it is none of the user's, or was used."""
    unused = (
        recovery_code.c.account_id == account_id,
        recovery_code.c.user_id == user_id,
        recovery_code.c.hash == hash_,
        recovery_code.c.used_at.is_(None),
    )
    return connection.execute(update(recovery_code).where(*unused).values(used_at=at)).rowcount == 1


def unused_recovery_codes(connection: Connection, account_id: int, user_id: int) -> int:
    """How many codes the user has left."""
    unused = (
        recovery_code.c.account_id == account_id,
        recovery_code.c.user_id == user_id,
        recovery_code.c.used_at.is_(None),
    )
    return connection.execute(select(func.count()).where(*unused)).scalar_one()

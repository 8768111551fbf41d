"""How a user logs in from now on: their second factor, recovery codes and password. Acts of the user, or of
somebody who may touch their login.

    begin -> (a code of the app) -> confirm -> in force, ten recovery codes, shown once
    reset: by the user, or by somebody who may touch their login, on record; then they enrol anew

A secret that was shown but not confirmed replaces nothing: a photograph of a QR code alone locks nobody out.
Secrets are sealed under the user's id (``Keys.seal``); of recovery codes only hashes are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mailhub.access.actor import Actor
from mailhub.access.freshness import FRESH
from mailhub.access.roles import require_touch
from mailhub.access.second_factors import (
    matching_timecode,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
)
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.keys import Keys
from mailhub.people.login import bound
from mailhub.proof.act import Act
from storage.people import api_tokens, second_factors, sessions, users
from storage.people.users import User

ISSUER = "mailhub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A secret to put into an app, and the text of its QR code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def begin(act: Act, keys: Keys, *, caller: Actor) -> Enrolment:
    """A new secret of the caller's that waits for its first code. One that is in force stays until then."""
    account, user = themselves(caller)
    row = _user(act.of(account), user)
    secret = new_secret()
    sealed = keys.seal("secrets", secret.encode("ascii"), bound_to=bound(account, user))
    second_factors.set_pending(act.transaction.connection, account, user, sealed)
    return Enrolment(secret=secret, uri=provisioning_uri(secret, login=row.email, issuer=ISSUER))


def confirm(act: Act, keys: Keys, code: str, *, caller: Actor) -> list[str]:
    """Put the pending secret in force by a code of it; the recovery codes, for the only time.

    The code counts as shown: the session that confirms is fresh. Raises ``Conflict`` (nothing pending), ``BadRequest``.
    """
    account, user = themselves(caller)
    connection = act.transaction.connection
    factor = second_factors.find_second_factor(connection, account, user)
    if factor is None or factor.pending is None:
        raise Conflict("no second factor waits for its code: begin with mailhub user totp")

    secret = keys.open("secrets", factor.pending, bound_to=bound(account, user)).decode("ascii")
    timecode = matching_timecode(secret, code, act.now)
    if timecode is None:
        raise BadRequest("this is not the code the app shows now: are its clock and this machine's right?")
    if not second_factors.confirm_pending(
        connection, account, user, factor.pending, timecode=timecode, at=act.now
    ):
        raise Conflict("another second factor was begun meanwhile: confirm that one")

    if caller.session is not None:
        sessions.refresh_session(connection, account, caller.session, user_id=user, until=act.now + FRESH)
    own = act.of(account)
    own.record("second-factor.confirm", f"user:{user}")

    return _recovery_codes(own, user)


def renew_recovery_codes(act: Act, *, caller: Actor) -> list[str]:
    """A new set of recovery codes; the old ones end. Conflict without a second factor."""
    account, user = themselves(caller)
    factor = second_factors.find_second_factor(act.transaction.connection, account, user)
    if factor is None or factor.secret is None:
        raise Conflict("recovery codes stand in for a second factor, and there is none: mailhub user totp")
    own = act.of(account)
    own.record("second-factor.recovery-codes", f"user:{user}")
    return _recovery_codes(own, user)


def reset(act: Act, user: int, *, caller: Actor) -> None:
    """Remove the second factor with its recovery codes; whoever else is in, by session or ApiToken, is out."""
    row = _user(act, user)
    if (caller.account, caller.user) != (act.account, user):
        require_touch(caller, row.role)
    if not second_factors.delete_second_factor(act.transaction.connection, act.account, user):
        raise Conflict("this user has no second factor")
    ended = _end_everything(act, user, caller)
    act.record("second-factor.reset", f"user:{user}", **ended)


def give_up(act: Act, *, caller: Actor) -> None:
    """The caller's own second factor goes, as by ``reset``."""
    account, user = themselves(caller)
    reset(act.of(account), user, caller=caller)


def change_password(act: Act, password_hash: str, *, caller: Actor) -> None:
    """Set one's own password; whoever else is in as this user, by session or ApiToken, is out."""
    account, user = themselves(caller)
    own = act.of(account)
    _user(own, user)
    users.set_password(own.transaction.connection, account, user, password_hash)
    ended = _end_everything(own, user, caller)
    own.record("user.password", f"user:{user}", **ended)


def _end_everything(act: Act, user: int, caller: Actor) -> dict[str, Any]:
    """End what was given under the password or factor from before; the session that asks stays, if it is the user's."""
    connection = act.transaction.connection
    ended = sessions.revoke_sessions(connection, act.account, user, act.now, but=caller.session)
    return {
        "sessions": list(ended),
        "tokens": api_tokens.revoke_api_tokens_of_user(connection, act.account, user, act.now),
    }


def themselves(caller: Actor) -> tuple[int, int]:
    """Account and user of a caller who is a user; Conflict for the operator."""
    if caller.account is None or caller.user is None:
        raise Conflict("the operator is no user of an account and has no login")
    return caller.account, caller.user


def _user(act: Act, user: int) -> User:
    row = users.lock_user(act.transaction.connection, act.account, user)
    if row is None:
        raise NotFound(f"there is no user {user}")
    return row


def _recovery_codes(act: Act, user: int) -> list[str]:
    codes = new_recovery_codes()
    hashes = [recovery_hash(code) for code in codes]
    second_factors.replace_recovery_codes(act.transaction.connection, act.account, user, hashes)
    return codes

"""How a user logs in from now on: his second factor, his recovery codes, his password. Functions of a transaction.

    begin -> (a code of the app) -> confirm -> in force, ten recovery codes, shown once
    reset: by the user himself, or by somebody who may touch his login, on record; then he enrols anew

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
from mailhub.proof.journal import record
from storage.people import api_tokens, second_factors, sessions, users
from storage.people.users import User
from storage.writer import Transaction

ISSUER = "mailhub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A secret to put into an app, and the text of its QR code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


def begin(transaction: Transaction, keys: Keys, account: int, user: int) -> Enrolment:
    """A new secret that waits for its first code. One that is in force stays until then."""
    found = _user(transaction, account, user)
    secret = new_secret()
    sealed = keys.seal("secrets", secret.encode("ascii"), bound_to=bound(account, user))
    second_factors.set_pending(transaction.connection, account, user, sealed)
    return Enrolment(secret=secret, uri=provisioning_uri(secret, login=found.email, issuer=ISSUER))


def confirm(transaction: Transaction, keys: Keys, actor: Actor, code: str, *, now: int) -> list[str]:
    """Put the pending secret in force by a code of it; the recovery codes, for the only time.

    The code counts as shown: the session that confirms is fresh. Raises ``Conflict`` (nothing pending), ``BadRequest``.
    """
    account, user = themselves(actor)
    connection = transaction.connection
    factor = second_factors.find_second_factor(connection, account, user)
    if factor is None or factor.pending is None:
        raise Conflict("no second factor waits for its code: begin with mailhub user totp")

    secret = keys.open("secrets", factor.pending, bound_to=bound(account, user)).decode("ascii")
    timecode = matching_timecode(secret, code, now)
    if timecode is None:
        raise BadRequest("this is not the code the app shows now: are its clock and this machine's right?")
    if not second_factors.confirm_pending(
        connection, account, user, factor.pending, timecode=timecode, at=now
    ):
        raise Conflict("another second factor was begun meanwhile: confirm that one")

    if actor.session is not None:
        sessions.refresh_session(connection, account, actor.session, user_id=user, until=now + FRESH)
    record(transaction, actor.name, account, verb="second-factor.confirm", on=f"user:{user}", now=now)

    return _recovery_codes(transaction, account, user)


def renew_recovery_codes(transaction: Transaction, actor: Actor, *, now: int) -> list[str]:
    """A new set of recovery codes; the old ones end. Conflict without a second factor."""
    account, user = themselves(actor)
    factor = second_factors.find_second_factor(transaction.connection, account, user)
    if factor is None or factor.secret is None:
        raise Conflict("recovery codes stand in for a second factor, and there is none: mailhub user totp")
    record(transaction, actor.name, account, verb="second-factor.recovery-codes", on=f"user:{user}", now=now)
    return _recovery_codes(transaction, account, user)


def reset(transaction: Transaction, actor: Actor, account: int, user: int, *, now: int) -> None:
    """Remove the second factor with its recovery codes; whoever else is in, by session or ApiToken, is out."""
    found = _user(transaction, account, user)
    if (actor.account, actor.user) != (account, user):
        require_touch(actor, found.role)
    if not second_factors.delete_second_factor(transaction.connection, account, user):
        raise Conflict("this user has no second factor")
    detail = _end_everything(transaction, actor, account, user, now=now)
    record(transaction, actor.name, account, verb="second-factor.reset", on=f"user:{user}", now=now, **detail)


def change_password(transaction: Transaction, actor: Actor, password_hash: str, *, now: int) -> None:
    """Set one's own password; whoever else is in as this user, by session or ApiToken, is out."""
    account, user = themselves(actor)
    _user(transaction, account, user)
    users.set_password(transaction.connection, account, user, password_hash)
    detail = _end_everything(transaction, actor, account, user, now=now)
    record(transaction, actor.name, account, verb="user.password", on=f"user:{user}", now=now, **detail)


def _end_everything(
    transaction: Transaction, actor: Actor, account: int, user: int, *, now: int
) -> dict[str, Any]:
    """End what was given under the password or factor from before; the session that asks stays, if it is the user's."""
    ended = sessions.revoke_sessions(transaction.connection, account, user, now, but=actor.session)
    return {
        "sessions": list(ended),
        "tokens": api_tokens.revoke_api_tokens_of_user(transaction.connection, account, user, now),
    }


def themselves(actor: Actor) -> tuple[int, int]:
    """Account and user of an actor who is a user; Conflict for the operator."""
    if actor.account is None or actor.user is None:
        raise Conflict("the operator is no user of an account and has no login")
    return actor.account, actor.user


def _user(transaction: Transaction, account: int, user: int) -> User:
    found = users.lock_user(transaction.connection, account, user)
    if found is None:
        raise NotFound(f"there is no user {user}")
    return found


def _recovery_codes(transaction: Transaction, account: int, user: int) -> list[str]:
    codes = new_recovery_codes()
    hashes = [recovery_hash(code) for code in codes]
    second_factors.replace_recovery_codes(transaction.connection, account, user, hashes)
    return codes

"""/v1/second-factor: a user's own TOTP, and resetting somebody else's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from mailhub import clock
from mailhub.access import qr
from mailhub.access.freshness import require_fresh
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant
from mailhub.api.people.login import Password, SecondFactor
from mailhub.callers.caller import Call, InAccount, has_second_factor
from mailhub.callers.named import the_user
from mailhub.callers.origin import peer_of
from mailhub.errors import Forbidden
from mailhub.people import enrolment
from mailhub.people.login import confirm_password
from storage.people import second_factors, users

router = APIRouter(tags=["login"])


class State(shapes.Shape):
    """Whether there is a second factor, and how many recovery codes are left."""

    confirmed_at: str | None
    recovery_codes: int


class Shown(shapes.Shape):
    """The password, shown again: needed in a session without a second factor."""

    password: Password = ""


class Begun(shapes.Shape):
    """A secret for an app: as text, as ``otpauth://`` and as QR code (SVG). It counts once a code confirmed it."""

    secret: str
    uri: str
    svg: str


class Codes(shapes.Shape):
    """Recovery codes, each good for one login; shown only now."""

    recovery_codes: list[str]


def _own(call: Call) -> tuple[int, int]:
    call.require("login.own")
    if call.actor.token is not None:
        raise Forbidden("an ApiToken may not change how its user logs in: log in (mailhub login EMAIL)")
    return enrolment.themselves(call.actor)


def _require_owner_of_login(call: Call, account: int, user: int, password: str, peer: str) -> None:
    """Whoever has a second factor shows it before it is replaced; who has none, the password: a session is not enough.

    A uid on the admin socket shows neither, as everywhere (``access.freshness``).
    """
    if has_second_factor(call) or call.actor.session is None:
        require_fresh(call.actor, clock.now())
        return

    with call.house.database.read() as connection:
        found = users.find_user(connection, account, user)
    confirm_password(
        call.house.login(),
        found.email if found else "",
        found.password_hash if found else None,
        password,
        peer=peer,
        now=clock.now(),
    )


@router.get("/second-factor")
def show(call: InAccount) -> State:
    """One's own second factor."""
    account, user = _own(call)
    with call.house.database.read() as connection:
        factor = second_factors.find_second_factor(connection, account, user)
        left = second_factors.unused_recovery_codes(connection, account, user)
    return State(confirmed_at=instant(factor.confirmed_at if factor else None), recovery_codes=left)


@router.post("/second-factor", status_code=201)
def begin(call: InAccount, request: Request, body: Shown | None = None) -> Begun:
    """A new secret. One that is in force stays so until the new one is confirmed, and must be fresh.

    Where none is in force the password is needed: whoever took a session over locks nobody out with it.
    """
    account, user = _own(call)
    _require_owner_of_login(call, account, user, body.password if body else "", peer_of(request))
    begun = call.act(enrolment.begin, call.house.keys, caller=call.actor)
    return Begun(secret=begun.secret, uri=begun.uri, svg=qr.svg(begun.uri))


@router.post("/second-factor/confirm")
def confirm(call: InAccount, body: SecondFactor) -> Codes:
    """Put the secret in force by a code of it. The password was asked for when the secret was made."""
    _own(call)
    if has_second_factor(call):
        require_fresh(call.actor, clock.now())
    codes = call.act(enrolment.confirm, call.house.keys, body.code, caller=call.actor)
    return Codes(recovery_codes=codes)


@router.post("/second-factor/recovery-codes")
def renew_recovery_codes(call: InAccount) -> Codes:
    """A new set of recovery codes; the old ones end. Needs a fresh second factor."""
    _own(call)
    call.require_fresh()
    return Codes(recovery_codes=call.act(enrolment.renew_recovery_codes, caller=call.actor))


@router.delete("/second-factor", status_code=204, response_class=Response)
def remove(call: InAccount) -> None:
    """Give up one's own second factor. Needs a fresh one."""
    _own(call)
    call.require_fresh()
    call.act(enrolment.give_up, caller=call.actor)


@router.delete("/users/{user}/second-factor", status_code=204, response_class=Response)
def reset(call: InAccount, user: Annotated[str, "login or id"]) -> None:
    """Remove somebody's second factor: the phone is gone, and the recovery codes too. Needs a fresh second factor."""
    call.require("user.manage")
    call.require_fresh()
    with call.house.database.read() as connection:
        whose = the_user(connection, call.account, user).id
    call.act(enrolment.reset, whose, caller=call.actor)

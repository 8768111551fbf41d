"""/v1/login and what goes with it: getting in, staying fresh, getting out, and setting one's password.

The first two routes are open to everybody: what keeps strangers out is in ``mailhub.people.login``. A session
is a bearer and never a cookie: no other site can make a browser send it.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mailhub import clock
from mailhub.access.bearers import Kind, bearer_hash, kind_of
from mailhub.access.passwords import MAXIMUM_LENGTH, require_length
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant
from mailhub.callers.caller import Call, InAccount, TheHouse, require_open
from mailhub.callers.named import account_named
from mailhub.callers.origin import peer_of, require_admitted
from mailhub.errors import Forbidden, NotFound
from mailhub.people import enrolment, people
from mailhub.people import login as flow
from storage.database import Connection
from storage.people import users

router = APIRouter(tags=["login"])

Password = Annotated[str, Field(max_length=MAXIMUM_LENGTH)]
Code = Annotated[str, Field(max_length=100)]


class Login(shapes.Shape):
    """Who wants in. ``code`` of the second factor, if there is one; ``account`` if several have this login."""

    email: Annotated[str, Field(max_length=254)]
    password: Password
    code: Code = ""
    account: Annotated[str | None, Field(max_length=200)] = None


class OpenedSession(shapes.Shape):
    """A session: send it as ``Authorization: Bearer``. It is shown only now."""

    session: str
    id: int
    user: int
    expires_at: str | None
    fresh_until: str | None


class SecondFactor(shapes.Shape):
    """The code of the second factor, or a recovery code."""

    code: Code


class Freshness(shapes.Shape):
    """Until when the session's second factor counts as fresh."""

    fresh_until: str | None


class NewPassword(shapes.Shape):
    """A new password, and the present one (not needed on the admin socket)."""

    password: Password
    present: Password = ""


class LinkUse(shapes.Shape):
    """An invitation or reset link, and the password it is to set."""

    link: Annotated[str, Field(max_length=100)]
    password: Password


@router.post("/login", status_code=201)
def login(request: Request, house: TheHouse, body: Login) -> OpenedSession:
    """Open a session. Every failure gets the same answer, whichever part was wrong."""
    claim = flow.Claim(
        login=body.email,
        password=body.password,
        code=body.code,
        account=account_named(house.database, body.account),
        peer=peer_of(request),
    )

    def admit(connection: Connection, account: int, role: str) -> None:
        require_admitted(request, connection, account, role)
        require_open(house, account, role, "/v1/login")

    opened = flow.login(house.login(), claim, admit=admit, now=clock.now())
    row = opened.session
    return OpenedSession(
        session=opened.bearer.text,
        id=row.id,
        user=row.user_id,
        expires_at=instant(row.expires_at),
        fresh_until=instant(row.fresh_until),
    )


@router.post("/login/fresh")
def refresh(request: Request, call: InAccount, body: SecondFactor) -> Freshness:
    """Show the second factor again: for five minutes the session may do what cannot be undone."""
    call.require("login.own")
    until = flow.refresh(call.house.login(), call.actor, body.code, peer=peer_of(request), now=clock.now())
    return Freshness(fresh_until=instant(until))


@router.post("/logout", status_code=204, response_class=Response)
def logout(call: InAccount) -> None:
    """End the session that asks."""
    call.require("login.own")
    _, user = _person(call)
    if call.actor.session is None:
        raise Forbidden("this is no session: an ApiToken is ended by revoking it")
    call.act(people.end_sessions, user, caller=call.actor, only=call.actor.session)


@router.post("/password", status_code=204, response_class=Response)
def change_password(request: Request, call: InAccount, body: NewPassword) -> None:
    """Set one's own password; all other sessions end."""
    call.require("login.own")
    require_length(body.password)
    account, user = _person(call)
    now = clock.now()

    if call.actor.uid is None:
        with call.house.database.read() as connection:
            found = users.find_user(connection, account, user)
        if found is None:
            raise NotFound("there is no such user any more")
        context = call.house.login()
        flow.confirm_password(
            context, found.email, found.password_hash, body.present, peer=peer_of(request), now=now
        )

    hashed = call.house.passwords.hash(body.password)
    call.act(enrolment.change_password, hashed, caller=call.actor)


@router.post("/links/use", status_code=204, response_class=Response)
def use_link(house: TheHouse, body: LinkUse) -> None:
    """Set a password by an invitation or reset link. It works once."""
    require_length(body.password)
    if kind_of(body.link) is not Kind.LINK:
        raise NotFound("this is no link (mhl_...), or it was mistyped or cut")
    hash_ = bearer_hash(body.link)
    with house.database.read() as connection:
        people.require_link(connection, hash_, now=clock.now())
    hashed = house.passwords.hash(body.password)
    house.writer.run(people.use_link, hash_, hashed, now=clock.now())


def _person(call: Call) -> tuple[int, int]:
    """Account and user of a caller who is a person: an ApiToken changes nothing about how its user logs in."""
    if call.actor.token is not None:
        raise Forbidden("an ApiToken may not change how its user logs in: log in (mailhub login EMAIL)")
    return enrolment.themselves(call.actor)

"""/v1/users: owner, admins and agents of an account. A user may be named by login or id wherever ``{user}`` stands."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page, instant, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import the_user
from mailhub.people import people
from storage.people import users

router = APIRouter(tags=["users"])

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$",
        max_length=254,
    ),
]
UserRole = Literal["owner", "admin", "agent"]


class User(shapes.Shape):
    """One person who works in the account."""

    id: int
    email: str
    name: str
    role: str
    created_at: str


class NewUser(shapes.Shape):
    """A user to add: without a password, by a link with which they set their own, so that nobody else knows it.

    The link is mailed where letters can be written; ``show_link`` shows it instead. ``invite`` is what
    clients say who know that there was another way.
    """

    email: Email
    name: shapes.Name = ""
    role: UserRole = "agent"
    invite: Literal[True] = True
    show_link: bool = False


class AddedUser(User):
    """The new user, with the link that is shown only now, unless it was mailed."""

    link: str | None
    mailed: bool


class NewRole(shapes.Shape):
    """What a user may do from now on."""

    role: UserRole


class PasswordLink(shapes.Shape):
    """A link with which a user sets their password, once: shown only now, or null where it was mailed to them."""

    user: int
    kind: str
    link: str | None
    mailed: bool
    expires_at: str | None


class DeletedUser(shapes.Shape):
    """What a deletion ended: tickets given away, sessions and ApiTokens ended.

    `is_contact`: their login wrote to the account, or takes part in tickets, as a contact. That stays: to forget it,
    too, takes a second request (`POST /v1/erasures`).
    """

    user: int
    tickets: int
    sessions: int
    tokens: int
    is_contact: bool


def _shape(row: users.User) -> User:
    return made(User, row)


def _find(call: Call, name: str) -> users.User:
    with call.house.database.read() as connection:
        return the_user(connection, call.account, name)


@router.get("/users")
def list_users(call: InAccount, limit: Limit = 50, after: After = None) -> Page[User]:
    """Users of the account."""
    call.require("user.read")
    with call.house.database.read() as connection:
        rows = users.list_users(connection, call.account, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.get("/users/{user}")
def show_user(call: InAccount, user: str) -> User:
    """One user."""
    call.require("user.read")
    return _shape(_find(call, user))


@router.post("/users", status_code=201)
def add_user(call: InAccount, body: NewUser) -> AddedUser:
    """Add a user, of at most one's own role, by an invitation link. Needs a fresh second factor."""
    call.require("user.manage")
    call.require_fresh()

    user, handed = call.act(
        people.invite,
        email=body.email,
        name=body.name,
        role=body.role,
        caller=call.actor,
        quotas=call.house.config.quotas,
        mapped=call.house.config.admin.users.values(),
        terms=_terms(call, show=body.show_link),
    )

    return AddedUser(**_shape(user).model_dump(), link=handed.shown, mailed=handed.mailed)


@router.put("/users/{user}/role")
def change_role(call: InAccount, user: str, body: NewRole) -> User:
    """Give a user another role, at most one's own; it acts at once. Needs a fresh second factor."""
    call.require("user.manage")
    call.require_fresh()
    return _shape(call.act(people.change_role, _find(call, user).id, body.role, caller=call.actor))


@router.post("/users/{user}/link", status_code=201)
def make_link(
    call: InAccount,
    user: str,
    show: Annotated[bool, Query(description="Show the link instead of mailing it.")] = False,
) -> PasswordLink:
    """A link with which the user sets a new password; earlier ones end. Needs a fresh second factor.

    It is mailed to them where letters can be written, else shown.
    """
    call.require("user.manage")
    call.require_fresh()
    whose = _find(call, user).id
    handed = call.act(people.hand_link, whose, caller=call.actor, terms=_terms(call, show=show))

    return PasswordLink(
        user=whose,
        kind=handed.link.kind,
        link=handed.shown,
        mailed=handed.mailed,
        expires_at=instant(handed.link.expires_at),
    )


def _terms(call: Call, *, show: bool) -> people.LinkTerms:
    hours = call.house.config.login.link_hours
    return people.LinkTerms(post=call.house.post, expires_at=clock.now() + int(hours * clock.HOUR), show=show)


@router.delete("/users/{user}")
def delete_user(
    call: InAccount,
    user: str,
    heir: Annotated[
        str | None, Query(description="Who gets their tickets, by login or id; without: nobody.")
    ] = None,
) -> DeletedUser:
    """Delete a user: their sessions and ApiTokens end, their name goes. Needs a fresh second factor."""
    call.require("user.manage")
    call.require_fresh()
    whose = _find(call, user).id
    inherits = None if heir is None else _find(call, heir).id
    done = people.delete_user(
        call.house.writer, call.actor, call.account, whose, heir=inherits, now=clock.now()
    )
    return made(DeletedUser, done)

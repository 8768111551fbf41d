"""/v1/users: owner, admin and agents of an account."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import StringConstraints

from mailhub import clock
from mailhub.access.actor import Role
from mailhub.access.passwords import hash_password, one_time_password
from mailhub.api import shapes
from mailhub.api.caller import Call, InAccount
from mailhub.api.shapes import After, Limit, Page, made, page
from mailhub.errors import Conflict, Forbidden
from storage import users
from storage.writer import Transaction

router = APIRouter(tags=["users"])

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$", max_length=254
    ),
]


class User(shapes.Shape):
    """One person who works in the account."""

    id: int
    email: str
    name: str
    role: str
    created_at: str


class NewUser(shapes.Shape):
    """A user to add."""

    email: Email
    name: shapes.Name = ""
    role: Literal["owner", "admin", "agent"] = "agent"


class AddedUser(User):
    """The new user, with a password that is shown only now."""

    password: str


def _shape(row: users.User) -> User:
    return made(User, row)


@router.get("/users")
def list_users(call: InAccount, limit: Limit = 50, after: After = None) -> Page[User]:
    """Users of the account."""
    call.require("user.read")
    with call.house.database.read() as connection:
        rows = users.list_users(connection, call.account, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.post("/users", status_code=201)
def add_user(call: InAccount, body: NewUser) -> AddedUser:
    """Add a user with a one-time password."""
    call.require("user.manage")
    _require_rank(call, Role(body.role))
    password = one_time_password()
    hashed = hash_password(password)

    def add(transaction: Transaction) -> users.User:
        if users.find_user_by_email(transaction.connection, call.account, body.email):
            raise Conflict("there is a user with this login already")
        row = users.User(
            account_id=call.account,
            id=transaction.new_id(),
            email=body.email,
            name=body.name,
            role=body.role,
            password_hash=hashed,
            created_at=clock.now(),
        )
        users.add_user(transaction.connection, row)
        return row

    return AddedUser(**_shape(call.house.writer.run(add)).model_dump(), password=password)


def _require_rank(call: Call, role: Role) -> None:
    """Nobody makes a user who may do more than he does himself."""
    ranks = list(Role)
    if not call.actor.machine and ranks.index(role) < ranks.index(call.actor.role):
        raise Forbidden(f"{call.actor.role} may not add an {role}")

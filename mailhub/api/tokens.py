"""/v1/tokens: ApiTokens. A user makes and ends his own; owners and admins see and end everybody's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.access.api_tokens import new_token
from mailhub.access.roles import allowed, known_scopes
from mailhub.api import shapes
from mailhub.api.caller import Call, InAccount
from mailhub.api.shapes import After, Id, Limit, Page, instant, made, page
from mailhub.errors import BadRequest, Forbidden, NotFound
from storage import api_tokens
from storage.writer import Transaction

router = APIRouter(tags=["tokens"])


class Token(shapes.Shape):
    """An ApiToken, without its text."""

    id: int
    user: int
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class NewToken(shapes.Shape):
    """An ApiToken to make. No scopes: all its user may do. ``days`` null: it never expires."""

    name: Annotated[shapes.Name, Field(min_length=1, max_length=100)]
    scopes: list[str] = Field(default_factory=list)
    days: Annotated[int | None, Field(ge=1, le=3660)] = 365


class MadeToken(Token):
    """The new ApiToken; ``token`` is shown only now."""

    token: str


def _shape(row: api_tokens.ApiToken) -> Token:
    return made(Token, row, user=row.user_id, scopes=row.scopes.split())


def _whose(call: Call) -> int | None:
    """The user whose tokens the caller may touch; None for everybody's."""
    if allowed(call.actor, "token.manage"):
        call.require("token.manage")
        return None
    call.require("token.own")
    return call.actor.user


@router.get("/tokens")
def list_tokens(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Token]:
    """ApiTokens: one's own, or all of the account for owners and admins."""
    whose = _whose(call)
    with call.house.database.read() as connection:
        rows = api_tokens.list_api_tokens(connection, call.account, user_id=whose, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.post("/tokens", status_code=201)
def create_token(call: InAccount, body: NewToken) -> MadeToken:
    """Make an ApiToken for oneself. One made with a limited token is limited at least as much."""
    call.require("token.own")
    user = call.actor.user
    if user is None or call.actor.account != call.account:
        raise Forbidden("an ApiToken belongs to a user: the operator has none")
    if unknown := sorted(set(body.scopes) - known_scopes()):
        raise BadRequest(f"no such scope: {unknown[0]}; there are {', '.join(sorted(known_scopes()))}")
    if call.actor.scopes and not (body.scopes and set(body.scopes) <= call.actor.scopes):
        raise Forbidden("an ApiToken cannot make one that may do more than itself")
    made, now = new_token(), clock.now()

    def add(transaction: Transaction) -> api_tokens.ApiToken:
        row = api_tokens.ApiToken(
            hash=made.hash,
            id=transaction.new_id(),
            account_id=call.account,
            user_id=user,
            name=body.name,
            scopes=" ".join(sorted(body.scopes)),
            created_at=now,
            expires_at=None if body.days is None else now + body.days * clock.DAY,
        )
        api_tokens.add_api_token(transaction.connection, row)
        return row

    return MadeToken(**_shape(call.house.writer.run(add)).model_dump(), token=made.text)


@router.delete("/tokens/{token}")
def revoke_token(call: InAccount, token: Id) -> Token:
    """End an ApiToken now. Ending it again changes nothing."""
    whose, now = _whose(call), clock.now()

    def revoke(transaction: Transaction) -> api_tokens.ApiToken:
        row = api_tokens.revoke_api_token(transaction.connection, call.account, token, now)
        if row is None or (whose is not None and row.user_id != whose):
            raise NotFound(f"no such ApiToken: {token}")
        return row

    row = call.house.writer.run(revoke)
    return _shape(row).model_copy(update={"revoked_at": instant(row.revoked_at or now)})

"""/v1/tokens: ApiTokens. A user makes and ends their own; owners and admins see and end everybody's."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub.access import networks
from mailhub.access.roles import allowed, known_scopes
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one, named_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, instant, made, page
from mailhub.callers.caller import Call, InAccount, has_second_factor
from mailhub.errors import BadRequest, Forbidden
from mailhub.people import people
from storage.people import api_tokens

router = APIRouter(tags=["tokens"])


class Token(shapes.Named):
    """An ApiToken, without its text."""

    id: int
    user: int
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    networks: list[str]


class NewToken(shapes.Shape):
    """An ApiToken to make. No scopes: all its user may do. ``days`` null: it never expires. No networks: anywhere."""

    name: Annotated[shapes.Name, Field(min_length=1, max_length=100)]
    scopes: list[str] = Field(default_factory=list)
    days: Annotated[int | None, Field(ge=1, le=3660)] = 365
    networks: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=50)] = Field(
        default_factory=list
    )


class MadeToken(Token):
    """The new ApiToken; ``token`` is shown only now."""

    token: str


def _shape(row: api_tokens.ApiToken) -> Token:
    return made(Token, row, user=row.user_id, scopes=row.scopes.split(), networks=row.networks.split())


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
        rows = api_tokens.list_api_tokens(
            connection, call.account, user_id=whose, after=after or 0, limit=limit
        )
    return named_page(call, page(rows, _shape, limit))


@router.post("/tokens", status_code=201)
def create_token(call: InAccount, body: NewToken) -> MadeToken:
    """Make an ApiToken for oneself. One made with a limited token is limited at least as much.

    In a session whose user has a second factor that must be fresh: an ApiToken outlives the session.
    """
    call.require("token.own")
    if call.actor.session is not None and has_second_factor(call):
        call.require_fresh()
    user = call.actor.user
    if user is None or call.actor.account != call.account:
        raise Forbidden("an ApiToken belongs to a user: the operator has none")
    if unknown := sorted(set(body.scopes) - known_scopes()):
        raise BadRequest(f"no such scope: {unknown[0]}; there are {', '.join(sorted(known_scopes()))}")
    if call.actor.scopes and not (body.scopes and set(body.scopes) <= call.actor.scopes):
        raise Forbidden("an ApiToken cannot make one that may do more than itself")

    wanted = people.TokenWanted(
        name=body.name,
        scopes=tuple(sorted(set(body.scopes))),  # each once: every list of ApiTokens reads them
        networks=tuple(str(networks.parse_rule(each)) for each in body.networks),
        days=body.days,
    )
    token, bearer = call.act(people.add_token, user, wanted, quotas=call.house.config.quotas)

    return named_one(call, MadeToken(**_shape(token).model_dump(), token=bearer.text))


@router.delete("/tokens/{token}")
def revoke_token(call: InAccount, token: Id) -> Token:
    """End an ApiToken now. Ending it again changes nothing."""
    whose = _whose(call)
    row = call.act(people.revoke_token, token, whose=whose)
    return named_one(call, _shape(row).model_copy(update={"revoked_at": instant(row.revoked_at)}))

"""/v1/allow-list: from which networks the people of an account may come. No rule: from everywhere."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mailhub.access import allow_lists as flow
from mailhub.access.allow_lists import WayBack
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.origin import way_back_of
from storage.people import allow_lists
from storage.people.allow_lists import AllowedNetwork

router = APIRouter(tags=["allow-list"])


class Rule(shapes.Shape):
    """A network from which people of a role may come."""

    id: int
    role: str
    network: str
    created_at: str


class NewRule(shapes.Shape):
    """A rule to add: one address, or a network in CIDR form."""

    network: Annotated[str, Field(min_length=1, max_length=100)]
    role: Literal["owner", "admin", "agent", "everyone"] = "everyone"


def _shape(row: AllowedNetwork) -> Rule:
    return made(Rule, row)


@router.get("/allow-list")
def list_rules(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Rule]:
    """Rules of the account. Where a list exists, the account's or a role's, people come only from its networks."""
    call.require("allow-list.read")
    with call.house.database.read() as connection:
        rows = allow_lists.list_allowed_networks(connection, call.account, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.post("/allow-list", status_code=201)
def add_rule(request: Request, call: InAccount, body: NewRule) -> Rule:
    """Let people come from this network. The first rule of a list shuts out everybody else, but never the caller."""
    call.require("allow-list.manage")
    rule = call.act(
        flow.add_rule,
        network=body.network,
        role=body.role,
        quotas=call.house.config.quotas,
        way_back=_way_back(request, call),
    )
    return _shape(rule)


@router.delete("/allow-list/{rule}", status_code=204, response_class=Response)
def remove_rule(request: Request, call: InAccount, rule: Id) -> None:
    """Remove a rule. With the last one of a list that list is gone, and nobody is shut out by it."""
    call.require("allow-list.manage")
    call.act(flow.remove_rule, rule, way_back=_way_back(request, call))


def _way_back(request: Request, call: Call) -> WayBack | None:
    """Who rules over their own account must be able to come again."""
    return way_back_of(request, call.actor.role) if call.actor.account == call.account else None

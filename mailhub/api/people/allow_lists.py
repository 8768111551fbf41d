"""/v1/allow-list: from which networks the people of an account may come. No rule: from everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from mailhub import clock
from mailhub.access.networks import parse_rule
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.origin import require_way_back
from mailhub.errors import Conflict, NotFound
from mailhub.proof.journal import record
from storage.people import allow_lists
from storage.people.allow_lists import AllowedNetwork
from storage.writer import Transaction

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
    network = str(parse_rule(body.network))
    now = clock.now()

    def add(transaction: Transaction) -> AllowedNetwork:
        rules = allow_lists.networks_by_role(transaction.connection, call.account)
        if (body.role, network) in rules:
            raise Conflict("this rule is there already")

        call.require_room(transaction, "allowed_networks")
        _require_way_back(request, call, [*rules, (body.role, network)])
        row = AllowedNetwork(
            account_id=call.account, id=transaction.new_id(), role=body.role, network=network, created_at=now
        )
        allow_lists.add_allowed_network(transaction.connection, row)
        _record(transaction, call, "add", row.id, now)

        return row

    return _shape(call.house.writer.run(add))


@router.delete("/allow-list/{rule}", status_code=204, response_class=Response)
def remove_rule(request: Request, call: InAccount, rule: Id) -> None:
    """Remove a rule. With the last one of a list that list is gone, and nobody is shut out by it."""
    call.require("allow-list.manage")
    now = clock.now()

    def remove(transaction: Transaction) -> None:
        connection = transaction.connection
        if not allow_lists.remove_allowed_network(connection, call.account, rule):
            raise NotFound(f"no such rule: {rule}")
        _require_way_back(request, call, allow_lists.networks_by_role(connection, call.account))
        _record(transaction, call, "remove", rule, now)

    call.house.writer.run(remove)


def _require_way_back(request: Request, call: Call, rules: Sequence[tuple[str, str]]) -> None:
    if call.actor.account == call.account:
        require_way_back(request, rules, call.actor.role)


def _record(transaction: Transaction, call: Call, act: str, rule: int, now: int) -> None:
    verb = f"allow-list.{act}"
    on = f"allow-list:{rule}"
    record(transaction, call.actor.name, call.account, verb=verb, on=on, now=now)

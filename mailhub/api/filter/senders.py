"""/v1/spam/senders: the account's allow and deny lists of senders, which win over the score."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import InAccount
from mailhub.filter import sender_lists
from storage.filter import senders
from storage.filter.senders import SenderRule

router = APIRouter(prefix="/spam/senders", tags=["spam"])


class Rule(shapes.Shape):
    """A sender whose mail is ham (allow), if they are proven, or spam (deny), whatever its score."""

    id: int
    list: str
    pattern: str
    created_at: str


class NewRule(shapes.Shape):
    """An address, or a domain with its subdomains."""

    pattern: Annotated[str, Field(min_length=1, max_length=254)]


def _shape(row: SenderRule) -> Rule:
    return made(Rule, row)


@router.get("/{name}")
def list_senders(call: InAccount, name: str, limit: Limit = 50, after: After = None) -> Page[Rule]:
    """The rules of one list."""
    call.require("sender.read")
    sender_lists.require_list(name)
    with call.house.database.read() as connection:
        rows = senders.list_sender_rules(connection, call.account, name, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.post("/{name}", status_code=201)
def add_sender(call: InAccount, name: str, body: NewRule) -> Rule:
    """Put a sender on a list; they are on one of them at most. It holds for mail that comes from now on."""
    call.require("sender.manage")
    return _shape(call.act(sender_lists.add_rule, name, body.pattern, quotas=call.house.config.quotas))


@router.delete("/{name}/{rule}", status_code=204, response_class=Response)
def remove_sender(call: InAccount, name: str, rule: Id) -> None:
    """Take a rule away. What it decided before stays decided."""
    call.require("sender.manage")
    call.act(sender_lists.remove_rule, name, rule)

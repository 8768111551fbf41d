"""/v1/spam/senders: the account's allow and deny lists of senders, which win over the score."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.errors import Conflict, NotFound
from mailhub.filter.senders import ALLOW, DENY, pattern_of
from mailhub.proof.journal import record
from storage.filter import senders
from storage.filter.senders import SenderRule
from storage.writer import Transaction

router = APIRouter(prefix="/spam/senders", tags=["spam"])


class Rule(shapes.Shape):
    """A sender whose mail is ham (allow), if he is proven, or spam (deny), whatever its score."""

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
    _require_list(name)
    with call.house.database.read() as connection:
        rows = senders.list_sender_rules(connection, call.account, name, after=after or 0, limit=limit)
    return page(rows, _shape, limit)


@router.post("/{name}", status_code=201)
def add_sender(call: InAccount, name: str, body: NewRule) -> Rule:
    """Put a sender on a list; he is on one of them at most. It holds for mail that comes from now on."""
    call.require("sender.manage")
    _require_list(name)
    pattern = pattern_of(body.pattern)
    now = clock.now()

    def add(transaction: Transaction) -> SenderRule:
        connection = transaction.connection
        known = senders.find_sender_rule(connection, call.account, pattern)
        if known is not None:
            raise Conflict(f"there is a rule for this sender already: {known.id}, on the {known.list} list")
        call.require_room(transaction, "sender_rules")
        row = SenderRule(
            account_id=call.account, id=transaction.new_id(), list=name, pattern=pattern, created_at=now
        )
        senders.add_sender_rule(connection, row)
        _record(transaction, call, f"{name}-add", row.id, now)
        return row

    return _shape(call.house.writer.run(add))


@router.delete("/{name}/{rule}", status_code=204, response_class=Response)
def remove_sender(call: InAccount, name: str, rule: Id) -> None:
    """Take a rule away. What it decided before stays decided."""
    call.require("sender.manage")
    _require_list(name)
    now = clock.now()

    def remove(transaction: Transaction) -> None:
        if not senders.remove_sender_rule(transaction.connection, call.account, name, rule):
            raise NotFound(f"no such rule on the {name} list: {rule}")
        _record(transaction, call, f"{name}-remove", rule, now)

    call.house.writer.run(remove)


def _require_list(name: str) -> None:
    if name not in (ALLOW, DENY):
        raise NotFound(f"no such list: {name}; there are allow and deny")


def _record(transaction: Transaction, call: Call, act: str, rule: int, now: int) -> None:
    verb = f"spam.{act}"
    on = f"sender-rule:{rule}"
    record(transaction, call.actor.name, call.account, verb=verb, on=on, now=now)

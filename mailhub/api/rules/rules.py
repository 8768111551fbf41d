"""/v1/rules: what an account wants done to tickets by itself; tried on mail that came before they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit, Page
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import message_row
from mailhub.callers.slots import one_of
from mailhub.errors import BadRequest, Forbidden
from mailhub.rules import editing, trying
from mailhub.rules.form import TEXT_CHARACTERS, On, read_rule
from mailhub.rules.matching import Ready, compiled
from mailhub.rules.running import deeds
from storage.rules import rules
from storage.rules.rules import RuleRow
from storage.rules.trials import find_came

router = APIRouter(prefix="/rules", tags=["rules"])

EXAMPLE = (
    'name = "Invoices"\non = "filed"\n[when]\nsubject = { contains = "invoice" }\n[then]\ntag = "billing"\n'
)

RuleName = Annotated[str, Path(min_length=1, max_length=200, description="A rule by id or name.")]


class StoredRule(shapes.Shape):
    """A rule. ``fault`` says why it was switched off by itself: no-such-user, failed or unreadable."""

    id: int
    position: int
    name: str
    enabled: bool
    fault: str | None
    text: str
    created_at: str
    updated_at: str


class RulesInOrder(shapes.Shape):
    """All rules, in the order in which they run."""

    rules: list[StoredRule]


class RuleText(shapes.Shape):
    """A rule as TOML."""

    text: Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS, examples=[EXAMPLE])]


class RuleOrder(shapes.Shape):
    """Rules by id or name, the first first; those not named follow as they were."""

    rules: Annotated[list[str], Field(min_length=1, max_length=1000)]


class Answer(shapes.Shape):
    """What a rule would do about a mail."""

    rule: int
    name: str
    fires: bool
    reason: str
    does: list[str]


class Answers(shapes.Shape):
    """What each rule on filed mail would do, in order; those behind one that stops are not asked."""

    rules: list[Answer]


class Fared(shapes.Shape):
    """How a rule would have fared. ``on``: the newest mails it would have fired on.

    ``complete`` is false when there was more mail than is looked at, or than is read whole.
    """

    since: str
    messages: int
    fired: int
    on: list[int]
    complete: bool


def _shape(row: RuleRow) -> StoredRule:
    return shapes.made(StoredRule, row)


@router.get("")
def list_ticket_rules(call: InAccount, limit: Limit = 50, after: After = None) -> Page[StoredRule]:
    """Rules of the account, in the order in which they run; `after` counts positions."""
    call.require("rule.read")
    with call.house.database.read() as connection:
        rows = [row for row in rules.list_rules(connection, call.account) if row.position > (after or 0)]
    shown = rows[:limit]
    return Page(items=[_shape(row) for row in shown], next=shown[-1].position if len(rows) > limit else None)


@router.post("", status_code=201)
def add_ticket_rule(call: InAccount, body: RuleText) -> StoredRule:
    """Put a rule behind the others; it runs from now on."""
    call.require("rule.manage")
    return _shape(call.act(editing.add, body.text, user=_author(call), quotas=call.house.config.quotas))


@router.post("/order")
def order_rules(call: InAccount, body: RuleOrder) -> RulesInOrder:
    """Let these rules run first, in this order."""
    call.require("rule.manage")
    return RulesInOrder(rules=[_shape(row) for row in call.act(editing.order, body.rules)])


@router.get("/test")
def test_rules(
    call: InAccount, message: Annotated[int, Query(ge=1, description="A message that came in.")]
) -> Answers:
    """What the rules would do about a message if it were filed now. Nothing is done."""
    call.require("rule.read")
    call.require("message.read")
    with call.house.database.read() as connection:
        message_row(connection, call, message)
        came = find_came(connection, call.account, message)
        known = call.house.rulebook.of(connection, call.account).on.get(On.FILED, ())
    if came is None:
        raise BadRequest("this message was sent, not received: rules on filed mail do not meet it")
    return Answers(rules=_answers(trying.would_fire(call.house.database, call.account, came, known)))


@router.post("/backtest", dependencies=[Depends(one_of("backtests"))])
def backtest_rule(
    call: InAccount,
    body: RuleText,
    days: Annotated[int, Query(ge=1, le=3660, description="How far to look back.")] = 30,
) -> Fared:
    """On which mail of the last days a rule would have fired. It need not be stored; nothing is done."""
    call.require("rule.manage")
    call.require("message.read")
    said = read_rule(body.text)
    if On.FILED not in said.on:
        raise BadRequest("on: only rules on filed mail can be tried on mail that came")
    since = clock.now() - days * clock.DAY
    trial = trying.backtest(call.house.database, call.account, compiled(0, 0, said), since=since)
    return Fared(
        since=shapes.instant(since) or "",
        messages=trial.messages,
        fired=trial.fired,
        on=trial.on,
        complete=trial.complete,
    )


@router.get("/{rule}")
def show_ticket_rule(call: InAccount, rule: RuleName) -> StoredRule:
    """One rule."""
    call.require("rule.read")
    with call.house.database.read() as connection:
        return _shape(editing.find(connection, call.account, rule))


@router.put("/{rule}")
def rewrite_rule(call: InAccount, rule: RuleName, body: RuleText) -> StoredRule:
    """Let a rule say something else; it stays on or off, and where it is."""
    call.require("rule.manage")
    return _shape(call.act(editing.rewrite, rule, body.text, user=_author(call)))


@router.post("/{rule}/on")
def switch_rule_on(call: InAccount, rule: RuleName) -> StoredRule:
    """Let a rule run again, whatever went wrong before."""
    call.require("rule.manage")
    return _shape(call.act(editing.switch, rule, on=True))


@router.post("/{rule}/off")
def switch_rule_off(call: InAccount, rule: RuleName) -> StoredRule:
    """Let a rule run no more till it is switched on."""
    call.require("rule.manage")
    return _shape(call.act(editing.switch, rule, on=False))


@router.delete("/{rule}", status_code=204, response_class=Response)
def delete_ticket_rule(call: InAccount, rule: RuleName) -> None:
    """Remove a rule; what it did stays done."""
    call.require("rule.manage")
    call.act(editing.delete, rule)


def _author(call: Call) -> int:
    """Whose rule it is: notes of it are theirs."""
    if call.actor.user is None:
        raise Forbidden("a rule is somebody's: an owner or admin adds it")
    return call.actor.user


def _answers(found: Sequence[tuple[Ready, bool]]) -> list[Answer]:
    return [
        Answer(
            rule=rule.id,
            name=rule.rule.name,
            fires=fires,
            reason=rule.reason,
            does=deeds(rule.rule.then) if fires else [],
        )
        for rule, fires in found
    ]

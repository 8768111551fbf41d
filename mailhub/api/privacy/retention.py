"""/v1/retention: the deletion rules of an account, and what is due by them now (a dry run). The daemon applies them."""

from __future__ import annotations

from fastapi import APIRouter

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.callers.caller import InAccount
from mailhub.privacy import retention

router = APIRouter(tags=["retention"])


class Rule(shapes.Shape):
    """Tickets in a state go this many days after something last happened to them; 0: never. ``due``: now,
    but the held ones."""

    state: str
    mailbox: str  # "" is every one without a rule of its own
    days: float
    due: int


class Rules(shapes.Shape):
    """The account's rules; ``log_days`` is for records of deliveries and refusals."""

    rules: list[Rule]
    log_days: float


@router.get("/retention")
def show_rules(call: InAccount) -> Rules:
    """Every deletion rule and how many tickets would go by it now: held ones would not."""
    call.require("retention.read")
    settings = call.house.config.retention
    planned = retention.plan(call.house.database, settings, call.account, now=clock.now())
    rules = [
        Rule(state=each.rule.state, mailbox=each.rule.mailbox, days=each.rule.days, due=each.due)
        for each in planned
    ]
    return Rules(rules=rules, log_days=settings.log_days)

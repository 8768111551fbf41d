"""/v1/spam/rebuild: labels of another version are carried over to this one, step by step."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from classifier.tokens import FEATURES_VERSION
from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import made
from mailhub.callers.caller import InAccount

router = APIRouter(prefix="/spam", tags=["spam"])


class RebuildPlan(shapes.Shape):
    """What a rebuild would do. ``asks``: more than a fifth would be lost, so that it waits for a yes."""

    version: int  # of the features, as this program makes them
    labels: int  # in force
    waiting: int  # of them, made by another version: they do not count until they are carried over
    lost: int  # of these, without their mail: they would be dropped
    asks: bool


class RebuildStep(shapes.Shape):
    """One step: the first (``after`` 0) drops what is lost. ``yes``: also when that is more than a fifth."""

    after: Annotated[int, Field(ge=0, lt=2**62)] = 0
    yes: bool = False


class Rebuilt(shapes.Shape):
    """What a step did. ``next`` is what to send as ``after``; null at the end."""

    carried: int
    dropped: int
    next: int | None


@router.get("/rebuild")
def plan_rebuild(call: InAccount) -> RebuildPlan:
    """How many labels wait to be carried over to this version, and how many cannot be."""
    call.require("spam.stats")
    planned = call.house.rebuild(call.account).plan()
    return made(RebuildPlan, planned, version=FEATURES_VERSION, asks=planned.asks)


@router.post("/rebuild")
def rebuild(call: InAccount, body: RebuildStep) -> Rebuilt:
    """Carry the next labels over; conflict when more than a fifth would be lost and nobody said yes."""
    call.require("spam.rebuild")
    work = call.house.rebuild(call.account, actor=call.actor.name)
    now = clock.now()
    dropped = work.begin(yes=body.yes, now=now) if body.after == 0 else 0
    carried, after = work.step(after=body.after, now=now)
    return Rebuilt(carried=carried, dropped=dropped, next=after)

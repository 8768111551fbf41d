"""/v1/sweep: look now which accounts' stages are over, or what would be due at some time. For the operator."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from mailhub import clock
from mailhub.access.roles import require
from mailhub.accounts import lifecycle
from mailhub.accounts.lifecycle import StageMove
from mailhub.accounts.steadiness import boot_time
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import instant
from mailhub.callers.caller import Caller, TheHouse
from mailhub.errors import BadRequest

router = APIRouter(tags=["accounts"])


class Order(shapes.Shape):
    """``dry_run`` changes nothing; ``now`` asks about another time; ``confirm_clock`` vouches for a doubted clock."""

    dry_run: bool = False
    now: datetime | None = None
    confirm_clock: bool = False


class Step(shapes.Shape):
    """One account: warned (``warn_days``) or moved; ``left`` says why it was not: held, clock or failed."""

    account: int
    stage: str
    to: str
    reason: str
    warn_days: int | None
    step_at: str | None
    left: str


class Sweep(shapes.Shape):
    """What a sweep found. ``clock``: sane, or why everything waits."""

    clock: str
    dry_run: bool
    steps: list[Step]


@router.post("/sweep")
def sweep(house: TheHouse, actor: Caller, body: Order) -> Sweep:
    """Warn owners and move accounts whose stage is over, one stage each; or say what would be done."""
    require(actor, "account.manage", None)
    context = house.lifecycle()
    now = clock.now()
    if body.now is not None and not (body.dry_run or house.config.testing.clock):
        raise BadRequest(
            "another time is for a dry run; testing.clock = true allows more, on a machine for trials"
        )

    at = now if body.now is None else clock.from_datetime(body.now)
    if body.dry_run:
        found = lifecycle.plan(house.database, house.config.lifecycle, now=at)
        return Sweep(clock="not judged", dry_run=True, steps=[_step(act) for act in found])

    if body.confirm_clock or body.now is not None:
        lifecycle.confirm_clock(context, actor.name, now=at, boot=boot_time())
    swept = lifecycle.sweep(context, now=at, boot=boot_time())

    return Sweep(clock=swept.clock, dry_run=False, steps=[_step(act) for act in swept.acts])


def _step(act: StageMove) -> Step:
    return Step(
        account=act.account,
        stage=act.stage,
        to=act.due.to,
        reason=act.due.reason,
        warn_days=act.due.warn_days,
        step_at=instant(act.due.step_at),
        left=act.left,
    )

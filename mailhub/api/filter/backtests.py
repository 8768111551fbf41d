"""/v1/spam/backtest: what mail that came would have become with other thresholds. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.slots import one_of
from mailhub.errors import BadRequest
from mailhub.filter.backtest import Pairs, backtest
from mailhub.filter.verdict import FilterSettings
from storage.filter import labels
from storage.filter.labels import Scored

router = APIRouter(prefix="/spam", tags=["spam"])

PORTION = 1_000  # messages of one read
MESSAGES = 200_000  # looked at; the newest of the time asked for are left out then, and the answer says so


class Count(shapes.Shape):
    """How many messages went from one to the other."""

    was: str
    becomes: str
    messages: int


class Tried(shapes.Shape):
    """What would have become of the mail since an instant.

    ``moves``: from the verdict when it came. ``labelled_now`` and ``labelled_tried``: from the label somebody gave, by
    the thresholds in force and by those tried. ``complete`` is false when there was more mail than is looked at.
    """

    spam_threshold: float
    ham_threshold: float
    since: str
    messages: int
    complete: bool
    moves: list[Count]
    labelled_now: list[Count]
    labelled_tried: list[Count]


@router.get("/backtest", dependencies=[Depends(one_of("backtests"))])
def try_thresholds(
    call: InAccount,
    threshold: Annotated[float, Query(ge=0.5, le=1, description="Probability from which a mail is spam.")],
    ham_threshold: Annotated[float | None, Query(ge=0, le=1, description="Up to which it is ham.")] = None,
    days: Annotated[int, Query(ge=1, le=3660, description="How far to look back.")] = 30,
) -> Tried:
    """What the mail of the last days would have become with other thresholds, by the scores it had when it came."""
    call.require("spam.stats")
    now = FilterSettings.of(call.house.config)
    ham = now.ham_probability if ham_threshold is None else ham_threshold
    if ham > threshold:
        raise BadRequest("the threshold for ham lies above the one for spam")

    since = clock.now() - days * clock.DAY
    found = backtest(
        _rows(call, since), now=now, tried=replace(now, spam_probability=threshold, ham_probability=ham)
    )

    return Tried(
        spam_threshold=threshold,
        ham_threshold=ham,
        since=shapes.instant(since) or "",
        messages=found.messages,
        complete=found.messages < MESSAGES,
        moves=_counts(found.moves),
        labelled_now=_counts(found.labelled_now),
        labelled_tried=_counts(found.labelled_then),
    )


def _counts(pairs: Pairs) -> list[Count]:
    return [
        Count(was=was, becomes=becomes, messages=number) for (was, becomes), number in sorted(pairs.items())
    ]


def _rows(call: Call, since: int) -> Iterator[Scored]:
    """Scored mail in portions, a read each."""
    after = seen = 0
    while seen < MESSAGES:
        with call.house.database.read() as connection:
            portion = labels.scored_messages(
                connection, call.account, since=since, after=after, limit=PORTION
            )
        yield from portion
        seen += len(portion)
        if len(portion) < PORTION:
            return
        after = portion[-1].id

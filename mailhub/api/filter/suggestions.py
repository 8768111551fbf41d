"""/v1/spam/suggestions: what was moved or sent as feedback and may be a mark, for an agent to confirm or dismiss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from mailhub.api.filter.spam import MarkResult, features_for, marking_user, results
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_page
from mailhub.api.frame.readable import readable_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.errors import NotFound
from mailhub.filter import feedback, mark_requests
from mailhub.filter.feedback import Marked
from storage.filter import mark_requests as rows
from storage.filter.mark_requests import SUGGESTED, Request

router = APIRouter(prefix="/spam", tags=["spam"])


class Suggestion(shapes.Named):
    """What may be a mark. ``reason``: unread, alike, doubled, too-many (docs/imap.md), or leans-to-spam (its ticket
    was closed as a good mail's, and the filter takes it rather for spam); ``giver``: mailbox or user.
    """

    id: int
    message: int
    label: str
    giver: int
    source: str
    reason: str
    noticed_at: str


class Suggestions(shapes.Shape):
    """Suggestions by their ids."""

    suggestions: Annotated[list[Id], Field(min_length=1, max_length=500)]


@router.get("/suggestions")
def list_suggestions(call: InAccount, limit: Limit = 50, after: After = None) -> Page[Suggestion]:
    """What agents are to decide, latest first. What nobody decides on goes after a month."""
    call.require("spam.explain")
    before = after if after is not None else 2**62
    with call.house.database.read() as connection:

        def find(place: int | None, limit: int) -> Sequence[Request]:
            return rows.list_suggestions(connection, call.account, before=place or before, limit=limit)

        def keep(some: Sequence[Request]) -> list[Request]:
            readable = set(call.readable(connection, [each.message_id for each in some]))
            return [each for each in some if each.message_id in readable]

        found = readable_page(find, keep, start=before, limit=limit)

    shown = page(found, lambda row: made(Suggestion, row, message=row.message_id, giver=row.giver_id), limit)
    return named_page(call, shown)


@router.post("/suggestions/confirm")
def confirm_suggestions(call: InAccount, body: Suggestions) -> list[MarkResult]:
    """Give them as one's own marks."""
    call.require("spam.mark")
    user = marking_user(call)
    done: list[Marked] = []

    for portion in _portions(call, body):
        done += call.act(
            mark_requests.confirm,
            call.house.models,
            portion,
            user=user,
            features_of=features_for(call, [each.message_id for each in portion]),
            per_hour=call.house.config.spam.marks_per_hour,
        )

    return results(call, done)


@router.post("/suggestions/dismiss", status_code=204, response_class=Response)
def dismiss_suggestions(call: InAccount, body: Suggestions) -> None:
    """They are no marks: the messages stay as they are."""
    call.require("spam.mark")
    marking_user(call)
    for portion in _portions(call, body):
        call.act(mark_requests.dismiss, portion)


def _portions(call: Call, body: Suggestions) -> Sequence[Sequence[Request]]:
    """The suggestions, some a turn of the writer. ``NotFound`` unless there are all of them."""
    ids = list(dict.fromkeys(body.suggestions))
    with call.house.database.read() as connection:
        found = [
            each for each in rows.find_requests(connection, call.account, ids) if each.state == SUGGESTED
        ]
        if len(found) != len(ids):
            raise NotFound("there is no such suggestion, or it was decided on")
        call.require_all_readable(connection, [each.message_id for each in found])
    return [found[start : start + feedback.STEP] for start in range(0, len(found), feedback.STEP)]

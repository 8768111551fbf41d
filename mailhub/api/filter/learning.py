"""What labels many messages at once: which ones a choice means, and what an answer teaches."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import structlog
from fastapi import APIRouter, Query

from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import After, Limit
from mailhub.api.tickets.tickets import VERDICTS
from mailhub.callers.caller import InAccount
from mailhub.callers.named import mailbox_id
from mailhub.callers.names import is_id
from mailhub.callers.searching import only_readable, search_readable
from mailhub.errors import BadRequest
from storage.filter import labels
from storage.filter.labels import Choice

router = APIRouter(prefix="/spam", tags=["spam"])

log = structlog.get_logger("mailhub.learning")


class Chosen(shapes.Shape):
    """Messages that a choice means, newest first. ``next`` is what to send as ``after``; null on the last page."""

    messages: list[int]
    next: int | None


@router.get("/choose")
def choose(
    call: InAccount,
    query: Annotated[
        str | None, Query(min_length=1, max_length=1000, description="Words; all must occur.")
    ] = None,
    mailbox: Annotated[str | None, Query(description="Mailbox by address or id.")] = None,
    contact: Annotated[str | None, Query(description="Who wrote it: address or id.")] = None,
    verdict: Annotated[str | None, Query(description="spam, ham or unsure")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Chosen:
    """Which incoming messages a choice means, for marking them in portions. Without a filter: a bad request."""
    call.require("ticket.read")
    if query is mailbox is contact is verdict is None:
        raise BadRequest("say which messages: by words, mailbox, contact or verdict")
    if verdict is not None and verdict not in VERDICTS:
        raise BadRequest(f"no such verdict: {verdict}; there are {', '.join(VERDICTS)}")

    before = after if after is not None else 2**62
    with call.house.database.read() as connection:
        choice = Choice(
            mailbox=None if mailbox is None else mailbox_id(connection, call.account, mailbox),
            contact=int(contact) if contact is not None and is_id(contact) else None,
            address=contact.lower() if contact is not None and not is_id(contact) else None,
            verdict=verdict,
        )
        if query is None:
            choose_some = partial(labels.choose_messages, connection, call.account, choice)
            found = only_readable(connection, call, choose_some, before=before, limit=limit)
            return Chosen(messages=found, next=found[-1] if len(found) == limit else None)
        hits = search_readable(connection, call, query, before=before, limit=limit)
        found = list(
            labels.choose_messages(connection, call.account, choice, before=before, limit=limit, among=hits)
        )

    return Chosen(messages=found, next=hits[-1] if len(hits) == limit else None)

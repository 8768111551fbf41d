"""/help/keys: the sheet of single keys, and their switch."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from mailhub.web.inbox.screens import Screen, show
from mailhub.web.inbox.session import Work

router = APIRouter(route_class=Screen)

KEYS = (  # what each does in a list, and in a ticket
    ("j", "next ticket", ""),
    ("k", "ticket before", ""),
    ("Enter", "open it", ""),
    ("/", "search, or a ticket's number", "the same"),
    ("r", "", "answer"),
    ("n", "", "note"),
    ("e", "", "close"),
    ("E", "", "reopen"),
    ("m", "", "take"),
    ("s", "", "snooze: choose until when, then Enter on the button"),
    ("!", "", "spam"),
    ("i", "", "not spam"),
    ("#", "", "trash"),
    ("w", "", "why"),
    ("u", "", "back to the list"),
    ("z", "undo what was done a moment ago", "the same"),
    ("?", "this sheet", "the same"),
    ("Esc", "leave a field", "the same; what is in it stays"),
)


@router.get("/help/keys")
def keys(call: Work) -> Response:
    """The sheet."""
    call.require("ticket.read")
    return show("keys.html", keys=KEYS)

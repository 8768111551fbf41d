"""/messages/ID/...: one mail as its sender made it, behind a wall; its files; and why it is where it is.

A stranger's HTML passes three nets, each of which alone keeps scripts out: our sanitiser (``message.sanitise``), a
frame without ``allow-scripts``, and the policy of its own answer. Remote images are never loaded: the sanitiser drops
their addresses, so that not even a connection is made. Inline images are shown where they are what they say (raster
kinds by their first bytes); all else of a mail is a download.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from mailhub.callers.caller import Call
from mailhub.callers.named import message_row
from mailhub.callers.stored import attached, raw_of
from mailhub.errors import Conflict, NotFound
from mailhub.filter.explaining import Explanation, explain
from mailhub.filter.verdict import FilterSettings
from mailhub.message import parse
from mailhub.message.sanitise import clean
from mailhub.reading.stored import document_of
from mailhub.web.inbox.screens import Screen, go_to, show
from mailhub.web.inbox.session import Work
from mailhub.web.inbox.tickets import number_of
from storage.mail import intake_lists
from storage.mail.derived import find_received
from storage.tickets.tickets import find_ticket

router = APIRouter(route_class=Screen)

FRAME = "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
FRAME_POLICY = (
    f"{FRAME}; default-src 'none'; script-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
RASTER = {  # first bytes of the images that a browser decodes and does nothing else with
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
INLINE_BYTES = 10 * 1024 * 1024
BARS = 20  # of an explanation


@router.get("/messages/{message}/html")
def html(request: Request, call: Work, message: int) -> Response:
    """A mail's HTML for the frame in its ticket; asked for by anything but a frame of ours, the ticket."""
    call.require("message.read")
    asked = (request.headers.get("sec-fetch-dest"), request.headers.get("sec-fetch-site"))
    if asked != ("iframe", "same-origin"):
        with call.house.database.read() as connection:
            row = message_row(connection, call, message)
            ticket = number_of(connection, call, row)
        return go_to(f"/tickets/{ticket}#m{row.id}")

    parsed = parse.parse(raw_of(call, message))
    inline = {
        each.content_id: f"/messages/{message}/inline/{each.index}"
        for each in parsed.attachments
        if each.content_id
    }
    page = (
        '<!doctype html><html><head><meta charset="utf-8"><style>:root{color-scheme:light;background:#fff;'
        "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}</style></head><body>"
        f"{clean(parsed.html, inline)}</body></html>"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": FRAME_POLICY})


@router.get("/messages/{message}/inline/{index}")
def inline(call: Work, message: int, index: int) -> Response:
    """An image in a mail's HTML, if it is one by its first bytes."""
    call.require("message.read")
    raw = raw_of(call, message)
    files = parse.list_attachments(raw)
    if not 0 <= index < len(files) or files[index].size_bytes > INLINE_BYTES:
        raise NotFound("no such image")
    content = parse.attachment_bytes(raw, index)
    kind = next((kind for head, kind in RASTER.items() if content.startswith(head)), None)
    if kind is None:
        raise NotFound("this is no image that is shown")
    return Response(content, media_type=kind)


@router.get("/messages/{message}/files/{index}")
def file(call: Work, message: int, index: int) -> Response:
    """A file of a mail, as a download."""
    call.require("message.read")
    return attached(call, message, index)


@router.get("/messages/{message}/why")
def why(call: Work, message: int) -> Response:
    """Why a mail is in its ticket, and why the filter says what it says of it."""
    call.require("message.read")
    call.require("spam.explain")
    with call.house.database.read() as connection:
        row = message_row(connection, call, message)
        ticket = find_ticket(connection, call.account, row.ticket_id)
        deliveries = intake_lists.list_intake(connection, call.account, message_id=row.id, limit=20)
    if ticket is None:
        raise NotFound(f"no such message: {message}")

    found = (
        _explained(call, message, row.size_bytes) if row.direction == "in" and not row.unreadable else None
    )
    return show("why.html", row=row, ticket=ticket, deliveries=deliveries, **_bars(found))


def _explained(call: Call, message: int, size: int) -> Explanation:
    call.charges.hold(size)
    with call.house.database.read() as connection:
        received = find_received(connection, call.account, message)
    if received is None:
        raise Conflict(f"message {message} cannot be read, so it has no score")
    house = call.house
    return explain(
        house.models.snapshot(house.writer, call.account),
        document_of(received),
        FilterSettings.of(house.config),
        reasons=BARS,
        secret=house.secrets.features,
        prior=house.models.prior,
    )


def _bars(found: Explanation | None) -> dict[str, Any]:
    """What the template draws: the widest bar is half of 200 units, to the right of the middle what speaks for spam."""
    if found is None:
        return {"found": None, "bars": []}
    heaviest = max((abs(each.weight) for each in found.reasons), default=1.0) or 1.0
    bars = []
    for each in found.reasons:
        width = round(abs(each.weight) / heaviest * 100, 1)
        bars.append({"reason": each, "width": width, "x": 100 if each.weight > 0 else round(100 - width, 1)})
    return {"found": found, "bars": bars}

"""/v1/messages: one message, its raw bytes, its files, and why everything about it was decided as it was."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.responses import StreamingResponse

from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one
from mailhub.api.frame.shapes import Id, made
from mailhub.api.tickets import views
from mailhub.callers.caller import InAccount
from mailhub.callers.named import message_row
from mailhub.callers.stored import attached, in_pieces, raw_of
from mailhub.errors import BadRequest
from mailhub.filter.weighing import is_conflict
from mailhub.privacy import file_deletion
from mailhub.reading import reparse
from mailhub.reading.shown import contents_of
from storage.filter import ledger
from storage.mail import intake_lists
from storage.tickets.ticket_views import told_of
from storage.tickets.tickets import find_ticket

router = APIRouter(tags=["messages"])

BYTES = {200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}}


class Word(shapes.Shape):
    """What one user said last about a message: spam, ham, or none (a label taken back). ``source``: mark, answer."""

    user: int
    label: str
    source: str
    given_at: str


class Why(shapes.Named):
    """Every decision about one message, with its reason."""

    message: int
    ticket: int
    deliveries: list[shapes.Delivery]
    thread_reason: str
    thread_evidence: str
    may_belong_to: int | None
    verdict: str
    verdict_reason: str
    verdict_evidence: str
    marks: list[Word]
    conflict: bool
    probability: float | None
    log_odds: float | None
    automatic: str
    authentication: str
    flags: list[str]


@router.get("/messages/{message}")
def show_message(call: InAccount, message: Id) -> shapes.Message:
    """One message with its text."""
    call.require("message.read")
    with call.house.database.read() as connection:
        row = message_row(connection, call, message)
        told = told_of(connection, call.account, [row])
        contents = contents_of(connection, call.account, [row], call.charges)

    return views.message(row, contents[row.id], told)


@router.get("/messages/{message}/raw", response_class=Response, responses=BYTES)  # type: ignore[arg-type]
def raw_message(call: InAccount, message: Id) -> Response:
    """The message exactly as it was received."""
    call.require("message.read")
    raw = raw_of(call, message)
    return StreamingResponse(
        in_pieces(call, raw), media_type="message/rfc822", headers={"Content-Length": str(len(raw))}
    )


@router.get("/messages/{message}/attachments/{index}", response_class=Response, responses=BYTES)  # type: ignore[arg-type]
def attachment(call: InAccount, message: Id, index: int) -> Response:
    """One file of a message, decoded. Always sent as opaque bytes: a browser must not run what a stranger wrote."""
    call.require("message.read")
    return attached(call, message, index)


@router.delete("/messages/{message}/attachments/{index}", status_code=204, response_class=Response)
def delete_attachment(call: InAccount, message: Id, index: int, confirm: str = "") -> None:
    """Delete one file of a message for good; a line stands in its place, and the others keep their numbers.

    `confirm` repeats the number, as a guard. What lies at a provider stays there. Needs a fresh second factor.
    """
    call.require("ticket.purge")
    call.require_fresh()
    with call.house.database.read() as connection:
        row = message_row(connection, call, message)
    if confirm != str(index):
        raise BadRequest("this cannot be undone: repeat the number of the file as ?confirm=")

    call.charges.hold(3 * row.size_bytes)
    parts = call.house.erasure()
    revision = file_deletion.prepare(parts, call.account, message, index)
    call.act(file_deletion.delete_file, parts, revision, index)


@router.get("/messages/{message}/why")
def why(call: InAccount, message: Id) -> Why:
    """Why a message is where it is: its deliveries and fates, its thread reason, its score."""
    call.require("message.read")
    with call.house.database.read() as connection:
        row = message_row(connection, call, message)
        found = intake_lists.list_intake(connection, call.account, message_id=message, limit=500)
        ticket = find_ticket(connection, call.account, row.ticket_id)
        words = list(ledger.last_words(connection, call.account, [row.id]).get(row.id, {}).values())
        mark = ledger.latest_marks(connection, call.account, [row.id]).get(row.id)
    reason, evidence = views.verdict_reason(row, mark)

    found_why = Why(
        message=row.id,
        ticket=row.ticket_id,
        deliveries=[views.delivery(each) for each in reversed(found)],
        thread_reason=row.thread_reason,
        thread_evidence=row.thread_evidence,
        may_belong_to=ticket.may_belong_to if ticket else None,
        verdict=row.verdict,
        verdict_reason=reason,
        verdict_evidence=evidence,
        marks=[made(Word, each, user=each.user_id) for each in words],
        conflict=is_conflict(words),
        probability=row.probability,
        log_odds=row.log_odds,
        automatic=row.automatic,
        authentication=row.authentication,
        flags=row.flags.split(),
    )
    return named_one(call, found_why)


class Reparsed(shapes.Shape):
    """One step of reading stored messages anew. ``next``: where the following step begins; null when all are done."""

    read: int
    changed: int
    next: int | None


@router.post("/messages/reparse")
def read_stored_anew(call: InAccount, after: Id = 0) -> Reparsed:
    """Derive the next messages' columns and index words anew from their raw bytes; repeat until `next` is null."""
    call.require("mail.reparse")
    house = call.house
    found = reparse.read_anew(house.database, house.secrets, house.directory, call.account, after=after)
    changed = house.writer.run(reparse.write_anew, account=call.account, messages=found) if found else 0
    return Reparsed(read=len(found), changed=changed, next=found[-1].stored.id if found else None)

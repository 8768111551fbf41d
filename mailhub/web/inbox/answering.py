"""/tickets/NUMBER/answer and /drafts: answers, kept on the server while they are written, and undone until they go.

What is written becomes a draft with the first save; recipients stand in the form as they stand in the draft, and the
draft alone says whom the mail goes to. Two windows cannot overwrite each other (the version), and what came meanwhile
stops a send until its writer has looked (the newest id that the page showed).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from mailhub import clock
from mailhub.callers.caller import Call
from mailhub.callers.named import ticket_id
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.tickets import drafts as flow
from mailhub.tickets import sending
from mailhub.tickets.drafts import Beginning, Changed, DraftKind
from mailhub.tickets.reply import proposed_audience
from mailhub.tickets.sending import Order, Unseen
from mailhub.web.inbox.screens import Screen, go_to, show
from mailhub.web.inbox.session import Work
from mailhub.web.inbox.tickets import AnswerForm, page, user_of
from mailhub.web.room import form_of
from storage.tickets import drafts
from storage.tickets.drafts import Draft
from storage.tickets.ticket_lists import tickets_by_id

router = APIRouter(route_class=Screen)

WRITTEN_BYTES = (
    900 * 1024
)  # of a form: an answer of 64 Ki characters, each at most nine bytes as a form sends them
DRAFTS_SHOWN = 100

Letter = Annotated[Mapping[str, str], Depends(form_of(WRITTEN_BYTES))]


@router.post("/tickets/{ticket}/answer")
def answer(call: Work, ticket: str, form: Letter) -> Response:
    """Keep what is written, or send it: it can be undone for some seconds. What is refused comes back as it was."""
    call.require("ticket.work")
    written = _read(form)
    then = form.get("then", "send")

    try:
        draft = _save(call, ticket, written)
        written = replace(written, version=draft.version)
        if then == "keep":
            return go_to(f"/tickets/{ticket}#answer")
        sent = _send(call, draft, written, anyway="anyway" in form, closes=then == "close")
    except Changed as error:
        other = replace(
            written, problem=str(error), elsewhere=error.current.text, version=error.current.version
        )
        return page(call, ticket, written=other, status=409)
    except Unseen as error:
        return page(call, ticket, written=replace(written, problem=str(error), unseen=True), status=412)
    except (BadRequest, Conflict) as error:
        return page(call, ticket, written=replace(written, problem=str(error)), status=409)

    return go_to(
        f"/tickets/{ticket}?done=sent-{ticket}-{sent.draft.id}" if sent.draft else f"/tickets/{ticket}#end"
    )


@router.post("/tickets/{ticket}/draft")
def keep(call: Work, ticket: str, form: Letter) -> Response:
    """Keep what is written while it is written; the version that the next save changes, as text, for the page's script."""
    call.require("ticket.work")
    try:
        return Response(str(_save(call, ticket, _read(form)).version), media_type="text/plain")
    except Changed as error:
        return Response(str(error), 409, media_type="text/html")


@router.get("/drafts")
def list_drafts(call: Work) -> Response:
    """What I began to write, and what is on its way."""
    call.require("ticket.read")
    with call.house.database.read() as connection:
        own = drafts.list_drafts(connection, call.account, user_id=user_of(call), limit=DRAFTS_SHOWN)
        closed = call.restricted(connection, [each.ticket_id for each in own if each.ticket_id is not None])
        open_to_me = [each for each in own if each.ticket_id is not None and each.ticket_id not in closed]
        tickets = tickets_by_id(connection, call.account, [each.ticket_id or 0 for each in open_to_me])
    rows = [(each, tickets[each.ticket_id or 0]) for each in open_to_me if each.ticket_id in tickets]
    return show("drafts.html", rows=rows)


@router.post("/drafts/{draft}/undo")
def undo(call: Work, draft: int) -> Response:
    """Take an answer back that is being sent: it is a draft again, as it was."""
    call.require("ticket.work")
    user = user_of(call)

    def work(act: Act) -> Draft:
        return sending.undo(act, user, draft)

    return go_to(f"/tickets/{call.act(work).ticket_id}#answer")


@router.post("/drafts/{draft}/discard")
def discard(call: Work, draft: int) -> Response:
    """Throw a draft away."""
    call.require("ticket.work")
    user = user_of(call)
    with call.house.database.read() as connection:
        found = drafts.find_draft(connection, call.account, draft)
    if found is None or found.user_id != user:
        raise NotFound("there is no such draft of yours")
    call.act(flow.discard, user, draft)
    return go_to(f"/tickets/{found.ticket_id}" if found.ticket_id else "/drafts")


def _read(form: Mapping[str, str]) -> AnswerForm:
    numbers = {name: form.get(name, "0") for name in ("version", "seen")}
    if not all(re.fullmatch("[0-9]{1,16}", each) for each in numbers.values()):
        raise BadRequest("this is no form of ours")
    return AnswerForm(
        to=form.get("to", ""),
        cc=form.get("cc", ""),
        text=form.get("text", ""),
        version=int(numbers["version"]),
        seen=int(numbers["seen"]),
    )


def _save(call: Call, ticket: str, written: AnswerForm) -> Draft:
    """Begin the draft where there is none, and keep what is written in it: one commit."""
    house = call.house
    user = user_of(call)
    with house.database.read() as connection:
        found = ticket_id(connection, call, ticket)
    proposed = proposed_audience(house.database, house.directory, call.account, found)
    beginning = Beginning(kind=DraftKind.ANSWER, ticket=found, proposed=proposed)
    changed = {
        "to": _addresses(written.to),
        "cc": _addresses(written.cc),
        "text": written.text,
        "seen": written.seen,
    }

    def work(act: Act) -> Draft:
        there = drafts.find_draft_of(act.transaction.connection, act.account, user, found, DraftKind.ANSWER)
        if there is not None and there.version != written.version:
            raise Changed(there)
        draft = there or flow.begin(act, user, beginning, house.config.quotas)
        return flow.save(act, user, draft.id, draft.version, changed)

    return call.act(work)


def _send(call: Call, draft: Draft, written: AnswerForm, *, anyway: bool, closes: bool) -> sending.Sending:
    house = call.house
    order = Order(
        account=call.account,
        actor=call.actor.name,
        user=user_of(call),
        draft=draft.id,
        version=draft.version,
        seen=written.seen,
        anyway=anyway,
        undo_seconds=house.config.answering.undo_seconds,
        closes=closes,
    )
    return sending.send(house.database, house.writer, house.reply(), order, now=clock.now())


def _addresses(text: str) -> list[str]:
    """Addresses of a field, parted by commas, semicolons or white space."""
    return [each for each in re.split(r"[,;\s]+", text) if each]

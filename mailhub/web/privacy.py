"""/privacy: somebody asks about their own data; /privacy/ACCOUNT/LINK: what the mailed link would do, and has done.

The answer to asking is one page, sent before anything is looked up: neither its text nor its time tells
whether an address is known. A link that is opened only shows; the button acts, since programs that scan mail
open links.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from mailhub import clock
from mailhub.backups.erasing import backups_holding
from mailhub.envelope import Recipient
from mailhub.errors import BadRequest, MailhubError, NotFound, TooManyRequests
from mailhub.house import House
from mailhub.privacy import privacy_requests as flow
from mailhub.privacy.erasing.plan import make_plan
from mailhub.privacy.privacy_requests import Asked
from mailhub.proof import receipts
from mailhub.web import erasure_pages, html
from mailhub.web.languages import Language, say
from mailhub.web.room import Form, Visited, answer, needed, page, refusal, require_patience
from storage.errors import StorageError
from storage.privacy.erasures import Erasure
from storage.privacy.privacy_requests import PrivacyRequest

router = APIRouter()

ADDRESS_CHARACTERS = 320
CHOICES = (
    ("export", "a copy of all data about me"),
    ("erasure", "the erasure of all data about me"),
    ("withdrawal", "the withdrawal of all consent I gave"),
)
WHAT = {
    "erasure": (
        "Erase your data",
        "All your messages and tickets and your address are erased, also where others quote you. Your name goes where "
        "it stands with your address or above a quote of yours.",
        "This cannot be undone.",
        "Erase everything about me",
    ),
    "export": (
        "A copy of your data",
        "You get one file with everything stored about you: your messages, your tickets, the records about them.",
        "Keep it where nobody else can read it.",
        "Give me the copy",
    ),
    "withdrawal": (
        "Withdraw your consent",
        "Every consent you gave is withdrawn from now on. What was done before stays lawful (GDPR art. 7(3)).",
        "You can give consent again at any time.",
        "Withdraw all consent",
    ),
}
BUSY = "this page is being made already, or others are: open it again in a moment"
LOOKED_AT = 100  # messages of each kind that the plan of a page reads
ASKED = (
    "Thank you. If data is held under this address, a letter with a link is on its way to it.",
    "If none comes within an hour, look among the spam, ask from the address you wrote from, or write to the support.",
)

log = structlog.get_logger("mailhub.web")


@router.get("/privacy")
@page
def ask_page(house: Visited, language: Language, mailbox: str = "") -> Response:
    """The form."""
    _require_offered(house)
    of = partial(say, language)
    support = of("The support address you wrote to")
    choices = [(kind, of(text)) for kind, text in CHOICES]
    fields = [
        html.field("mailbox", support, kind="email", value=mailbox[:ADDRESS_CHARACTERS]),
        html.field("address", of("Your own address"), kind="email", complete="email"),
        html.choice("kind", of("What you ask for"), choices),
    ]
    body = [
        html.paragraph(of("A link is sent to your address; nothing happens before you open it and confirm.")),
        html.form(of("Send me the link"), fields),
    ]
    if contact := house.config.privacy.data_protection_contact:
        body.append(html.paragraph(of("Other questions about your data: {contact}", contact=contact)))

    return answer(of("Your data"), *body, language=language)


@router.post("/privacy")
@page
def ask(request: Request, house: Visited, form: Form, language: Language) -> Response:
    """Ask; the same answer whatever is known."""
    _require_offered(house)
    require_patience(request)
    mailbox, address, kind = needed(form, ("mailbox", "address", "kind"))
    if kind not in flow.KINDS:
        raise BadRequest("choose what you ask for")

    place = house.directory.resolve(mailbox.strip())
    if isinstance(place, Recipient) and len(address) <= ADDRESS_CHARACTERS:
        asked = Asked(
            account=place.account, mailbox=place.mailbox, address=address, kind=kind, at=clock.now()
        )
        post = house.post
        policy = house.config.privacy.self_service
        house.writer.submit(flow.ask, post, policy, asked).add_done_callback(note("request"))

    told = (html.paragraph(say(language, text)) for text in ASKED)
    return answer(say(language, "Look into your mail"), *told, language=language)


def note(what: str) -> Callable[[Future[Any]], None]:
    """What is left of work that nobody waits for: a line in the log when it failed."""

    def done(future: Future[Any]) -> None:
        if (error := future.exception()) is not None:
            log.warning("work behind a page failed", what=what, error=type(error).__name__)

    return done


@router.get("/privacy/{account}/{link}")
@page
def show(request: Request, house: Visited, account: str, link: str, language: Language) -> Response:
    """What the link would do, with what it would take; or how far it is, and the receipt in words."""
    row, erasure = flow.look(house.privacy_requests(), _number(account), link, now=clock.now())
    if row.state != "asked":
        return _progress(_here(account, link), row, erasure, house, language)

    title, what, mind, button = WHAT[row.kind]
    body = [html.paragraph(say(language, what))]
    if row.kind == "erasure":
        _require_alone(request, house, row)
        body += _planned(house, row, language)
    body += [html.paragraph(say(language, mind)), html.form(say(language, button))]
    return answer(say(language, title), *body, language=language)


def _require_alone(request: Request, house: House, row: PrivacyRequest) -> None:
    """Be the only one who has this page counted, till it is sent. Raises ``TooManyRequests``."""
    try:
        request.state.charges.fly(house.flights, f"privacy-plan:{row.id}")
    except TooManyRequests as busy:
        raise TooManyRequests(BUSY, after_seconds=busy.after_seconds) from None


def _planned(house: House, row: PrivacyRequest, language: str) -> Iterator[str]:
    """What the erasure would take. Of further addresses the number is told, and no name that may be another person's."""
    plan = make_plan(house.erasure(), row.account_id, [row.address], looked_at=LOOKED_AT)
    with house.database.read() as connection:
        backups = len(backups_holding(connection, before=clock.now()))
    if set(plan.addresses) - {row.address}:
        own = {text: count for text, count in plan.strings.items() if text == row.address}
        plan = replace(plan, strings=own, names=())
    return erasure_pages.before(language, plan, row.address, backups=backups)


@router.post("/privacy/{account}/{link}")
@page
def confirm(house: Visited, account: str, link: str, language: Language) -> Response:
    """Prove, once."""
    proven = flow.prove(house.privacy_requests(), _number(account), link, now=clock.now())
    told = []
    if proven.commitment_key is not None:
        keep = "Keep this key: it proves that the receipt is about you. It is shown only now."
        told = [
            html.paragraph(say(language, keep)),
            html.code(say(language, "Key"), proven.commitment_key.hex()),
        ]
    return _progress(_here(account, link), proven.request, None, house, language, *told)


@router.post("/privacy/{account}/{link}/copy")
def copy(request: Request, house: Visited, account: str, link: str, language: Language) -> Response:
    """The copy itself; once at a time, however many ask for it together."""
    try:
        row, _ = flow.look(house.privacy_requests(), _number(account), link, now=clock.now())
        request.state.charges.fly(house.flights, f"privacy-request:{row.id}")
        pieces = flow.collect(house.privacy_requests(), _number(account), link, now=clock.now())
    except (MailhubError, StorageError) as error:
        return refusal(error, language)
    headers = {"Content-Disposition": 'attachment; filename="my-data.zip"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.post("/privacy/{account}/{link}/receipt")
@page
def receipt(house: Visited, account: str, link: str, language: Language) -> Response:
    """The signed receipt of an erasure that is done, as a file."""
    _, erasure = flow.look(house.privacy_requests(), _number(account), link, now=clock.now())
    if erasure is None or erasure.receipt is None:
        raise NotFound("there is no receipt yet")
    headers = {"Content-Disposition": 'attachment; filename="receipt.json"'}
    return Response(erasure.receipt, media_type="application/json", headers=headers)


def _progress(
    here: str, row: PrivacyRequest, erasure: Erasure | None, house: House, language: str, *told: str
) -> Response:
    """How far a request is that was proven."""
    of = partial(say, language)
    if row.state == "proven":
        text = of(
            "Your request was taken. Somebody looks at it; you hear of it within {days} days.",
            days=flow.ANSWER_DAYS,
        )
        return answer(of("Your request was taken"), html.paragraph(text), *told, language=language)

    if row.state == "refused":
        text = of("Your request was not carried out. The reason was mailed to you.")
        return answer(of("Your request was not carried out"), html.paragraph(text), language=language)

    if row.kind == "export":
        until = of("You can fetch the copy until {until}.", until=clock.to_iso(row.expires_at))
        fetch = html.form(of("Fetch the copy"), action=f"{here}/copy")
        return answer(of("Your copy is ready"), html.paragraph(until), fetch, language=language)

    if row.kind == "withdrawal":
        text = of("All consent you gave is withdrawn.")
        return answer(of("Your consent is withdrawn"), html.paragraph(text), language=language)

    return _erasure(here, erasure, house, language, *told)


def _erasure(here: str, erasure: Erasure | None, house: House, language: str, *told: str) -> Response:
    of = partial(say, language)
    if erasure is not None and erasure.state == "held":
        text = of(
            "A legal hold keeps your data for now (GDPR art. 17(3)). It is erased by itself when that is lifted."
        )
        return answer(of("Your data is held"), html.paragraph(text), *told, language=language)
    if erasure is None or erasure.receipt is None:
        text = of("Your data is being erased. Open this page again for the receipt; nothing more is mailed.")
        return answer(of("Your data is being erased"), html.paragraph(text), *told, language=language)

    key = of("The public key that verifies the receipt")
    body = [
        *erasure_pages.after(language, json.loads(erasure.receipt)),
        html.form(of("Fetch the receipt"), action=f"{here}/receipt"),
        html.code(key, receipts.public_key_of(house.keys)),
    ]
    return answer(of("Your data is erased"), *body, language=language)


def _here(account: str, link: str) -> str:
    """The page's own path, made of what was found to be a number and a link."""
    return f"/privacy/{_number(account)}/{link}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise NotFound(flow.GONE)
    return int(text)


def _require_offered(house: House) -> None:
    if not flow.offered(house.config.privacy.self_service, house.post):
        raise NotFound("nothing can be asked for on this page here: write to the support")

"""/privacy: somebody asks about their own data; /privacy/ACCOUNT/LINK: what the mailed link would do, and has done.

The answer to asking is one page, sent before anything is looked up: neither its text nor its time tells
whether an address is known. A link that is opened only shows; the button acts, since programs that scan mail
open links.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from mailhub import clock
from mailhub.envelope import Recipient
from mailhub.errors import BadRequest, MailhubError, NotFound
from mailhub.house import House
from mailhub.privacy import privacy_requests as flow
from mailhub.privacy.privacy_requests import Asked
from mailhub.proof import receipts
from mailhub.web import html
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
        "it stands with your address or above a quote of yours. Where others wrote it in words of their own it stays, "
        "unless the support looks at these places and agrees: write to them if you want that.",
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
ERASED_PAGE = "Everything about you is erased. The receipt lists what was not looked for, if there is any."
ASKED = (
    "Thank you. If data is held under this address, a letter with a link is on its way to it.",
    "If none comes within an hour, look among the spam, ask from the address you wrote from, or write to the support.",
)

log = structlog.get_logger("mailhub.web")


@router.get("/privacy")
@page
def ask_page(house: Visited, mailbox: str = "") -> Response:
    """The form."""
    _require_offered(house)
    fields = [
        html.field(
            "mailbox", "The support address you wrote to", kind="email", value=mailbox[:ADDRESS_CHARACTERS]
        ),
        html.field("address", "Your own address", kind="email", complete="email"),
        html.choice("kind", "What you ask for", CHOICES),
    ]
    how = "A link is sent to your address; nothing happens before you open it and confirm."
    contact = house.config.privacy.data_protection_contact
    more = [html.paragraph(f"Other questions about your data: {contact}")] if contact else []

    return answer("Your data", html.paragraph(how), html.form("Send me the link", fields), *more)


@router.post("/privacy")
@page
def ask(request: Request, house: Visited, form: Form) -> Response:
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

    return answer("Look into your mail", *map(html.paragraph, ASKED))


def note(what: str) -> Callable[[Future[Any]], None]:
    """What is left of work that nobody waits for: a line in the log when it failed."""

    def done(future: Future[Any]) -> None:
        if (error := future.exception()) is not None:
            log.warning("work behind a page failed", what=what, error=type(error).__name__)

    return done


@router.get("/privacy/{account}/{link}")
@page
def show(house: Visited, account: str, link: str) -> Response:
    """What the link would do, or how far it is."""
    row, erasure = flow.look(house.privacy_requests(), _number(account), link, now=clock.now())
    if row.state == "asked":
        title, what, mind, button = WHAT[row.kind]
        return answer(title, html.paragraph(what), html.paragraph(mind), html.form(button))
    return _progress(_here(account, link), row, erasure, house)


@router.post("/privacy/{account}/{link}")
@page
def confirm(house: Visited, account: str, link: str) -> Response:
    """Prove, once."""
    proven = flow.prove(house.privacy_requests(), _number(account), link, now=clock.now())
    if proven.commitment_key is None:
        return _progress(_here(account, link), proven.request, None, house)
    told = (
        html.paragraph("Keep this key: it proves that the receipt is about you. It is shown only now."),
        html.code("Key", proven.commitment_key.hex()),
    )
    return _progress(_here(account, link), proven.request, None, house, *told)


@router.post("/privacy/{account}/{link}/copy")
def copy(request: Request, house: Visited, account: str, link: str) -> Response:
    """The copy itself; once at a time, however many ask for it together."""
    try:
        row, _ = flow.look(house.privacy_requests(), _number(account), link, now=clock.now())
        request.state.charges.fly(house.flights, f"privacy-request:{row.id}")
        pieces = flow.collect(house.privacy_requests(), _number(account), link, now=clock.now())
    except (MailhubError, StorageError) as error:
        return refusal(error)
    headers = {"Content-Disposition": 'attachment; filename="my-data.zip"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)


@router.post("/privacy/{account}/{link}/receipt")
@page
def receipt(house: Visited, account: str, link: str) -> Response:
    """The signed receipt of an erasure that is done, as a file."""
    _, erasure = flow.look(house.privacy_requests(), _number(account), link, now=clock.now())
    if erasure is None or erasure.receipt is None:
        raise NotFound("there is no receipt yet")
    headers = {"Content-Disposition": 'attachment; filename="receipt.json"'}
    return Response(erasure.receipt, media_type="application/json", headers=headers)


def _progress(here: str, row: PrivacyRequest, erasure: Erasure | None, house: House, *told: str) -> Response:
    """How far a request is that was proven."""
    if row.state == "proven":
        text = f"Your request was taken. Somebody looks at it; you hear of it within {flow.ANSWER_DAYS} days."
        return answer("Your request was taken", html.paragraph(text), *told)

    if row.state == "refused":
        text = "Your request was not carried out. The reason was mailed to you."
        return answer("Your request was not carried out", html.paragraph(text))

    if row.kind == "export":
        until = f"You can fetch the copy until {clock.to_iso(row.expires_at)}."
        return answer(
            "Your copy is ready", html.paragraph(until), html.form("Fetch the copy", action=f"{here}/copy")
        )

    if row.kind == "withdrawal":
        return answer("Your consent is withdrawn", html.paragraph("All consent you gave is withdrawn."))

    return _erasure(here, erasure, house, *told)


def _erasure(here: str, erasure: Erasure | None, house: House, *told: str) -> Response:
    if erasure is not None and erasure.state == "held":
        text = "A legal hold keeps your data for now (GDPR art. 17(3)). It is erased by itself when that is lifted."
        return answer("Your data is held", html.paragraph(text), *told)
    if erasure is None or erasure.receipt is None:
        text = "Your data is being erased. Open this page again for the receipt; nothing more is mailed."
        return answer("Your data is being erased", html.paragraph(text), *told)
    key = html.code("The public key that verifies the receipt", receipts.public_key_of(house.keys))
    fetch = html.form("Fetch the receipt", action=f"{here}/receipt")
    return answer("Your data is erased", html.paragraph(ERASED_PAGE), fetch, key)


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

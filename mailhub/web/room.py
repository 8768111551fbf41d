"""What every page has in common: whom it is for, how a form is read, how a refusal looks, how often one may ask.

Pages are open to everybody at the HTTP and HTTPS doors (loopback HTTP is for a reverse proxy), and closed at
the admin socket. Must not: log or repeat a link; answer anything but HTML, or the file that was asked for.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from mailhub import clock
from mailhub.callers import problems
from mailhub.callers.caller import house_of
from mailhub.callers.origin import ADMIN
from mailhub.callers.rates import Rates
from mailhub.errors import BadRequest, MailhubError, NotFound, TooManyRequests
from mailhub.house import House
from mailhub.intake.smtp.limits import address_group
from mailhub.web import html
from mailhub.web.languages import ENGLISH, say
from storage.errors import StorageError

FORM_BYTES = 8 * 1024
FORM_FIELDS = 10
ASKS_A_MINUTE = 10  # of one client, on pages that send a letter or take a password
HEADERS = {"Content-Security-Policy": html.POLICY, "Vary": "Accept-Language"}


def answer(
    title: str,
    *body: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    language: str = ENGLISH,
) -> Response:
    """A page."""
    return HTMLResponse(html.document(title, body, language=language), status, {**HEADERS, **(headers or {})})


def refusal(error: MailhubError | StorageError, language: str = ENGLISH) -> Response:
    """What a page says instead of a problem document."""
    status, _ = problems.status_of(error)
    text = str(error) if isinstance(error, MailhubError) else "something does not answer: try again later"
    after = {"Retry-After": str(error.after_seconds)} if isinstance(error, TooManyRequests) else None
    said = html.paragraph(say(language, text))
    return answer(say(language, "This did not work"), said, status=status, headers=after, language=language)


def page(function: Callable[..., Response]) -> Callable[..., Response]:
    """A route whose refusals are pages, in the language that it is asked for by ``language``."""

    @functools.wraps(function)
    def made(*args: Any, **named: Any) -> Response:
        try:
            return function(*args, **named)
        except (MailhubError, StorageError) as error:
            return refusal(error, named.get("language", ENGLISH))

    return made


def visited(request: Request) -> House:
    """The house, for somebody who came by a door that has pages."""
    if request.state.door == ADMIN:
        raise NotFound("there are no pages on the admin socket")
    return house_of(request)


def form_of(limit: int) -> Callable[[Request], Coroutine[Any, Any, Mapping[str, str]]]:
    """Reads the fields of a form of at most so many bytes. The reader raises ``BadRequest``."""

    async def read_form(request: Request) -> Mapping[str, str]:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > limit:
                raise BadRequest("this form is too long")

        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict"
            )
        except (ValueError, UnicodeError):
            raise BadRequest("this is no form of ours") from None

        return dict(pairs)

    return read_form


def require_patience(request: Request) -> None:
    """Count one ask of this client. Raises ``TooManyRequests``."""
    rates: Rates = request.app.state.page_rates
    client = address_group(str(request.state.address or ""))
    if wait := rates.wait_seconds(client, ASKS_A_MINUTE, time.monotonic()):
        raise TooManyRequests(f"please wait {clock.in_seconds(wait)} and try again", after_seconds=wait)


Visited = Annotated[House, Depends(visited)]
Form = Annotated[Mapping[str, str], Depends(form_of(FORM_BYTES))]


def needed(form: Mapping[str, str], names: Sequence[str]) -> list[str]:
    """The values of these fields. Raises ``BadRequest`` for one that is missing."""
    if missing := [name for name in names if not form.get(name, "").strip()]:
        raise BadRequest(f"please fill in: {', '.join(missing)}")
    return [form[name] for name in names]

"""What every page of the inbox has in common: its frame, its policy, its static files, and how a refusal looks.

Templates escape everything (autoescape) and know no name that they were not given (StrictUndefined). The policy lets
only our own files run and show (CSP 3), so style attributes and inline scripts do nothing, whoever wrote them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mailhub import clock
from mailhub.callers import problems
from mailhub.errors import BadRequest, MailhubError, NotAuthenticated, NotFound, TooManyRequests
from mailhub.web.inbox.session import EnrolFirst
from mailhub.web.inbox.words import ago, bytes_in_words
from storage.errors import StorageError

HERE = Path(__file__).parent
STATIC = HERE / "static"
MEDIA = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
FOR_GOOD = "public, max-age=31536000, immutable"  # the name of a static file says what is in it

router = APIRouter()


def digest_of_static() -> str:
    """Names what the static files say now: a new release's pages never meet an old one's styles."""
    digest = hashlib.sha256()
    for each in sorted(STATIC.iterdir()):
        digest.update(each.name.encode() + b"\0" + each.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"ago": ago, "iso": clock.to_iso, "in_bytes": bytes_in_words, "ours": Markup}
    made.globals["static"] = f"/static/{digest_of_static()}"
    return made


def show(template: str, /, status: int = 200, **values: Any) -> Response:
    """A page made of a template and these values."""
    text = _environment().get_template(template).render(now=clock.now(), **values)
    return HTMLResponse(text, status, HEADERS)


def go_to(path: str) -> Response:
    """Off to another page of ours, by GET: what a form is answered, so that a reload repeats nothing."""
    return RedirectResponse(path, 303)


class Screen(APIRoute):
    """A route whose refusals are pages, and that asks whoever is not signed in to do that first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def screened(request: Request) -> Response:
            try:
                return await handle(request)
            except NotAuthenticated:
                return _to_sign_in(request)
            except EnrolFirst:
                return go_to("/login/enrol")
            except RequestValidationError:
                return refusal(
                    BadRequest("this address, or what was sent with it, is no page or form of ours")
                )
            except (MailhubError, StorageError) as error:
                return refusal(error)

        return screened


def _to_sign_in(request: Request) -> Response:
    """To the sign-in page, and from there back to where they were."""
    if request.method != "GET":
        return show("signed_out.html", 401)
    there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return go_to(f"/login?next={quote(there, safe='')}")


def refusal(error: MailhubError | StorageError) -> Response:
    """What a page says instead of a problem document."""
    status, _ = problems.status_of(error)
    text = str(error) if isinstance(error, MailhubError) else "something does not answer: try again later"
    response = show("refusal.html", status, text=text)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(error.after_seconds)
    return response


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str) -> Response:
    """A style or script of ours; anybody may have them."""
    path = STATIC / name
    if digest != digest_of_static() or path.suffix not in MEDIA or path not in STATIC.iterdir():
        raise NotFound("no such file")
    return Response(path.read_bytes(), media_type=MEDIA[path.suffix], headers={"Cache-Control": FOR_GOOD})

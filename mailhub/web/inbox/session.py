"""Who looks at the inbox: the session in their cookie, and whether a form was sent by a page of ours.

The cookie opens the inbox alone, the bearer /v1 alone: no page of another site can make a browser call the API. Forms
are believed by what browsers say of themselves (Sec-Fetch-Site, else Origin), the way of Go's CrossOriginProtection;
whoever says neither is refused, since only browsers have the cookie. Sources: RFC 6265bis 4.1.3 (``__Host-``),
Fetch Metadata, OWASP CSRF Prevention.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from mailhub import clock
from mailhub.access.actor import Actor
from mailhub.access.bearers import Kind, kind_of
from mailhub.access.roles import ENROLMENT
from mailhub.callers.caller import Call, admitted, by_session, turn_of
from mailhub.callers.names import is_id
from mailhub.errors import BadRequest, Forbidden, MailhubError, NotAuthenticated
from mailhub.web.room import Visited

COOKIE = "__Host-mailhub"


class EnrolFirst(MailhubError):
    """A session that may do nothing but enrol a second factor."""

    temporary = False


def require_own_page(request: Request) -> None:
    """Raise ``Forbidden`` for a form that no page of ours sent."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        ours = site == "same-origin"
    else:
        ours = urlsplit(request.headers.get("origin", "")).netloc == request.headers.get("host", "") != ""
    if not ours:
        raise Forbidden("this form was not sent by a page of this inbox: open the page again and repeat it")


def set_cookie(response: Response, text: str) -> None:
    """Keep a session in the browser until that is closed; the session ends by its own dates."""
    response.set_cookie(COOKIE, text, path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(response: Response) -> None:
    """Forget the session, and whatever of it the browser kept."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def identify(request: Request, house: Visited) -> Actor:
    """Whose session the cookie is. Raises ``NotAuthenticated``, or as ``admitted`` does."""
    text = request.cookies.get(COOKIE, "")
    if kind_of(text) is not Kind.SESSION:
        raise NotAuthenticated("sign in first")
    return admitted(request, house, by_session(house, text, clock.now()))


async def in_turn(
    request: Request, house: Visited, actor: Annotated[Actor, Depends(identify)]
) -> AsyncIterator[Actor]:
    """Whoever is signed in, in their account's turn."""
    if request.method != "GET":
        require_own_page(request)
    async with turn_of(request, house, actor):
        yield actor


def the_visit(request: Request, house: Visited, actor: Annotated[Actor, Depends(in_turn)]) -> Call:
    """The house, the user and their account: what a page works with, as a route does with its call."""
    if actor.account is None:
        raise BadRequest("the inbox is for people of an account")
    ids = {name: int(value) for name, value in request.path_params.items() if is_id(str(value))}
    route = request.scope["route"].path
    return Call(house, actor, actor.account, route, ids, MutableHeaders(), request.state.charges)


def the_work(call: Annotated[Call, Depends(the_visit)]) -> Call:
    """The same for every page but enrolment: who must have a second factor gets that first. Raises ``EnrolFirst``."""
    if call.actor.scopes == ENROLMENT:
        raise EnrolFirst("set up your second factor first")
    return call


Visit = Annotated[Call, Depends(the_visit)]
Work = Annotated[Call, Depends(the_work)]

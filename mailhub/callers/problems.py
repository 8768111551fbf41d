"""Errors as RFC 9457 problems. The ONE place where an error becomes an HTTP status; the log gets the same id.

Of our own errors the client hears the text (it holds no personal data); of any other only that something
failed. The log never has the path of a request, which may hold an address, but its route.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from mailhub import errors
from mailhub.system.budget import NO_ROOM
from mailhub.system.logs import new_error_id
from storage.errors import Full, StorageError, TookTooLong

MEDIA_TYPE = "application/problem+json"
AGAIN_SECONDS = 5  # after which a client may try again what was unavailable

NO_THREAD = "can't start new thread"  # Python's words where the system, or the unit's TasksMax=, gives none

FORMS = {  # by the name of what was sent: the form it is to have
    "ticket": "this names no ticket: give its number, as 17 or #17, or its id",
    "into": "this names no ticket: give its number, as 17 or #17, or its id",
}
WORDS = {
    "int_parsing": "this is no whole number",
    "missing": "is missing",
    "json_invalid": "this is no JSON",
}

log = structlog.get_logger("mailhub.api")


class KeyReused(errors.Refused):
    """An Idempotency-Key was sent before, with another request."""


STATUSES: tuple[tuple[type[Exception], int, str], ...] = (  # the first that fits
    (errors.InsufficientStorage, 507, "insufficient-storage"),
    (errors.TooManyRequests, 429, "too-many-requests"),
    (errors.Unavailable, 503, "unavailable"),
    (errors.AccountNeeded, 400, "account-needed"),
    (errors.BadRequest, 400, "bad-request"),
    (errors.NoSuchRecipient, 404, "no-such-recipient"),
    (errors.NotFound, 404, "not-found"),
    (errors.Stale, 412, "stale"),
    (errors.Conflict, 409, "conflict"),
    (errors.Forbidden, 403, "forbidden"),
    (errors.NotAuthenticated, 401, "not-authenticated"),
    (KeyReused, 422, "key-reused"),
    (errors.Refused, 422, "refused"),
    (errors.MailhubError, 500, "error"),
    (Full, 507, "insufficient-storage"),
    (TookTooLong, 503, "took-too-long"),
    (StorageError, 503, "unavailable"),
)

# what the framework or the connection says before a route is asked
HTTP_CODES = {
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    431: "head-too-large",
    503: "unavailable",
}
TEXTS = {
    404: "there is nothing here: /v1/openapi.json lists what there is",
    405: "this path knows other methods: see Allow",
    413: "the body is larger than this route takes",
    503: NO_ROOM,
}


def status_of(error: Exception) -> tuple[int, str]:
    """HTTP status and machine word of an error."""
    return next(
        ((status, code) for kind, status, code in STATUSES if isinstance(error, kind)), (500, "internal")
    )


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    for kind in (errors.MailhubError, StorageError):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def body(status: int, code: str, detail: str, error_id: str, **more: Any) -> dict[str, Any]:
    """What one problem says (RFC 9457 3.1); ``id`` and ``code`` are ours."""
    title = HTTPStatus(status).phrase
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "id": error_id,
    } | more


def refused(
    status: int,
    code: str,
    detail: str,
    *,
    route: str = "",
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """The response of one problem, which is logged under its id."""
    error_id = new_error_id()
    level = log.warning if status >= 500 else log.info
    level("request refused", error_id=error_id, code=code, status=status, path=route)
    return _response(status, code, detail, error_id, headers, **more)


def _response(
    status: int, code: str, detail: str, error_id: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    own = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(AGAIN_SECONDS)}}.get(status, {})
    content = body(status, code, detail, error_id, **more)
    return JSONResponse(content, status, headers={**own, **(headers or {})}, media_type=MEDIA_TYPE)


async def _known(request: Request, error: Exception) -> JSONResponse:
    return known(error, _route(request))


def known(error: Exception, route: str = "") -> JSONResponse:
    """The response to an error of ours."""
    status, code = status_of(error)
    after = {"Retry-After": str(error.after_seconds)} if isinstance(error, errors.TooManyRequests) else None
    return refused(status, code, str(error), route=route, headers=after)


async def crashed(request: Request, error: Exception) -> JSONResponse:
    """The response to an error that nobody knows, which is logged under the id that it names."""
    if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
        log.error("no thread for a request: see TasksMax= of the unit")
        return refused(503, "unavailable", "the machine is busy: try again", route=_route(request))
    error_id = new_error_id()
    log.error("request crashed", error_id=error_id, path=_route(request), exc_info=error)
    return _response(500, "internal", "something went wrong inside; the log has more under this id", error_id)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"where": _said(".".join(map(str, each["loc"][1:] or each["loc"]))), "what": _what(each)}
        for each in error.errors()
    ]
    text = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults[:5])
    return refused(400, "bad-request", text, route=_route(request), faults=faults)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return by_status(error.status_code, str(error.detail), error.headers, route=_route(request))


def by_status(
    status: int, detail: str, headers: Mapping[str, str] | None = None, *, route: str = ""
) -> JSONResponse:
    """The response to what the framework refuses by itself."""
    text = TEXTS.get(status, detail)
    return refused(status, HTTP_CODES.get(status, "refused"), text, route=route, headers=headers)


def _what(fault: Mapping[str, Any]) -> str:
    """What is wrong with a value, and what would be right, in words of ours where there are some."""
    if fault["type"] == "string_pattern_mismatch":
        return FORMS.get(str(fault["loc"][-1]), "is not written as it should be here")
    return WORDS.get(fault["type"]) or _said(fault["msg"])


def _said(text: str) -> str:
    """What a client sent as we can send it back: a key, too, may be no Unicode."""
    return text.encode("utf-8", "replace").decode()


def _route(request: Request) -> str:
    """The route's pattern, never the path itself: a path may hold an address."""
    return str(getattr(request.scope.get("route"), "path", ""))

"""Errors as RFC 9457 problems. The ONE place where an error becomes an HTTP status; the log gets the same id.

Of our own errors the client hears the text (it holds no personal data); of any other only that something failed.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from mailhub import errors
from mailhub.system.logs import new_error_id
from storage.errors import Full, StorageError

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger("mailhub.api")


class NotAuthenticated(errors.Refused):
    """Nobody known asks: no ApiToken, or one that is wrong, expired or revoked."""


STATUSES: tuple[tuple[type[Exception], int, str], ...] = (  # the first that fits
    (errors.InsufficientStorage, 507, "insufficient-storage"),
    (errors.Unavailable, 503, "unavailable"),
    (errors.AccountNeeded, 400, "account-needed"),
    (errors.BadRequest, 400, "bad-request"),
    (errors.NoSuchRecipient, 404, "no-such-recipient"),
    (errors.NotFound, 404, "not-found"),
    (errors.Conflict, 409, "conflict"),
    (errors.Forbidden, 403, "forbidden"),
    (NotAuthenticated, 401, "not-authenticated"),
    (errors.Refused, 422, "refused"),
    (errors.MailhubError, 500, "error"),
    (Full, 507, "insufficient-storage"),
    (StorageError, 503, "unavailable"),
)


HTTP_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}  # what the framework itself says


def status_of(error: Exception) -> tuple[int, str]:
    """HTTP status and machine word of an error."""
    return next(((status, code) for kind, status, code in STATUSES if isinstance(error, kind)), (500, "internal"))


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem."""
    for kind in (errors.MailhubError, StorageError):
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def problem(status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """The response of one problem."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(body | more, status, headers=headers, media_type=MEDIA_TYPE)


async def _known(request: Request, error: Exception) -> JSONResponse:
    status, code = status_of(error)
    error_id = new_error_id()
    if status >= 500:
        log.warning("request failed", error_id=error_id, code=code, error=type(error).__name__, path=_route(request))
    return problem(status, code, str(error), id=error_id)


async def crashed(request: Request, error: Exception) -> JSONResponse:
    """The response to an error that nobody knows, which is logged under the id that it names."""
    error_id = new_error_id()
    log.error("request crashed", error_id=error_id, path=_route(request), exc_info=error)
    return problem(500, "internal", "something went wrong inside; the log has more under this id", id=error_id)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [{"where": _said(".".join(map(str, each["loc"]))), "what": _said(each["msg"])} for each in error.errors()]
    text = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults[:5])
    return problem(400, "bad-request", text, faults=faults)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, HTTP_CODES.get(error.status_code, "refused"), str(error.detail))


def _said(text: str) -> str:
    """What a client sent as we can send it back: a key, too, may be no Unicode."""
    return text.encode("utf-8", "replace").decode()


def _route(request: Request) -> str:
    """The route's pattern, never the path itself: a path may hold an address."""
    return str(getattr(request.scope.get("route"), "path", ""))

"""The API's own description (OpenAPI 3.1), completed: who may call, what may go wrong, what each thing looks like.

FastAPI describes routes, parameters and shapes; here is what holds for all of them, said once. Must not: name a route.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from mailhub.api.frame.examples import example_of
from mailhub.callers.conditions import KEY_CHARACTERS
from mailhub.callers.problems import HTTP_CODES, MEDIA_TYPE, STATUSES, TEXTS

ABOUT = """\
Support mail: tickets, messages, the filter, people.

On the admin socket the caller is known by their uid; elsewhere send an ApiToken or a session as a bearer. Lists are read
page by page: send `next` as `after` until it is null. Errors are RFC 9457 problems; `id` is in the log. A POST with an
`Idempotency-Key` acts once in a day, however often it is sent. A write with `If-Match` is refused when the ticket was
changed since that `ETag` was read.
"""
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An ApiToken (`mailhub token create`) or a session.",
}
OF_ALL = (400, 404, 413, 429, 500, 503)
OF_CALLERS = (401, 403)
OPERATORS_OWN = frozenset({"/metrics"})  # open to nobody else, though it takes no bearer
OF_WRITES = (401, 403, 409, 422, 507)
STALE = 412
TOLD_OTHERWISE = ("authorization", "idempotency-key")  # by the security scheme, and by KEY
MEANINGS = {
    400: "The request is wrong; `detail` says how to mend it.",
    401: "Nobody known asks.",
    403: "The caller may not do this.",
    404: "There is no such object in this account.",
    409: "The object's state does not allow this; `detail` says what to do first.",
    412: "The ticket was changed since the state that `If-Match` names.",
    413: "The body is larger than this route takes.",
    422: "This Idempotency-Key was sent with another request, or what was asked is refused for good.",
    429: "Too many requests of this address or user: again after `Retry-After` seconds.",
    500: "A fault inside; the log has more under the `id`.",
    503: "Not now: again after `Retry-After` seconds.",
    507: "There is no room for this.",
}
PROBLEM = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "description": "What went wrong, for programs: docs/errors.md."},
        "detail": {"type": "string", "description": "What went wrong, for people."},
        "id": {"type": "string", "description": "The log has a line with this error_id."},
        "faults": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own: the same request with the same key acts once, and is answered the same.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS, "pattern": "^[ -~]+$"},
    "example": "3f1c8f0e-note-1",
}
MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "Act only if the ticket still has this ETag (or one of several, with commas between; * is any).",
    "schema": {"type": "string"},
    "example": '"4f0c31a7be55d2c09a1b6e77"',
}


def complete(described: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's description with everything that it does not know."""
    licence = {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"}
    described["info"] |= {"description": ABOUT, "license": licence}
    described["servers"] = [{"url": "/"}]
    components = described["components"]
    shapes = components["schemas"]
    for name in (
        "HTTPValidationError",
        "ValidationError",
    ):  # FastAPI's own form of an error, which nobody gets
        shapes.pop(name, None)
    shapes["Problem"] = PROBLEM
    components["securitySchemes"] = {"bearer": BEARER}
    components["responses"] = {f"E{status}": _error(status) for status in MEANINGS}
    for path, method, operation in operations(described):
        _complete_operation(path, method, operation, shapes)

    return described


def operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of a description."""
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _complete_operation(path: str, method: str, operation: dict[str, Any], shapes: Mapping[str, Any]) -> None:
    given = operation.pop("parameters", [])
    names = {each["name"] for each in given}
    of_caller = "authorization" in names
    once = "idempotency-key" in names and method == "post"
    operation["security"] = [{"bearer": []}] if of_caller else []
    parameters = [each for each in given if each["name"] not in TOLD_OTHERWISE]
    of_ticket = "{ticket}" in path
    parameters += [KEY] if once else []
    parameters += [MATCH] if of_ticket and method != "get" else []
    if parameters:
        operation["parameters"] = parameters

    for each in parameters:
        each.setdefault("example", example_of(each["schema"], shapes, each["name"]))
        each.pop("examples", None)  # FastAPI's form of them is that of a schema

    statuses = {*OF_ALL, *(OF_CALLERS if of_caller else ()), *(OF_WRITES if method != "get" else ())}
    statuses |= {403} if path in OPERATORS_OWN else set()
    statuses |= {STALE} if of_ticket and method != "get" else set()
    operation["responses"].pop("422", None)  # FastAPI's own, which is a 400 here
    for status in sorted(statuses):
        operation["responses"].setdefault(str(status), {"$ref": f"#/components/responses/E{status}"})
    _show(operation, shapes)

    if of_ticket and "application/json" in operation["responses"].get("200", {}).get("content", {}):
        tag = {"description": "The ticket's state, for `If-Match`.", "schema": {"type": "string"}}
        operation["responses"]["200"]["headers"] = {"ETag": tag}


def _show(operation: dict[str, Any], shapes: Mapping[str, Any]) -> None:
    """Give every body that has a shape an example."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in bodies:
        for media_type, content in body.get("content", {}).items():
            if media_type == "application/json":
                content.setdefault("example", example_of(content["schema"], shapes))


def _error(status: int) -> dict[str, Any]:
    code = next(
        (word for _, known, word in reversed(STATUSES) if known == status), HTTP_CODES.get(status, "")
    )
    example = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code}
    example |= {"detail": TEXTS.get(status, MEANINGS[status]), "id": "9f1d03c25a7e"}
    schema = {"$ref": "#/components/schemas/Problem"}
    answer = {
        "description": MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }
    if status in (429, 503):
        after = {"description": "Seconds.", "schema": {"type": "integer", "minimum": 0}}
        answer["headers"] = {"Retry-After": after}
    return answer

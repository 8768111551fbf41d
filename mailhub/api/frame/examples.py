"""An example of everything the API takes and answers, made from its own description. Invented names only.

Most fields of one name mean one thing, so one table of names serves all shapes; what is not in it gets the
plainest value that its schema allows. A test holds every example against its schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INSTANT = "2026-11-24T09:30:00.000000Z"
ID = 1_000_000_042

BY_NAME: dict[str, Any] = {
    "account": "main",
    "actor": "user:1000000003",
    "address": "kim@customer.example",
    "assignee": "ana@example.com",
    "author": "ana@example.com",
    "authentication": "spf=pass dkim=pass dmarc=pass",
    "automatic": "",
    "code": "123456",
    "contact": "kim@customer.example",
    "contact_name": "Kim",
    "content_type": "image/png",
    "detail": {},
    "email": "ana@example.com",
    "expires_at": "2027-11-24T09:30:00.000000Z",
    "fate": "filed",
    "filename": "oven.png",
    "folded_lines": 4,
    "from": "kim@customer.example",
    "from_name": "Kim",
    "hour": INSTANT,
    "helo": "mx.customer.example",
    "into": "17",
    "link": "mhl_...",
    "mail_from": "kim@customer.example",
    "mailbox": "support@example.com",
    "message_id": "<5d2f@customer.example>",
    "name": "Ana",
    "network": "192.0.2.0/24",
    "number": 17,
    "object": "ticket:1000000042",
    "owner": "ana@example.com",
    "password": "rh64-4zwx-g9fd-2uyv-ejvr",
    "path": "/var/lib/mailhub/backups/mailhub-20261124T093000.000000Z.sqlite3",
    "peer": "192.0.2.25",
    "probability": 0.02,
    "query": "oven timer",
    "reason": "reference",
    "recipient": "support@example.com",
    "reply_to": ["kim@customer.example"],
    "reply_text": "It still smokes.",
    "role": "agent",
    "scopes": ["ticket.read"],
    "secret": "JBSWY3DPEHPK3PXP",
    "sequences": [7],
    "since": INSTANT,
    "source": "smtp",
    "state": "open",
    "subject": "The oven's timer resets itself",
    "text": "It still smokes.",
    "thread_reason": "reference",
    "ticket": "17",
    "title": "Not Found",
    "token": "mh_...",
    "user": "ana@example.com",
    "verb": "ticket.close",
    "verdict": "ham",
}


def example_of(schema: Mapping[str, Any], shapes: Mapping[str, Any], name: str = "") -> Any:
    """A value that this schema allows; ``shapes`` are the described ones, ``name`` is the field's."""
    if "$ref" in schema:
        return example_of(shapes[schema["$ref"].rpartition("/")[2]], shapes, name)
    if name in BY_NAME and _fits(BY_NAME[name], schema):
        return BY_NAME[name]
    if schema.get("examples"):
        return schema["examples"][0]

    for word in ("const", "default"):
        if schema.get(word) is not None:
            return schema[word]

    if "enum" in schema:
        return schema["enum"][0]

    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return example_of(schema[several][0], shapes, name)

    return _of_type(schema, shapes, name)


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value of the table has a type that the schema allows."""
    options = [schema, *schema.get("anyOf", ())]
    kinds = {each.get("type") for each in options}
    named = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    words = [each["enum"] for each in options if "enum" in each]
    dates = any(each.get("format") == "date" for each in options)
    return named[type(value)] in kinds and (not words or any(value in each for each in words)) and not dates


def _of_type(schema: Mapping[str, Any], shapes: Mapping[str, Any], name: str) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {key: example_of(each, shapes, key) for key, each in schema.get("properties", {}).items()}
    if kind == "array":
        return [example_of(schema.get("items", {}), shapes, name.removesuffix("s"))]
    if kind == "integer":
        return schema.get("minimum", 1) if "maximum" in schema and schema["maximum"] < ID else ID
    if kind == "number":
        return 0.5
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    if schema.get("format") == "date":
        return INSTANT[:10]

    return INSTANT if name.endswith("_at") or schema.get("format") == "date-time" else name or "text"

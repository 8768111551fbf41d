"""Reads the machine-readable parts of reports: delivery status (RFC 3464) and feedback (RFC 5965). Pure,
bounded, lenient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailhub.message.bounce_text import address_in

REPORT_BYTES = 64 * 1024
REPORT_RECIPIENTS = 200  # one report names the recipients of one message

_FIELD = re.compile(r"[!-9;-~]{1,60}:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One per-recipient group of a delivery status report (RFC 3464 2.3)."""

    address: str
    action: str  # "failed", "delayed", "delivered", "relayed", "expanded", "" when absent
    status: str  # the field as written
    diagnostic: str


def delivery_status(text: str) -> tuple[Reported, ...]:
    """The recipients that a message/delivery-status part reports on, in order."""
    found = []
    for fields in groups(text):
        address = _recipient(fields)
        if not address and not (fields.keys() & {"final-recipient", "original-recipient", "action"}):
            continue
        found.append(
            Reported(
                address=address,
                action=fields.get("action", "").split(None, 1)[0].lower() if fields.get("action") else "",
                status=fields.get("status", ""),
                diagnostic=fields.get("diagnostic-code", "").partition(";")[2]
                or fields.get("diagnostic-code", ""),
            )
        )
        if len(found) >= REPORT_RECIPIENTS:
            break

    return tuple(found)


def _recipient(fields: Mapping[str, str]) -> str:
    """The final recipient; the original one where the final is no address (a mailbox name, a source route)."""
    for name in ("final-recipient", "original-recipient", "x-actual-recipient"):
        value = fields.get(name, "")
        value = value.partition(";")[2] or value
        if value.strip()[:1] != "@" and (address := address_in(value)):
            return address
    return ""


def groups(text: str) -> Iterator[dict[str, str]]:
    """The groups of fields of a report, unfolded, names in lower case; a repeated field keeps its first value."""
    fields: dict[str, str] = {}
    name = ""

    for line in text.split("\n"):
        if not line.strip():
            if fields:
                yield fields
            fields = {}
            name = ""
        elif line[0] in " \t" and name:
            fields[name] = f"{fields[name]} {line.strip()}"[:8_000]
        elif _FIELD.match(line):
            name, _, value = line.partition(":")
            name = name.lower()
            if (
                name in ("final-recipient", "original-recipient") and name in fields
            ):  # groups that lost their blank line
                yield fields
                fields = {}
            fields.setdefault(name, value.strip())

    if fields:
        yield fields

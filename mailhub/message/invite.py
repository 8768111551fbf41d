"""Calendar invites. Job: the few lines a reader needs (what, when, where, who) out of a text/calendar part.

Reads the first VEVENT of RFC 5545 text, unfolded; understands METHOD of RFC 5546. Must not: expand
recurrences, convert time zones, raise.
"""

from __future__ import annotations

import re

from mailhub.message import headers

_LINE = re.compile(r"([A-Za-z-]{1,40})((?:;[^:\"\n]{0,200}+(?:\"[^\"\n]{0,200}+\"[^:\"\n]{0,200}+)*+)?):(.*)")
_NAME = re.compile(r";CN=(?:\"([^\"]+)\"|([^;:]+))", re.IGNORECASE)
_ZONE = re.compile(r";TZID=\"?([^;:\"]+)", re.IGNORECASE)
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?")
_ESCAPES = {"\\n": "\n", "\\N": "\n", "\\,": ",", "\\;": ";", "\\\\": "\\"}
_ESCAPE = re.compile(r"\\[nN,;\\]")
_TITLES = {"REQUEST": "Invitation", "CANCEL": "Cancelled", "REPLY": "Reply to invitation", "PUBLISH": "Event"}
_LINES = 2_000


def summary(text: str) -> str:
    """The invite as lines of text; "" when there is no event. ``text`` is the decoded part."""
    fields = _fields(text)
    if "DTSTART" not in fields and "SUMMARY" not in fields:
        return ""

    lines = [
        f"{_TITLES.get(fields.get('METHOD', ('', ''))[1].upper(), 'Event')}: {_value(fields, 'SUMMARY')}"
    ]
    start = _time(fields, "DTSTART")
    end = _time(fields, "DTEND")
    if start:
        lines.append(f"When: {start}" + (f" - {end}" if end else ""))
    if _value(fields, "LOCATION"):
        lines.append(f"Where: {_value(fields, 'LOCATION')}")
    if "ORGANIZER" in fields:
        lines.append(f"Organiser: {_person(*fields['ORGANIZER'])}")
    description = _value(fields, "DESCRIPTION").strip()

    return "\n".join(lines) + (f"\n\n{description}" if description else "")


def _fields(text: str) -> dict[str, tuple[str, str]]:
    """(parameters, value) of the first of each property of the calendar and its first event."""
    fields: dict[str, tuple[str, str]] = {}
    inside = 0  # nesting of components other than VCALENDAR and VEVENT: time zones and alarms have dates of their own

    for line in re.sub(r"\n[ \t]", "", text).split("\n")[:_LINES]:
        match = _LINE.match(line)
        if match is None:
            continue
        name = match[1].upper()
        parameters = match[2]
        value = match[3]
        if name in ("BEGIN", "END"):
            kind = value.strip().upper()
            if name == "END" and kind == "VEVENT":
                break
            if kind not in ("VCALENDAR", "VEVENT"):
                inside += 1 if name == "BEGIN" else -1
        elif inside <= 0:
            fields.setdefault(name, (parameters, value))

    return fields


def _value(fields: dict[str, tuple[str, str]], name: str) -> str:
    value = fields.get(name, ("", ""))[1]
    return _ESCAPE.sub(lambda match: _ESCAPES[match[0]], value)


def _time(fields: dict[str, tuple[str, str]], name: str) -> str:
    parameters, value = fields.get(name, ("", ""))
    match = _TIME.match(value.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, utc = match.groups()
    zone = _ZONE.search(parameters)
    clock = f" {hour}:{minute}" + (" UTC" if utc else f" ({zone[1]})" if zone else "") if hour else ""
    return f"{year}-{month}-{day}{clock}"


def _person(parameters: str, value: str) -> str:
    name = _NAME.search(parameters)
    address = headers.clean(re.sub("(?i)^mailto:", "", value.strip()))
    return f"{headers.clean(name[1] or name[2])} <{address}>" if name else address

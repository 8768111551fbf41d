"""What an IMAP server answered, as values: folders and mails, as far as telling what to do with them. Pure.

Servers answer what they like: a field of another form than it has is None, or left out. Must not: talk to a
server. Sources: RFC 9051, 7162 (CONDSTORE).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_MESSAGE_ID = re.compile(rb"^message-id:\s*<([^<>\s]{1,998})>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedFolder:
    """A folder as SELECT or STATUS shows it. None where the server did not say."""

    uidvalidity: int | None
    uidnext: int | None
    messages: int | None
    modseq: int | None = None  # the newest change of a flag there, in STATUS (RFC 7162)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One mail there: its size as the server says, and when it came there."""

    size_bytes: int
    came_at: int | None  # microseconds since the epoch, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """One mail there, as far as telling whether it is one that we have."""

    size_bytes: int
    flags: frozenset[str]
    message_id: str  # without < >, "" when absent


def opened(found: Mapping[Any, Any], messages: bytes) -> OpenedFolder:
    """What SELECT or STATUS answered; ``messages`` is its name there for how many there are."""
    return OpenedFolder(
        uidvalidity=_number(found.get(b"UIDVALIDITY")),
        uidnext=_number(found.get(b"UIDNEXT")),
        messages=_number(found.get(messages)),
        modseq=_number(found.get(b"HIGHESTMODSEQ")),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**63 else None


def described(items: Mapping[bytes, Any]) -> Described:
    """What FETCH answered for RFC822.SIZE and INTERNALDATE; the first is there."""
    came = items.get(b"INTERNALDATE")
    at = None
    if isinstance(came, datetime):
        at = int(came.replace(tzinfo=came.tzinfo or UTC).timestamp()) * 1_000_000
    return Described(size_bytes=max(0, items[b"RFC822.SIZE"]), came_at=at)


def sketched(items: Mapping[bytes, Any]) -> Sketch:
    """What FETCH answered for a sketch; RFC822.SIZE is there."""
    header = items.get(b"BODY[HEADER.FIELDS (MESSAGE-ID)]")
    found = _MESSAGE_ID.search(header) if isinstance(header, bytes) else None
    return Sketch(
        size_bytes=max(0, items[b"RFC822.SIZE"]),
        flags=frozenset(words(items.get(b"FLAGS"))),
        message_id=found[1].decode("ascii", "replace") if found else "",
    )


def words(flags: object) -> Iterator[str]:
    """Flags as text."""
    for flag in flags if isinstance(flags, tuple) else ():
        yield flag.decode("ascii", "replace") if isinstance(flag, bytes) else str(flag)

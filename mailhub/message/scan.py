"""The structure of a message. Job: one linear pass over the bytes that finds every MIME entity and enforces the bounds.

How: find the line starts "--" one after another, look each line up among the boundaries open now (a
dictionary, so the cost does not grow with depth), and open or close entities on an explicit stack: no
recursion. message/rfc822 is a leaf, its inside is read when somebody opens it. Decodes nothing but the MIME
headers of each entity. Must not: raise on any bytes, look beyond limits.DEPTH and limits.PARTS (flagged),
copy bodies. Sources: RFC 2045, RFC 2046 5.1 (boundaries, digest), RFC 3501 6.4.5 (numbers of parts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailhub.message import filenames, headers, limits, parameters, words
from mailhub.message.values import Part

_BLANK = re.compile(rb"\n\r?\n")
_LEADING = re.compile(
    rb"(?:[ \t]*+\r?\n)++"
)  # possessive: a group that may go back keeps 190 bytes for each round
_GUESS = re.compile(rb"--([^\s-][^\r\n]{0,200}|-+[^\s-][^\r\n]{0,198})\r?\n")
_DASHED = re.compile(rb"\n--([^\r\n \t]*+)")
_MISSES = 1_000  # lines of dashes that are no delimiter, before such lines are leapt over (20 MB of them: 6 s, then 0.6)
_STRETCH_BYTES = 1_024
_TOKEN = re.compile(rb"\s*\"?([!-'*-:<-~]+)")
_ID = re.compile(rb"<?\s*([^<>\s]+)")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a message is made of."""

    raw: bytes  # what the offsets refer to: the message, with bare CR line ends turned to LF where it has no LF
    parts: tuple[Part, ...]  # in the order of the message; the first is the message itself
    fields: tuple[tuple[bytes, bytes], ...]  # of the message: (name as written, value still folded)
    flags: list[str]


@dataclass(slots=True)
class _Entity:
    """A part while its end is not known."""

    number: str
    depth: int
    parent: int
    start: int
    body_start: int
    fields: headers.Fields
    lowered: tuple[tuple[bytes, bytes], ...]
    first: dict[bytes, bytes]
    content_type: str
    parameters: dict[str, str]
    end: int = -1
    children: int = 0
    boundary: bytes = b""


@dataclass(slots=True)
class _Cursor:
    """Where the next blank line and the next "--" line are: found once, so that many small parts stay linear."""

    raw: bytes
    blank: int = -1
    blank_end: int = -1
    dashes: int = -1
    flags: list[str] = field(default_factory=list)

    def header_end(self, start: int, *, whole: bool) -> tuple[int, int]:
        """(end of the header block that begins at ``start``, start of the body); a "--" line ends that of a part."""
        raw = self.raw
        if raw.startswith((b"\n", b"\r\n"), start):
            return start, start + (1 if raw[start] == 10 else 2)

        if self.blank < start:
            match = _BLANK.search(raw, start)
            self.blank, self.blank_end = (match.start() + 1, match.end()) if match else (len(raw), len(raw))

        if self.dashes < start:
            found = raw.find(b"\n--", start)
            self.dashes = found + 1 if found >= 0 else len(raw)

        if self.dashes < self.blank and not whole:
            return self.dashes, self.dashes

        return self.blank, self.blank_end


def scan(raw: bytes) -> Scan:
    """The entities of ``raw``. Never raises on strange bytes; linear in the length of ``raw``."""
    if b"\r" in raw[: limits.HEADER_BYTES] and b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    cursor = _Cursor(raw)
    start = 0

    if raw[:1] in (b"\n", b"\r", b" ", b"\t"):
        leading = _LEADING.match(raw)
        start = leading.end() if leading and leading.end() < len(raw) else 0

    root = _open(cursor, start, number="1", depth=0, parent=-1, default="text/plain")
    entities = [root]

    if root.boundary:
        root.number = ""
        _walk(cursor, entities)

    for entity in entities:
        if entity.end < 0:
            entity.end = len(raw)

    parts = tuple(_part(entity, cursor.flags) for entity in entities)
    return Scan(raw, parts, tuple(root.fields), cursor.flags)


def _open(cursor: _Cursor, start: int, *, number: str, depth: int, parent: int, default: str) -> _Entity:
    """Read the header block at ``start``."""
    header_end, body = cursor.header_end(start, whole=parent < 0)
    fields, actual, flags = headers.split(cursor.raw, start, header_end, whole=parent < 0)
    cursor.flags += flags
    if actual < header_end:
        body = actual
    lowered = tuple([(name.lower(), value) for name, value in fields])
    first = dict(lowered[::-1])  # the first of a name wins
    kind, values = parameters.content_type(first.get(b"content-type", b""), cursor.flags)
    entity = _Entity(number, depth, parent, start, body, fields, lowered, first, kind or default, values)
    if kind.startswith("multipart/"):
        _bound(cursor, entity)

    return entity


def _bound(cursor: _Cursor, entity: _Entity) -> None:
    """Find the boundary of a multipart; one that names none has it guessed from the body's first "--" line."""
    if entity.depth >= limits.DEPTH:
        cursor.flags.append("depth")
        return

    boundary = (
        entity.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")[: limits.BOUNDARY_BYTES]
    )
    if not boundary:
        guess = _GUESS.match(cursor.raw, entity.body_start) or _GUESS.search(
            cursor.raw, entity.body_start, entity.body_start + limits.VALUE_BYTES
        )
        boundary = guess[1].rstrip() if guess else b""
        cursor.flags.append("no-boundary")

    entity.boundary = boundary


def _walk(cursor: _Cursor, entities: list[_Entity]) -> None:
    """Find every delimiter line, opening and closing entities; stops at the end or at limits.PARTS."""
    raw = cursor.raw
    stack = [0]  # indices of open multiparts; the part open in the innermost one is entities[-1] or closed
    levels = {entities[0].boundary: 0}
    position = max(0, entities[0].body_start - 1)
    misses = looked = 0

    while stack:
        if misses > _MISSES and position >= looked:
            position, looked = _leap(raw, position, levels)
        at = raw.find(b"\n--", position)
        if at < 0:
            return
        stop = raw.find(b"\n", at + 3, at + 8 + limits.BOUNDARY_BYTES)
        line = raw[at + 3 : stop if stop >= 0 else at + 8 + limits.BOUNDARY_BYTES].rstrip(b" \t\r")
        position = at + 3
        level = levels.get(line)
        closing = False
        if level is None and line.endswith(b"--"):
            level = levels.get(line[:-2])
            closing = level is not None
        if level is None:
            misses += 1
            continue
        _close(raw, entities, stack, levels, level, at)
        after = stop + 1 if stop >= 0 else len(raw)
        if closing:
            entities[stack[level]].end = after
            del levels[entities[stack.pop()].boundary]
            position = after - 1
            continue
        if len(entities) >= limits.PARTS:
            cursor.flags.append("parts")
            return
        position = _next(cursor, entities, stack, levels, after)


def _leap(raw: bytes, position: int, levels: dict[bytes, int]) -> tuple[int, int]:
    """Past all stretches of lines without a delimiter, at the speed of C; (position, end of the stretch with one)."""
    wanted = set()
    for boundary in levels:  # by the first word of the line: cheap, and never misses one
        wanted |= set(_DASHED.findall(b"\n--" + boundary) + _DASHED.findall(b"\n--" + boundary + b"--"))
    while True:
        end = raw.find(b"\n", position + _STRETCH_BYTES)
        if end < 0 or not wanted.isdisjoint(_DASHED.findall(raw, position, end)):
            return position, end if end >= 0 else len(raw)
        position = end


def _close(
    raw: bytes, entities: list[_Entity], stack: list[int], levels: dict[bytes, int], level: int, at: int
) -> None:
    """A delimiter of the multipart at ``level`` ends the part before it and every multipart left open inside."""
    last = entities[-1]
    end = at - 1 if at and raw[at - 1] == 13 else at
    end = max(end, last.body_start)  # a header block that ran into the delimiter leaves a body of no bytes

    while len(stack) > level + 1:
        index = stack.pop()
        del levels[entities[index].boundary]
        if entities[index].end < 0:
            entities[index].end = end

    if last.end < 0 and len(entities) - 1 != stack[level]:
        last.end = end


def _next(
    cursor: _Cursor, entities: list[_Entity], stack: list[int], levels: dict[bytes, int], start: int
) -> int:
    """Open the part behind a delimiter; returns where to look for the next delimiter."""
    parent = entities[stack[-1]]
    parent.children += 1
    number = f"{parent.number}.{parent.children}" if parent.number else str(parent.children)
    default = "message/rfc822" if parent.content_type == "multipart/digest" else "text/plain"
    entity = _open(cursor, start, number=number, depth=parent.depth + 1, parent=stack[-1], default=default)
    entities.append(entity)

    if (
        entity.boundary and entity.boundary not in levels
    ):  # the outer one wins: else the parts behind it were lost
        stack.append(len(entities) - 1)
        levels[entity.boundary] = len(stack) - 1

    return max(start - 1, entity.body_start - 1)


def _part(entity: _Entity, flags: list[str]) -> Part:
    """The frozen value of an entity whose end is known."""
    first = entity.first
    disposition = ""
    filename = ""
    encoding = ""
    content_id = ""
    values: dict[str, str] = {}
    if b"content-disposition" in first:
        disposition, values = parameters.disposition(first[b"content-disposition"], flags)
    if b"content-transfer-encoding" in first:
        encoding = _encoding(first[b"content-transfer-encoding"])

    if b"content-id" in first:
        match = _ID.search(first[b"content-id"][: limits.PARAMETER_BYTES])
        content_id = headers.clean(match[1].decode("utf-8", "replace")) if match else ""

    if values or "name" in entity.parameters:
        filename = _filename(values, entity.parameters, flags)

    return Part(
        number=entity.number,
        depth=entity.depth,
        parent=entity.parent,
        start=entity.start,
        body_start=entity.body_start,
        end=entity.end,
        headers=entity.lowered,
        content_type=entity.content_type,
        parameters=entity.parameters,
        disposition=disposition,
        filename=filename,
        encoding=encoding,
        content_id=content_id,
    )


def _encoding(value: bytes) -> str:
    """Content-Transfer-Encoding in lower case, without comments and quotes: "base64" for ``Base64 (x);``."""
    match = _TOKEN.match(value)
    return match[1].strip(b'"').decode("ascii").lower() if match else ""


def _filename(disposition: dict[str, str], content_type: dict[str, str], flags: list[str]) -> str:
    """The name of RFC 2183, else of Content-Type; the other way round when a charset cost the first letters."""
    names = [
        words.decode(values.get(key, ""), flags)
        for values, key in ((disposition, "filename"), (content_type, "name"), (disposition, "name"))
    ]
    sound = [name for name in names if name and "??" not in name and "\ufffd" not in name]
    return next((name for name in map(filenames.safe, sound + names) if name), "")

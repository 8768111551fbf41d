"""winmail.dat. Job: the files inside a TNEF stream, on demand and never before the commit; its text where no other is.

Walks the attributes of the stream one after another (level, id, length, data, checksum); a length beyond the
end stops the walk and what was read so far stands. Names come from MAPI PR_ATTACH_LONG_FILENAME where there
is one, else from attAttachTitle; the text from PR_BODY, attBody, PR_HTML or PR_RTF_COMPRESSED. Must not:
recurse into an embedded message, raise on any bytes. Source: MS-OXTNEF 2.1, MS-OXPROPS.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailhub.message import charset, filenames, html, rtf
from mailhub.message.values import Attachment, Part

_SIGNATURE = 0x223E9F78
_ATTRIBUTES = 10_000  # attributes of one stream
_PROPERTIES = 2_000  # MAPI properties of one attachment
_VALUES = 1_000  # values of one multi-valued property

_RENDER_DATA = 0x9002  # attAttachRenddata: an attachment begins
_DATA = 0x800F
_TITLE = 0x8010
_PROPS = 0x9005
_CODEPAGE = 0x9007

_MESSAGE_PROPS = 0x9003
_BODY = 0x800C

_PLAIN_BODY = 0x1000
_RTF_BODY = 0x1009
_HTML_BODY = 0x1013
_LONG_FILENAME = 0x3707
_FILENAME = 0x3704
_DISPLAY_NAME = 0x3001
_ATTACH_DATA = 0x3701

_NAMES = {_LONG_FILENAME: "long", _FILENAME: "short", _DISPLAY_NAME: "display", _ATTACH_DATA: "object"}
_TEXTS = {_PLAIN_BODY: "body", _HTML_BODY: "html", _RTF_BODY: "rtf"}

_FIXED = {
    0x0002: 4,
    0x0003: 4,
    0x0004: 4,
    0x000A: 4,
    0x000B: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}
_VARIABLE = frozenset((0x000D, 0x001E, 0x001F, 0x0102))


@dataclass(frozen=True, slots=True)
class Inside:
    """One file of a winmail.dat."""

    filename: str
    data: bytes


def is_tnef(file: Attachment | Part) -> bool:
    """Whether an attachment is a winmail.dat, by its type or its name."""
    if file.content_type in ("application/ms-tnef", "application/vnd.ms-tnef"):
        return True
    return file.filename.lower() in ("winmail.dat", "win.dat")


def read(data: bytes) -> tuple[Inside, ...]:
    """The files of a TNEF stream, in order; () when it is none. Never raises; linear."""
    label = "cp1252"
    found: list[dict[str, bytes | str]] = []

    for tag, value in _attributes(data):
        if tag == _CODEPAGE and len(value) >= 4:
            label = f"cp{struct.unpack_from('<I', value)[0]}"
        elif tag == _RENDER_DATA:
            found.append({})
        elif found and tag == _DATA:
            found[-1].setdefault("data", value)
        elif found and tag == _TITLE:
            found[-1].setdefault("title", _string(value, label))
        elif found and tag == _PROPS:
            found[-1] |= _properties(value, label, _NAMES)

    return tuple(_inside(each, number) for number, each in enumerate(found, 1))


def text(data: bytes) -> str:
    """What the message in a TNEF stream says, "" when it says nothing. ``data`` may be its beginning. Never raises."""
    label = "cp1252"
    found: dict[str, bytes | str] = {}
    plain = b""

    for tag, value in _attributes(data):
        if tag == _CODEPAGE and len(value) >= 4:
            label = f"cp{struct.unpack_from('<I', value)[0]}"
        elif tag == _BODY:
            plain = plain or value
        elif tag == _MESSAGE_PROPS:
            found = found or _properties(value, label, _TEXTS)
        elif tag == _RENDER_DATA:  # the files follow the message
            break

    body = found.get("body") or _string(plain, label)
    if body:
        return body if isinstance(body, str) else charset.decode(body, label)[0]
    page = found.get("html")
    if page:
        return html.read(page if isinstance(page, str) else charset.decode(page, "")[0]).text
    rich = found.get("rtf")
    if isinstance(rich, bytes):
        document = rtf.read(rtf.uncompressed(rich))
        return html.read(document.text).text if document.is_html else document.text
    return ""


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, value) of each attribute of a TNEF stream, in order (MS-OXTNEF 2.1.1)."""
    if len(data) < 6 or struct.unpack_from("<I", data)[0] != _SIGNATURE:
        return
    position = 6

    for _ in range(_ATTRIBUTES):
        if position + 9 > len(data):
            return
        level, tag, _, length = struct.unpack_from("<BHHI", data, position)
        start = position + 9
        position = start + length + 2
        if level not in (1, 2):
            return
        yield tag, data[start : start + length]


def _inside(found: dict[str, bytes | str], number: int) -> Inside:
    name = found.get("long") or found.get("title") or found.get("short") or found.get("display") or ""
    data = found.get("data") or found.get("object") or b""
    assert isinstance(name, str)
    assert isinstance(data, bytes)
    return Inside(filenames.safe(name) or f"attachment-{number}.bin", data)


def _string(value: bytes, label: str) -> str:
    return charset.decode(value.split(b"\0", 1)[0], label)[0]


def _properties(data: bytes, label: str, wanted: Mapping[int, str]) -> dict[str, bytes | str]:
    """The MAPI properties that are ``wanted``, by their short names (MS-OXTNEF 2.1.3.4)."""
    found: dict[str, bytes | str] = {}
    if len(data) < 4:
        return found

    count = min(struct.unpack_from("<I", data)[0], _PROPERTIES)
    position = 4

    for _ in range(count):
        step = _property(data, position)
        if step is None:
            break
        kind, identity, values, position = step
        key = wanted.get(identity)
        if key is None or not values:
            continue
        if kind == 0x001F:
            found[key] = (
                values[0].decode("utf-16-le", "replace").split("\0", 1)[0].encode("utf-8", "replace").decode()
            )
        elif kind == 0x001E:
            found[key] = _string(values[0], label)
        elif key in ("object", "html", "rtf"):
            found[key] = values[0]

    return found


def _property(data: bytes, position: int) -> tuple[int, int, list[bytes], int] | None:
    """(type, id, values, next position) of the property at ``position``; None when the stream is broken there."""
    try:
        kind, identity = struct.unpack_from("<HH", data, position)
        position += 4
        if identity >= 0x8000:
            position = _past_name(data, position + 16)
        multiple = bool(kind & 0x1000)
        kind = kind & ~0x1000
        count = 1
        if multiple or kind in _VARIABLE:
            count = struct.unpack_from("<I", data, position)[0]
            position += 4
        if count > _VALUES:
            return None
        values = []
        for _ in range(count):
            length = _FIXED.get(kind, 0)
            if kind in _VARIABLE:
                length = struct.unpack_from("<I", data, position)[0]
                position += 4
            if not length and kind not in _VARIABLE:
                return None
            values.append(data[position : position + length])
            position += length + (-length % 4)
    except struct.error:
        return None

    return kind, identity, values, position


def _past_name(data: bytes, position: int) -> int:
    """Past the name of a named property: a number, or a counted UTF-16 string padded to four bytes."""
    named = struct.unpack_from("<I", data, position)[0]
    if named == 0:
        return position + 8
    length = struct.unpack_from("<I", data, position + 4)[0]
    return position + 8 + int(length) + (-int(length) % 4)

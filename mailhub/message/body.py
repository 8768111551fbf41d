"""A part's bytes, decoded. Job: undo the transfer encoding and the charset of one part, up to a limit.

Faults of the wild are read through, never raised: broken base64, quoted-printable with stray "=", encodings
nobody knows (taken as they are). Must not: choose which part is shown (content.py), convert HTML. Sources:
RFC 2045 6, RFC 3676 (format=flowed).
"""

from __future__ import annotations

import binascii
import re

from mailhub.message import charset, words
from mailhub.message.values import Part

_UNENCODED = frozenset(("", "7bit", "8bit", "binary"))
_SOFT_BREAK = re.compile(rb"=[ \t]+(\r?\n)")
_FOOTER = re.compile(rb"^[ \t]*[_*#~-]{10}", re.MULTILINE)  # a rule of characters that base64 has not
_META = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE
)
_UU_BEGIN = re.compile(rb"^begin(?:-base64)? [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)


def decode_part(raw: bytes, part: Part, limit_bytes: int | None = None) -> bytes:
    """The bytes of a part with its transfer encoding undone, at most ``limit_bytes`` (None: all). Never raises."""
    encoding = part.encoding
    start = part.body_start
    end = part.end
    if encoding in _UNENCODED:
        return raw[start : end if limit_bytes is None else min(end, start + limit_bytes)]
    if limit_bytes is not None:
        end = min(end, start + 3 * limit_bytes + 1024)  # no encoding takes more than 3 bytes for one
    decoded = _decoded(raw[start:end], encoding)
    return decoded if limit_bytes is None else decoded[:limit_bytes]


def _decoded(data: bytes, encoding: str) -> bytes:
    if encoding in ("base64", "b64", "base-64"):
        return base64_body(data)
    if encoding.startswith("quoted") or encoding == "qp":
        if b"= " in data or b"=\t" in data:
            data = _SOFT_BREAK.sub(rb"=\1", data)
        return binascii.a2b_qp(data)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return uudecode(data)
    return data


def base64_body(data: bytes) -> bytes:
    """RFC 2045 base64: strictly when it is sound, else as words.base64 reads it, up to a list's footer glued behind."""
    try:
        return binascii.a2b_base64(data.translate(None, b" \t\r\n"), strict_mode=True)
    except binascii.Error:
        footer = _FOOTER.search(data)
        return words.base64(data[: footer.start()] if footer else data)


def uudecode(data: bytes) -> bytes:
    """The first uuencoded file in ``data``; ``data`` itself when there is none. Broken lines are skipped."""
    begin = _UU_BEGIN.search(data)
    if begin is None:
        return data

    out = []
    for line in data[begin.end() :].split(b"\n"):
        line = line.rstrip(b"\r")
        if line == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:  # encoders that pad lines by one character too many: trust the length byte
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                out.append(binascii.a2b_uu(line[:wanted]))
            except binascii.Error:
                continue

    return b"".join(out)


def part_text(raw: bytes, part: Part, limit: int, flags: list[str] | None = None) -> str:
    """The text of a part: at most ``limit`` decoded bytes, line ends as LF, no NUL, no lone surrogate. Never raises."""
    return read_text(raw, part, limit, flags)[0]


def read_text(raw: bytes, part: Part, limit: int, flags: list[str] | None = None) -> tuple[str, int]:
    """As ``part_text``, with the number of decoded bytes it took."""
    data = decode_part(raw, part, limit)
    label = part.parameters.get("charset", "")
    if part.content_type == "text/html" and (not label or charset.codec(label) in (None, "ascii")):
        label = _declared(data) or label
    text, fault = charset.decode(data, label)
    if fault and flags is not None:
        flags.append(fault)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")

    return (text.replace("\0", "") if "\0" in text else text), len(data)


def _declared(data: bytes) -> str:
    """The charset an HTML page names for itself; browsers look at the first 1,024 bytes."""
    if data.isascii() and b"\x1b" not in data:
        return ""
    match = _META.search(data, 0, 2048)
    return match[1].decode("ascii") if match else ""


def unflow(text: str, *, delsp: bool) -> str:
    """RFC 3676: lines that end in a blank are joined with the next one of the same quote depth; stuffing is removed."""
    paragraphs: list[list[str]] = []
    depth = -1
    flowing = False

    for line in text.split("\n"):
        stripped = line.lstrip(">")
        quotes = len(line) - len(stripped)
        content = stripped[1:] if stripped.startswith(" ") else stripped
        signature = content in ("-- ", "--")
        piece = content[:-1] if delsp and content.endswith(" ") and not signature else content
        if flowing and quotes == depth and not signature:
            paragraphs[-1].append(piece)
        else:
            paragraphs.append([">" * quotes + (" " if quotes and content else ""), piece])
        flowing = content.endswith(" ") and not signature
        depth = quotes

    return "\n".join(["".join(pieces) for pieces in paragraphs])

"""Header block to fields, field bytes to text. Job: RFC 5322 header fields with the faults of the wild.

Offsets in, pairs out; every decoded value is free of CR, LF, NUL, other controls, bidi controls and lone
surrogates. Must not: interpret a field (addresses.py, dates.py, parameters.py do), raise on any bytes, take
more than linear time. Sources: RFC 5322 2.2 and 4.2 (obsolete forms), RFC 2047 (encoded words, by ``words``),
RFC 6532 (raw UTF-8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from mailhub.message import charset, limits, words

Fields = list[tuple[bytes, bytes]]  # (name as written, value still folded), in order

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*+(?:\n[ \t][^\n]*+)*+)", re.MULTILINE)
_SMALL_BYTES = 32 * 1024  # a block that cannot hold more fields than memory is worth
_SKIPPED = (b"\xef\xbb\xbf", b"From ", b">From ")
_NAMED_FROM = re.compile(rb"From[ \t]+:")  # a field, however it begins
_FOLD = re.compile(r"[ \t]*\r?\n[ \t]*")
_WELL_KNOWN = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|content-[a-z-]+|mime-version|received|return-path|x-[a-z0-9-]+)[ \t]*:",
    re.MULTILINE | re.IGNORECASE,
)
# C0 and C1 controls, line and paragraph separators, Unicode's Bidi_Control property, lone surrogates
_UNCLEAN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_BREAK = re.compile("[\t\r\n\u2028\u2029]+")


def split(raw: bytes, start: int, end: int, *, whole: bool = False) -> tuple[Fields, int, list[str]]:
    """The fields in ``raw[start:end]``, the offset of the body behind them, and flags.

    ``end`` bounds the search (the first blank line is found by the caller, who knows the whole message). The block ends
    early at the first line that is no field and has no well-known field behind it: the rest is body. A line of junk
    between fields is skipped and flagged. An mbox "From " line or a byte order mark ahead of the first field is
    skipped. In the header of the ``whole`` message a line of dashes is junk like any other; elsewhere it may be a
    boundary.
    """
    flags: list[str] = []
    if raw.startswith(_SKIPPED, start) and not _NAMED_FROM.match(raw, start):
        start = _first_field(raw, start, end)
    bound = min(end, start + limits.HEADER_BYTES)
    block = raw[start:bound]
    if bound < end:
        flags.append("header-bytes")

    if len(block) < _SMALL_BYTES:
        fields = _FIELD.findall(block)
    else:
        fields = [(match[1], match[2]) for match in islice(_FIELD.finditer(block), limits.HEADERS + 1)]

    lines = block.count(b"\n") - block.count(b"\n ") - block.count(b"\n\t") + (not block.endswith(b"\n"))
    body = end

    if lines != len(fields) <= limits.HEADERS:  # some line is no field and no continuation of one
        keep, fault = _junk(block, whole=whole)
        if fault:
            flags.append(fault)
        if keep < len(block):
            fields = _FIELD.findall(block[:keep])
            body = start + keep

    if len(fields) > limits.HEADERS:
        del fields[limits.HEADERS :]
        flags.append("header-count")

    return fields, body, flags


def _first_field(raw: bytes, start: int, end: int) -> int:
    """Past an mbox separator (RFC 4155, also quoted by old gateways) or a byte order mark."""
    if raw.startswith(_SKIPPED[0], start):
        return start + 3
    return min(raw.find(b"\n", start) + 1 or end, end)


def _junk(block: bytes, *, whole: bool) -> tuple[int, str]:
    """How much of the block is header, and a flag when something in it is not a field."""
    position = 0
    fault = ""
    last = -1

    while position < len(block):
        match = _FIELD.match(block, position)
        if match is not None:
            position = match.end() + 1
            continue
        if not fault:  # once: where the last field stands that everybody knows
            last = max((known.start() for known in _WELL_KNOWN.finditer(block)), default=-1)
        if (not whole and block.startswith(b"--", position)) or position > last:
            return position, fault or "no-blank-line"
        fault = "header-junk"
        position = block.find(b"\n", position) + 1 or len(block)
        while block[position : position + 1] in (b" ", b"\t"):  # what is folded to junk is junk
            position = block.find(b"\n", position) + 1 or len(block)

    return len(block), fault


def decode_all(
    fields: Iterable[tuple[bytes, bytes]], label: str, flags: list[str]
) -> tuple[tuple[str, str], ...]:
    """(name, decoded unfolded value) of each field; ``label`` is the charset to try for raw 8-bit text."""
    result = []
    for name, value in fields:
        if value.isascii() and len(value) <= limits.VALUE_BYTES:
            text = value.decode("ascii")
            if "\n" in text:
                text = " ".join([line.strip() for line in text.split("\n")])
            text = text.strip()
        else:
            text = unfold(value, label, flags)
        if "=?" in text:
            text = words.decode(text, flags)
        result.append((name.decode("ascii"), text if text.isprintable() else clean(text)))

    return tuple(result)


def unfold(value: bytes, label: str, flags: list[str]) -> str:
    """One field's value as one line of text, encoded words left as they are; bounded by ``limits.VALUE_BYTES``."""
    if len(value) > limits.VALUE_BYTES:
        flags.append("header-value")
        value = value[: limits.VALUE_BYTES]
    if value.isascii():
        text = value.decode("ascii")
    else:
        text, fault = charset.decode(value, charset.of_header(label))
        flags.append(fault or "raw-8bit-header")
    return (_FOLD.sub(" ", text) if "\n" in text else text).strip()


def clean(text: str) -> str:
    """``text`` without line breaks, controls, bidi controls and lone surrogates (white space becomes one blank)."""
    if text.isprintable():
        return text
    return _UNCLEAN.sub("", _BREAK.sub(" ", text)).strip()

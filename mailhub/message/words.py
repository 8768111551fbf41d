"""RFC 2047 encoded words. Job: decode them in a value, as written by real clients, in linear time.

Adjacent words of one charset are joined *before* decoding, because many senders cut a character in two.
Tolerated: blanks inside a word, words glued to text, missing padding, RFC 2231 language tags, unknown
charsets. Must not: clean control characters (headers.clean does, after), raise.
"""

from __future__ import annotations

import binascii
import re

from mailhub.message import charset, limits

_START = re.compile(r"=\?([^?=\s][^?\s]{0,63})\?([bBqQ])\?")
_SEGMENTS = 10_000  # pieces of base64 with padding of their own, joined into one; then padding counts as junk
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)


def decode(text: str, flags: list[str]) -> str:
    """``text`` with its encoded words decoded; at most ``limits.ENCODED_WORDS`` of them, the rest stays as written."""
    if "=?" not in text:
        return text

    out: list[str] = []
    # bytes of words already read and not yet decoded, all of one charset
    pending = b""
    label = ""
    position = count = 0

    while count < limits.ENCODED_WORDS:
        start = _START.search(text, position)
        end = text.find("?=", start.end()) if start is not None else -1
        if start is None or end < 0:
            break
        count += 1
        between = text[position : start.start()]
        wanted = start[1].partition("*")[0].lower()
        if pending and (between.strip() or wanted != label):
            out.append(_text(pending, label, flags))
            pending = b""
        if between.strip() or count == 1:  # white space between words is not part of the text (RFC 2047 6.2)
            out.append(between)
        pending += _bytes(text[start.end() : end], start[2])
        label = wanted
        position = end + 2

    if count == limits.ENCODED_WORDS:
        flags.append("encoded-words")
    out.append(_text(pending, label, flags))
    out.append(text[position:])

    return "".join(out)


def _text(data: bytes, label: str, flags: list[str]) -> str:
    text, fault = charset.decode(data, charset.of_header(label))
    fault = fault or ("" if charset.of_header(label) else "charset-unknown")
    if fault:
        flags.append(fault)
    return text


def _bytes(content: str, encoding: str) -> bytes:
    data = content.encode("utf-8", "replace")
    if encoding in "qQ":
        return _HEX.sub(_unhex, data.replace(b"_", b" "))
    return base64(data)


def _unhex(match: re.Match[bytes]) -> bytes:
    return binascii.unhexlify(match[1])


def base64(data: bytes) -> bytes:
    """RFC 2045 6.8 base64 as found: foreign bytes dropped, padding inside or missing. Never raises."""
    data = data.rstrip(b"=\r\n \t")
    out = bytearray()
    position = 0

    for _ in range(_SEGMENTS):
        padding = data.find(b"=", position)
        out += _segment(data[position : padding if padding >= 0 else len(data)])
        if padding < 0:
            return bytes(out)
        position = padding + 1

    return bytes(out + _segment(data[position:]))


def _segment(data: bytes) -> bytes:
    kept = data.translate(None, _NOT_BASE64)
    if len(kept) % 4 == 1:  # a lone character carries 6 bits: no byte
        kept = kept[:-1]
    return binascii.a2b_base64(kept + b"=" * (-len(kept) % 4))

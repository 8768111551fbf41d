"""Opaque S/MIME: the signed message inside application/pkcs7-mime, which anybody can read without a key. Pure.

The signature is not checked: what is inside is shown as any text is, and proves nothing. What is encrypted stays
a file. Read by a walk over BER lengths, definite or not, without a parser of the signature itself: only the
path SignedData, encapContentInfo, eContent is followed. Raises nothing, recurses nowhere, linear; at most
``MOST_BYTES`` of a part are opened, ``LAYERS`` times. Sources: RFC 8551 3.5.2 (opaque signing), RFC 5652 5.1 and
5.2, X.690 8.1 (BER).
"""

from __future__ import annotations

from mailhub.message import body
from mailhub.message.scan import Scan, scan
from mailhub.message.values import Part

MOST_BYTES = 16 * 1024 * 1024  # of a part as transferred; a larger one stays a file
LAYERS = 3  # signed again by a gateway; what is deeper stays a file
FLAG = "smime-opaque"

_TYPES = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_DATA = bytes.fromhex("06092a864886f70d010701")
_SEQUENCE = 0x30
_TAGGED = 0xA0
_OCTETS = 0x04
_PIECES = 0x24  # an octet string in pieces, as programs write that do not know its length yet
_CHUNKS = 100_000


def opened(scanned: Scan) -> Scan:
    """The message with what it signed in place of the signature's file; the same where it is none, or cannot
    be read.
    """
    for _ in range(LAYERS):
        root = scanned.parts[0]
        if root.content_type not in _TYPES or root.end - root.body_start > MOST_BYTES:
            return scanned
        inside = signed_content(body.decode_part(scanned.raw, root))
        if inside is None:
            return scanned
        inner = scan(_message(scanned.raw, root, inside))
        inner.flags[:0] = [*scanned.flags, FLAG]
        scanned = inner

    return scanned


def _message(raw: bytes, root: Part, inside: bytes) -> bytes:
    """The message around what it signed. Of the inner header only Content- fields count: whoever signs is
    nobody else.
    """
    outer = _fields(raw[root.start : root.body_start], content=False)
    head, blank, text = inside.partition(b"\r\n\r\n" if b"\r\n\r\n" in inside else b"\n\n")
    return (
        raw[: root.start]
        + outer
        + _fields(head if blank else b"", content=True)
        + b"\r\n"
        + (text if blank else inside)
    )


def _fields(block: bytes, *, content: bool) -> bytes:
    """The fields of a header block that are Content- fields, or all others."""
    kept = []
    keeping = False
    for line in block.splitlines():
        if line[:1] not in (b" ", b"\t"):
            keeping = (line[:8].lower() == b"content-") is content
        if keeping and line.strip():
            kept.append(line + b"\r\n")
    return b"".join(kept)


def signed_content(data: bytes) -> bytes | None:
    """What a SignedData holds (RFC 5652 5.2); None when it is none, or holds nothing."""
    place = _inside(data, 0, _SEQUENCE)
    if place is None or not data.startswith(_SIGNED_DATA, place):
        return None
    place = _inside(data, place + len(_SIGNED_DATA), _TAGGED)
    place = _inside(data, place, _SEQUENCE) if place is not None else None

    # version, digestAlgorithms, then encapContentInfo
    for _ in range(2):
        place = _after(data, place) if place is not None else None
    place = _inside(data, place, _SEQUENCE) if place is not None else None
    if place is None or not data.startswith(_DATA, place):
        return None

    place = _inside(data, place + len(_DATA), _TAGGED)
    return _octets(data, place) if place is not None else None


def _head(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(tag, length, where the contents begin) of the value at ``at``; length -1 when its end is marked (X.690
    8.1.3).
    """
    if at + 2 > len(data):
        return None
    tag = data[at]
    first = data[at + 1]
    if first < 0x80:
        return tag, first, at + 2
    count = first & 0x7F
    if count > 4 or at + 2 + count > len(data):
        return None
    return tag, int.from_bytes(data[at + 2 : at + 2 + count]) if count else -1, at + 2 + count


def _inside(data: bytes, at: int, tag: int) -> int | None:
    """Where the contents of the value at ``at`` begin, if it is of this tag."""
    head = _head(data, at)
    return head[2] if head is not None and head[0] == tag else None


def _after(data: bytes, at: int) -> int | None:
    """One past the value at ``at``; None for one without a length: version and algorithms have theirs."""
    head = _head(data, at)
    return head[2] + head[1] if head is not None and head[1] >= 0 else None


def _octets(data: bytes, at: int) -> bytes | None:
    """The bytes of an octet string, in one piece or in many."""
    head = _head(data, at)
    if head is None or head[0] not in (_OCTETS, _PIECES):
        return None
    tag, length, at = head
    if tag == _OCTETS:
        return data[at : at + length] if length >= 0 else None

    end = at + length if length >= 0 else len(data)
    pieces = []
    for _ in range(_CHUNKS):
        piece = _head(data, at) if at < end else None
        if piece is None or piece[0] != _OCTETS or piece[1] < 0:
            break
        pieces.append(data[piece[2] : piece[2] + piece[1]])
        at = piece[2] + piece[1]

    return b"".join(pieces)

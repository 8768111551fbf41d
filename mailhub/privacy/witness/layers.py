"""All that a stored mail can be read as: itself, and everything wrapped in it, unwrapped as often as it was wrapped.

A mail is taken as bytes, not as the tree of parts that its headers claim: what looks like base64, quoted-printable,
an encoded word (RFC 2047), a continued parameter (RFC 2231), an archive or a document is undone wherever it
stands: in a bounce's text/rfc822-headers, in an .eml within an .eml, in a part that lies about its type. Texts
come in windows, so that a large mail costs no more memory than a small one. Must not: share code with
``message`` or with the redaction; read beyond ``Bounds``.
"""

from __future__ import annotations

import binascii
import codecs
import hashlib
import quopri
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from mailhub.privacy.witness.unpacking import Bounds, Child, opened

DEPTH = 12
WINDOW = 256 * 1024  # characters of one text
OVERLAP = 1024  # of two windows
CHARSETS = 8  # of one mail
LEAST_BASE64 = 12  # bytes of a block
NO_CHARSETS = ("utf-8", "ascii", "idna", "punycode", "undefined")  # read anyway; or of names, or of nothing

Path = tuple[str, ...]

_CHARSET = re.compile(
    rb"(?:charset|encoding)\*?\s*=\s*[\"']?([A-Za-z0-9._:-]{2,40})|=\?([A-Za-z0-9._:-]{2,40})(?:\*[a-z-]+)?\?[bq]\?",
    re.I,
)
_ENCODED_WORD = re.compile(rb"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\r\n]{0,4000})\?=")
_BETWEEN_WORDS = re.compile(rb"(\?=)\s+(?==\?)")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_CONTINUED = re.compile(
    rb";\s*([A-Za-z-]{1,40})\*(\d{1,3})(\*?)\s*=\s*(\"[^\"\r\n]{0,2000}\"|[^;\s]{0,2000})"
)
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_WHOLE_BLOCK = re.compile(rb"(?:^[A-Za-z0-9+/]{60,}+={0,2}+\r?\n){3,}+", re.MULTILINE)
_PRINTABLE = re.compile(rb"(?:[\t\r\n\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]{1,3}+){5,}+")
_WIDE = (
    ("utf-16-le", re.compile(rb"(?:[\t\r\n\x20-\xff]\x00){5,}+")),
    ("utf-16-be", re.compile(rb"(?:\x00[\t\r\n\x20-\xff]){5,}+")),
    ("utf-32-le", re.compile(rb"(?:[\t\r\n\x20-\xff]\x00{3}){5,}+")),
    ("utf-32-be", re.compile(rb"(?:\x00{3}[\t\r\n\x20-\xff]){5,}+")),
)


def layers(raw: bytes, bounds: Bounds) -> Iterator[tuple[Path, str]]:
    """(how it was got at, a text) of everything in the bytes; what was not read stands in ``bounds``."""
    stack: list[tuple[Path, bytes]] = [((), raw)]
    seen: set[bytes] = set()
    charsets: dict[str, None] = {}

    while stack:
        path, blob = stack.pop()
        digest = hashlib.blake2b(blob, digest_size=16).digest()
        if digest in seen or not bounds.take(len(blob)):
            continue
        seen.add(digest)
        _learn_charsets(blob, charsets)

        for text in _texts(blob, charsets):
            for at in range(0, max(1, len(text)), WINDOW):
                yield path, text[at : at + WINDOW + OVERLAP]

        children = [*_unwrapped(blob), *opened(blob, bounds)]
        if children and len(path) >= DEPTH:
            bounds.cut = True
        else:
            stack += [((*path, how), child) for how, child in children if child]


# --- bytes to texts ---------------------------------------------------------------------------------------------------


def _learn_charsets(blob: bytes, charsets: dict[str, None]) -> None:
    """The charsets that a blob names, but those that are read anyway. Python's codecs that are no charset are
    passed.
    """
    for declared in _CHARSET.finditer(blob):
        if len(charsets) >= CHARSETS:
            return
        name = (declared[1] or declared[2]).decode("ascii").lower()
        try:
            codec = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        if codec.name not in NO_CHARSETS and codec._is_text_encoding:
            charsets[codec.name] = None


def _texts(blob: bytes, charsets: dict[str, None]) -> Iterator[str]:
    """Readings of the bytes: UTF-8, wide characters, and each charset that was named."""
    if b"\0" in blob:
        yield "\n".join(piece.decode("utf-8", "replace") for piece in _PRINTABLE.findall(blob))
        for charset, pattern in _WIDE:
            yield "\n".join(piece.decode(charset, "replace") for piece in pattern.findall(blob))
        if blob[:2] in (b"\xff\xfe", b"\xfe\xff"):
            yield blob.decode("utf-16", "replace")
    else:
        text = _WHOLE_BLOCK.sub(b"\n", blob)
        yield text.decode("utf-8", "replace")
        if not text.isascii():
            yield text.decode("cp1252", "replace")

    for charset in charsets:
        if not blob.isascii() or charset.startswith(
            ("iso2022", "utf-7", "utf_7", "hz", "cp037", "cp500", "cp1140", "utf-16")
        ):
            yield blob.decode(charset, "replace")


# --- what is wrapped as text --------------------------------------------------------------------------------------------


def _unwrapped(blob: bytes) -> Iterator[Child]:
    if b"=" in blob:
        yield from _quoted_printable(blob)
        yield from _encoded_words(blob)
        yield from _continued(blob)
    yield from (("base64", data) for data in _base64_blocks(blob))


def _quoted_printable(blob: bytes) -> Iterator[Child]:
    if b"\0" not in blob and re.search(rb"=(?:[0-9A-Fa-f]{2}|[ \t]*\r?\n)", blob):
        yield "quoted-printable", quopri.decodestring(blob)


def _encoded_words(blob: bytes) -> Iterator[Child]:
    """The fields that hold encoded words, unfolded, the words decoded to UTF-8: also ones that are encoded in part."""
    if b"=?" not in blob:
        return
    unfolded = _FOLD.sub(b" ", blob)
    lines = b"\n".join(line for line in unfolded.splitlines() if b"=?" in line)
    yield "encoded word", _ENCODED_WORD.sub(_decoded_word, _BETWEEN_WORDS.sub(rb"\1", lines))


def _decoded_word(match: re.Match[bytes]) -> bytes:
    in_base64 = match[2] in b"bB"
    content = _from_base64(match[3]) if in_base64 else quopri.decodestring(match[3], header=True)
    try:
        return content.decode(match[1].partition(b"*")[0].decode("ascii"), "replace").encode(
            "utf-8", "replace"
        )
    except (LookupError, ValueError):  # ValueError: also of a name with a NUL
        return content


def _continued(blob: bytes) -> Iterator[Child]:
    """RFC 2231 3: the pieces of each parameter put together, in the order of their numbers."""
    pieces: dict[bytes, list[tuple[int, bytes]]] = {}
    for name, number, encoded, value in _CONTINUED.findall(blob):
        known = pieces.setdefault(name.lower(), [])
        if known and int(number) <= known[-1][0]:  # the next part's parameter of that name
            known.append((-1, b"\n"))
        value = value.strip(b'"')
        known.append((int(number), unquote_to_bytes(value) if encoded else value))
    if pieces:
        yield "parameter", b"\n".join(b"".join(value for _, value in known) for known in pieces.values())


def _base64_blocks(blob: bytes) -> Iterator[bytes]:
    """Each run of whole lines of base64, as it is and quoted; a run ends where a line is padded or no base64."""
    block: list[bytes] = []
    for line in (*blob.splitlines(), b""):
        bare = line.strip(b" \t>|\r")
        if bare and _BASE64_LINE.fullmatch(bare):
            block.append(bare)
            if not bare.endswith(b"="):
                continue
        if sum(map(len, block)) >= LEAST_BASE64:
            yield _from_base64(b"".join(block))
        block = []


def _from_base64(text: bytes) -> bytes:
    text = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    whole = text[: len(text) // 4 * 4]
    rest = text[len(whole) :]
    return binascii.a2b_base64(whole + (rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""))

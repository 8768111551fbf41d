"""Bytes to text. Job: the text a sender meant, whatever label they wrote; no input raises and nothing is dropped.

Labels are read as the WHATWG Encoding standard reads them (latin-1 means windows-1252, gb2312 means gbk),
then as Python names, then mended; a label nobody knows, or one that does not fit, is recovered by ``detect``.
Must not: fold line ends, know about MIME. Sources: encoding.spec.whatwg.org, RFC 1468 (ISO-2022-JP), RFC 2152
(UTF-7), RFC 1843 (HZ).
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases
from functools import cache, lru_cache

import webencodings

from mailhub.message import detect

# Mail uses what browsers gave up (WHATWG maps these to "replacement"), and Python knows supersets of some.
_OURS = {
    "iso-2022-kr": "iso2022_kr",
    "csiso2022kr": "iso2022_kr",
    "hz-gb-2312": "hz",
    "utf-7": "utf_7",
    "unicode-1-1-utf-7": "utf_7",
    "unicode-2-0-utf-7": "utf_7",
    "unicode-1-1-utf-8": "utf-8",
    "iso-8859-8-i": "iso8859_8",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "x-ias-german": "iso8859_1",  # Lotus: IA5 with national letters; seen only with 8-bit latin text
    "us-ascii": "ascii",
    "ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "uft-8": "utf-8",
    "utf8mb4": "utf-8",
}
_UNKNOWN = frozenset(
    "x-unknown unknown unknown-8bit default _autodetect iso-8859-1-unknown x-user-defined 8bit binary none".split()  # noqa: SIM905 - a list of words is read as words
)
_NOT_TEXT = frozenset(
    "base64 hex rot13 quopri uu zlib bz2 idna punycode undefined charmap unicodeescape rawunicodeescape".split()  # noqa: SIM905 - a list of words is read as words
)
_PYTHON = frozenset(aliases) | frozenset(aliases.values())
_NOT_OF_HEADERS = frozenset(("utf_16_le", "utf_16_be", "utf_7"))
_LABEL_CHARACTERS = 64
_LABEL = re.compile(r"[^a-z0-9._:+-]+")
_PREFIX = re.compile(
    r"^(?:charset=|3d|iso-(?=gb|utf|windows|koi|big)|x-(?!mac|user|sjis)|cs(?=utf|gb|big|iso))"
)
_CODE_PAGE = re.compile(r"(?:windows|win|cp|ansi|ibm|ms)[-_ ]?(\d{3,5})")
# Stretches of ISO-2022-JP, and its half-width kana as the upper half of Shift_JIS.
_ASCII = b"\x1b(B"
_NARROW = b"\x1b(I"
_ESCAPE = re.compile(rb"(\x1b\$\(?[@BDOPQ]|\x1b\([BIJH])")
_KANA = bytes(byte | 0x80 if 0x21 <= byte <= 0x5F else byte for byte in range(256))
_SURROGATE = re.compile("[\ud800-\udfff]")
_SINGLE_BYTE = re.compile(r"^(?:ascii|cp125\d|cp8\d\d|iso8859|koi8|mac|latin|tis|x-)")


def codec(label: str) -> str | None:
    """The Python codec for a charset label; None when nobody knows it. The label may be empty, quoted or misspelt."""
    return _codec(label[:_LABEL_CHARACTERS])


@lru_cache(maxsize=512)
def _codec(label: str) -> str | None:
    cleaned = _LABEL.sub("", label.lower().strip("\"' "))
    for _ in range(3):
        found = _lookup(cleaned)
        if found is not None or cleaned in _UNKNOWN:
            return found
        shorter = _PREFIX.sub("", cleaned)
        if shorter == cleaned:
            page = _CODE_PAGE.fullmatch(cleaned)
            return _lookup(f"cp{page[1]}" if page else cleaned.replace("_", "-"))
        cleaned = shorter

    return None


def _lookup(label: str) -> str | None:
    if not label or label in _UNKNOWN:
        return None

    ours = _OURS.get(label)
    if ours is not None:
        return ours

    known = webencodings.lookup(label)
    if known is not None:
        return _OURS.get(known.name, str(known.codec_info.name))

    python = label.replace("-", "_").replace(".", "_")
    if (
        python not in _PYTHON
    ):  # codecs.lookup searches the disk for an unknown name, and remembers it for ever
        return None

    try:
        info = codecs.lookup(python)
    except (LookupError, ValueError):  # a codec of another system: mbcs
        return None

    plain = info.name.replace("-", "").replace("_", "")
    return None if plain in _NOT_TEXT else str(info.name)


def of_header(label: str) -> str:
    """``label`` if header fields may be written in it, else "": then what is there is found by ``detect``.

    Only what mail and browsers write is (WHATWG, and ISO-2022-KR and HZ): in EBCDIC, UTF-7 or UTF-16 the same
    bytes are another text, an address among it, than to whoever reads ASCII.
    """
    name = codec(label)
    return label if name is not None and _normal(name) in _header_codecs() else ""


@cache
def _header_codecs() -> frozenset[str]:
    names = [_lookup(label) for label in (*webencodings.LABELS, *_OURS)]
    return frozenset(_normal(name) for name in names if name is not None) - _NOT_OF_HEADERS


def _normal(name: str) -> str:
    return name.replace("-", "_")


def decode(data: bytes, label: str = "", *, guess: bool = True) -> tuple[str, str]:
    """``data`` as text without lone surrogates, and a flag: "", "charset-unknown" or "charset-wrong".

    A known label that does not fit leads to detection, unless ``guess`` is off: a few bytes are too little to
    guess by. Linear in ``data``; never raises; undecodable bytes become U+FFFD.
    """
    if data.isascii() and not _stateful(data):
        return data.decode("ascii"), ""
    name = codec(label)
    if name is None:
        return detect.decode(data), "charset-unknown" if label else ""
    text = _strictly(data, name)
    if text is not None:
        return text, ""
    return _repair(data, name) if guess else (_replace(data, name), "charset-wrong")


def _stateful(data: bytes) -> bool:
    """Whether pure ASCII may stand for something else: ISO-2022 escapes, HZ and UTF-7 shifts, UTF-16 NULs."""
    return b"\x1b" in data or b"~{" in data or b"+" in data or b"\0" in data


def _strictly(data: bytes, name: str) -> str | None:
    """Text when the label is true. A valid UTF-8 sequence under a single-byte label is UTF-8: chance gives none."""
    if name == "ascii" or _SINGLE_BYTE.match(name):
        if b"\x1b$" in data:
            name = "iso2022_jp"
        elif not data.isascii():
            guess = _try(data, "utf-8")
            if guess is not None:
                return guess
    return _try(data, name)


def _try(data: bytes, name: str) -> str | None:
    try:
        text = data.decode(name)
    except (UnicodeError, ValueError):
        return None
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else text.removeprefix("\ufeff")


def _repair(data: bytes, name: str) -> tuple[str, str]:
    """The label does not fit all of the data: try what is near, then detection, then the label with U+FFFD."""
    if name.startswith("iso2022_jp"):
        # NEC and JIS X 0213 rows in plain ESC $ B: reread the rows as plane 1 of JIS X 0213
        wide = _try(data.replace(b"\x1b$B", b"\x1b$(Q").replace(b"\x1b$@", b"\x1b$(Q"), "iso2022_jp_2004")
        if wide is None and b"\x1b(I" in data:
            wide = _with_narrow_kana(data)
        if wide is not None:
            return wide, ""

    if name.startswith(("cp125", "iso8859")):  # the holes of cp1252 and kin
        return _replace(data, name), "charset-wrong"

    lenient = _replace(data, name)
    broken = lenient.count("\ufffd")
    if name != "ascii" and broken * 20 < len(lenient):
        return lenient, "charset-wrong"

    return detect.decode(data), "charset-wrong"


def _with_narrow_kana(data: bytes) -> str | None:
    """ISO-2022-JP with half-width kana, as browsers decode it: by ESC ( I (WHATWG Encoding 12.2, CP50221).

    Python has the kana in one codec and the rows beyond JIS X 0208 in another, so each stretch is decoded alone.
    """
    found: list[str | None] = []
    escape = _ASCII

    for piece in _ESCAPE.split(data):
        if piece[:1] == b"\x1b" and _ESCAPE.fullmatch(piece):
            escape = piece
        elif escape == _NARROW:
            found.append(_try(piece.translate(_KANA), "cp932"))
        elif escape[:2] == b"\x1b$":
            rows = b"\x1b$(Q" if escape in (b"\x1b$B", b"\x1b$@") else escape
            found.append(_try(rows + piece + _ASCII, "iso2022_jp_2004"))
        else:
            found.append(_try(piece, "cp932"))

    sound = [text for text in found if text is not None]
    return "".join(sound) if len(sound) == len(found) else None


def _replace(data: bytes, name: str) -> str:
    return _SURROGATE.sub("\ufffd", data.decode(name, "replace")).removeprefix("\ufeff")

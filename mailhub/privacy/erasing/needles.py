"""The bytes by which a person could still be found: addresses, and names agreed to, in the encodings of mail
and tables.

    in_message   in a raw message: plain text of any usual charset, quoted-printable, percent and base64 undone, soft
                 line breaks and folds joined; a longer address that only ends or begins alike is nobody of their
    in_bytes     in a file's bytes, where nothing says where a value begins: every occurrence, for ``scan`` to judge

Bytes are searched in lower case (of ASCII); a letter beyond ASCII is spelled in both cases and in NFC and
NFD. base64 keeps no case, so it is searched for as written in lower case and as they write themselves, at
each of its three offsets. Needles are searched for by the *core* that several share (``kim.zz`` of an address
in each of its spellings): bytes without it hold none of them: two in three need not be looked for. Must not:
read files or tables.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from mailhub.privacy.erasing.names import is_spaced_letter
from mailhub.privacy.erasing.person import Person

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4}[A-Za-z0-9+/\r\n]{12,}=*)")
_ADDRESS_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-")
_HEX = re.compile(rb"=([0-9a-f]{2})")
_CHARSETS = (  # those that mail in each script was written in before UTF-8
    "latin-1", "iso-8859-2", "cp1250", "cp1251", "koi8-r", "iso-8859-7", "cp1254",
    "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr",
)  # fmt: skip
_QUOTED = re.compile(rb"(?:[=%][0-9a-f]{2}){1,4}")  # characters as quoted-printable or percent say them
_NAMES_BASE64 = re.compile(rb"base64|\?b\?", re.IGNORECASE)
_NEIGHBOURS = 8  # bytes beside an occurrence that tell whether it is whole
PIECE_BYTES = 1024 * 1024
OVERLAP_BYTES = 16 * 1024  # more than the longest needle takes, quoted and folded
CORE_BYTES = 5  # a shorter one stands everywhere


@dataclass(frozen=True)
class Needles:
    """What is searched for."""

    person: Person
    spellings: tuple[str, ...] = ()  # how they write their addresses and names themselves, case and all

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Addresses (with each spelling of @ that stands in mail) and names."""
        addresses = [each.replace("@", at) for each in self.person.addresses for at in ("@", "=", "%40")]
        return tuple(dict.fromkeys([*addresses, *self.person.agreed]))

    @cached_property
    def lowered(self) -> tuple[bytes, ...]:
        """To be searched for in bytes whose ASCII letters are lower case."""
        found: dict[bytes, None] = {}
        for text in self.texts:
            for form in _spelled(text):
                found |= dict.fromkeys(encoded.lower() for encoded in _encoded(form))
        return tuple(found)

    @cached_property
    def exact(self) -> tuple[bytes, ...]:
        """base64 without its first and last group, which neighbours share: searched for as it is."""
        return _all_in_base64([*self.person.addresses, *self.person.agreed, *self.spellings])

    @cached_property
    def _lowered_by_core(self) -> Mapping[bytes, Sequence[bytes]]:
        cores = {
            encoded.lower() for text in self._cores for form in _spelled(text) for encoded in _encoded(form)
        }
        return _by_core(self.lowered, cores)

    @cached_property
    def _exact_by_core(self) -> Mapping[bytes, Sequence[bytes]]:
        return _by_core(self.exact, _all_in_base64(self._cores))

    @cached_property
    def _cores(self) -> tuple[str, ...]:
        """What is their in each text: the domain of an address stands in many people's mail."""
        said = [*self.person.addresses, *self.person.agreed, *self.spellings]
        return tuple(dict.fromkeys(_core(text) for text in said))

    def in_bytes(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(place, needle) of every occurrence."""
        lowered = data.lower()
        for needle in _possible(lowered, self._lowered_by_core):
            yield from ((at, needle) for at in _places(lowered, needle))
        for needle in _possible(data, self._exact_by_core):
            yield from ((at, needle) for at in _places(data, needle))

    def whole_in_bytes(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(place, needle) of every occurrence that is no part of a longer address or word, to be overwritten."""
        exact = frozenset(self.exact)
        lowered = data.lower()
        for at, needle in self.in_bytes(data):
            if needle in exact or _is_whole(lowered, at, needle):
                yield at, needle

    def may_be_in(self, raw: bytes) -> bool:
        """Whether a look into the message is worth while: also for longer addresses, which may be names of files."""
        return any(
            needle in view.data
            for view in views(raw)
            for needle in _possible(view.data, self._lowered_by_core)
        )

    def in_message(self, raw: bytes) -> bool:
        """Whether a raw message still names them, however it is encoded."""
        return any(self._in_view(view) for view in views(raw))

    def _in_view(self, view: NeedleView) -> bool:
        possible = _possible(view.data, self._lowered_by_core)
        return any(view.holds(at, needle) for needle in possible for at in _places(view.data, needle))


@dataclass(frozen=True, slots=True)
class NeedleView:
    """A piece of a message as it may be read, in lower case. Where it was cut, the piece beside it says more."""

    data: bytes
    first: bool
    last: bool

    def holds(self, at: int, needle: bytes) -> bool:
        """Whether an occurrence is one: no part of a longer address, and not so near a cut that nobody can tell."""
        end = at + len(needle)
        if (not self.first and at < _NEIGHBOURS) or (not self.last and end > len(self.data) - _NEIGHBOURS):
            return False
        return _is_whole(self.data, at, needle)


def views(raw: bytes) -> Iterator[NeedleView]:
    """A message as it may be read, in lower case: as it is, unquoted and joined, and each base64 in it decoded.

    In pieces that overlap by more than any needle takes: 50 MiB are never there several times over.
    """
    for at in range(0, max(1, len(raw)), PIECE_BYTES):
        lowered = raw[max(0, at - OVERLAP_BYTES) : at + PIECE_BYTES].lower()
        first = at == 0
        last = at + PIECE_BYTES >= len(raw)
        yield NeedleView(lowered, first, last)
        if b"=" in lowered:
            joined = re.sub(rb"=[ \t]*\r?\n", b"", lowered)
            yield NeedleView(
                _HEX.sub(lambda match: binascii.unhexlify(match[1]), joined).lower(), first, last
            )
        if b"\n " in lowered or b"\n\t" in lowered:
            yield NeedleView(re.sub(rb"\r?\n[ \t]+", b"", lowered), first, last)

    if _NAMES_BASE64.search(raw):
        for match in _BASE64.finditer(raw):
            yield from _decoded(raw, *match.span())


def _decoded(raw: bytes, start: int, end: int) -> Iterator[NeedleView]:
    """What a run of base64 says, line ends inside."""
    left = b""
    before = b""
    for at in range(start, end, PIECE_BYTES):
        text = left + raw[at : min(end, at + PIECE_BYTES)].translate(None, b"\r\n=")
        last = at + PIECE_BYTES >= end
        whole = len(text) // 4 * 4
        left = text[whole:]
        data = before + binascii.a2b_base64(text[:whole] + (_rest(text) if last else b"")).lower()
        yield NeedleView(data, at == start, last)
        before = data[-OVERLAP_BYTES:]


def _rest(text: bytes) -> bytes:
    tail = text[len(text) // 4 * 4 :]
    return tail + b"=" * (-len(tail) % 4) if len(tail) > 1 else b""


def _spelled(text: str) -> set[str]:
    cases = {text, text.lower()} if text.isascii() else {text, text.lower(), text.upper(), text.title()}
    return {unicodedata.normalize(form, each) for each in cases for form in ("NFC", "NFD")}


def _encoded(text: str) -> set[bytes]:
    """In the charsets and quotings of mail. UTF-16 without its outer zero byte: the same for both byte orders."""
    found = {text.encode(), text.encode("utf-16-le").strip(b"\0")}
    if not text.isascii():
        found |= {encoded for each in _CHARSETS if (encoded := _in_charset(text, each))}
        found.add(quote(text).encode())
        found.add(binascii.b2a_qp(text.encode(), header=False))
    if " " in text:
        found |= {
            text.replace(" ", "_").encode(),
            text.replace(" ", "%20").encode(),
            text.replace(" ", "+").encode(),
        }
    return found


def _in_charset(text: str, charset: str) -> bytes:
    """Empty when the charset cannot say it: with signs in the place of letters it would be found everywhere."""
    try:
        return text.encode(charset)
    except UnicodeEncodeError:
        return b""


def _all_in_base64(texts: Iterable[str]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for text in dict.fromkeys(form for each in texts for form in _spelled(each)):
        for encoded in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
            found |= dict.fromkeys(_in_base64(encoded))
    return tuple(found)


def _core(text: str) -> str:
    """The local part of an address without its plus part, the longest word of a name but its capital."""
    return (
        text.partition("@")[0].partition("+")[0]
        if "@" in text
        else max(text.split(), key=len, default="")[1:]
    )


def _by_core(needles: Iterable[bytes], cores: Iterable[bytes]) -> Mapping[bytes, Sequence[bytes]]:
    """Needles by a core that is in each of them; one without any is its own."""
    useful = sorted(
        (core for core in cores if len(core) >= CORE_BYTES), key=len
    )  # the shortest is in most of them
    found: dict[bytes, list[bytes]] = {}
    for needle in needles:
        found.setdefault(next((core for core in useful if core in needle), needle), []).append(needle)
    return found


def _possible(data: bytes, by_core: Mapping[bytes, Sequence[bytes]]) -> Iterator[bytes]:
    """The needles that these bytes may hold."""
    for core, needles in by_core.items():
        if core in data:
            yield from needles


def _in_base64(data: bytes) -> Iterator[bytes]:
    for offset in range(3):
        padded = base64.b64encode(b"\0" * offset + data)
        first = 4 if offset else 0
        kept = padded[first : len(padded) - 4 if (offset + len(data)) % 3 else len(padded)]
        if len(kept) >= 8:
            yield kept


def _places(data: bytes, needle: bytes) -> Iterator[int]:
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)


def _is_whole(data: bytes, at: int, needle: bytes) -> bool:
    """Whether no longer address or word holds the occurrence: ``xkim@a.example`` is somebody else."""
    step = 2 if b"\0" in needle else 1
    end = at + len(needle)
    before = data[at - step : at - step + 1] if at >= step else b""
    after = data[end + step - 1 : end + step]
    beyond = data[end + 2 * step - 1 : end + 2 * step]
    if before and before[0] in _ADDRESS_BYTES and (b"@" in needle or before not in b".+-"):
        return False
    if after == b".":
        return not (b"@" in needle and beyond.isalnum())
    if after.isalnum() or after in (b"_", b"-"):
        return False

    return step == 2 or b"@" in needle or not _goes_on(data, at, end, needle)


def _goes_on(data: bytes, at: int, end: int, name: bytes) -> bool:
    """Whether a letter beyond ASCII stands next to a name that ends in ASCII: "Jan Nov" is in "Jan Novák"."""
    quoted = _QUOTED.match(data, end, end + 12)
    behind = bytes.fromhex(quoted[0].translate(None, b"=%").decode()) if quoted else data[end : end + 4]
    first = _letter(behind) if name[-1] < 0x80 else ""
    last = _letter(data[max(0, at - 4) : at], backwards=True) if name[0] < 0x80 else ""
    return any(each and (is_spaced_letter(each) or unicodedata.combining(each)) for each in (first, last))


def _letter(around: bytes, *, backwards: bool = False) -> str:
    """The character at this end of the bytes, in UTF-8 or else in Latin-1; "" when it is ASCII or there is none."""
    if not around or around[-1 if backwards else 0] < 0x80:
        return ""
    for length in range(len(around), 1, -1):
        try:
            text = (around[-length:] if backwards else around[:length]).decode()
        except UnicodeDecodeError:
            continue
        return text[-1 if backwards else 0]
    return chr(around[-1 if backwards else 0])

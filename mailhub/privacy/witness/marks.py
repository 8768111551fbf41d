"""By what a text shows a person: addresses and names, however they are spelled, encoded, split or hashed in it.

A text is read as it stands and with everything undone that can be undone without knowing where: entities, percent
(as often as it was done), escapes, tags, accents, case, white space; what looks like base64, hex or character
codes within a line is decoded beside it. Then each form of an address is looked for by a pattern that knows
where it may begin and end: ``xkim@a.example`` is somebody else.

Four kinds of sign are told apart: the address; a plus form of it (RFC 5233) that was not named; a digest of it
(libravatar: MD5 and SHA-256; FOAF: SHA-1); a name. Must not: use any code of the redaction.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import hashlib
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from urllib.parse import unquote

ADDRESS = "address"
PLUS_FORM = "plus form"
DIGEST = "digest of the address"
NAME = "name"

UNDONE = 4  # times that entities and percent are undone, as long as something changes
NESTED = 3  # base64 within hex within base64
PIECES = 20_000  # of one text that are decoded

_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_ESCAPE = re.compile(r"\\(?:u00|x)([0-9A-Fa-f]{2})|\\u\{0*([0-9A-Fa-f]{2})\}")
_TAG = re.compile(r"<!--(?:(?!-->)[^<]|<(?!!--)){0,2000}+-->|</?[A-Za-z!][^<>]{0,2000}+>")
_CONCATENATED = re.compile(r"[\"']\s*\+\s*[\"']")
_SPACE = re.compile(r"[\s>|*`]+")
_CODES = re.compile(r"\d{2,3}+(?:\s*+,\s*+\d{2,3}+){7,}+")
_HEX = re.compile(r"[0-9A-Fa-f]{12,}|(?:(?:0x|[=:\\])?[0-9A-Fa-f]{2}[ ,;-]?){9,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_CLOUDFLARE = re.compile(r"(?:data-cfemail=[\"']?|email-protection#)([0-9A-Fa-f]{6,300})")
_READABLE = re.compile(rb"(?:[\x20-\x7e]|[\xc2-\xf4][\x80-\xbf]{1,3}+){6,}+")
_READABLE_WIDE = re.compile(rb"(?:[\x20-\x7e]\x00){6,}+|(?:\x00[\x20-\x7e]){6,}+")

_GAP = " ?"
_COMMENT = r"(?: ?\([^()]{0,60}\))?"  # RFC 5322 3.2.2
_AT = rf"{_COMMENT}[\"']? ?@{_COMMENT} ?"
_SPOKEN_AT = r"[\"']? ?(?:[\[({<]+ ?(?:at|@|a|arroba|klammeraffe) ?[\])}>]+|[ _.-]at[ _.-]) ?"
_ENCODED_AT = "[=#~!:_-]"  # as in VERP, guest accounts, Message-IDs
_DOT = r" ?(?:\.|[\[({<] ?(?:\.|dot|punkt|point) ?[\])}>]|(?<= )dot(?= )) ?"
_PLUS = r"(?P<plus> ?\+[a-z0-9._=+-]{1,64}?)?"
# Not the end of a longer local part. A single joiner behind no letter (a bullet, an ellipsis) belongs to
# none.
_BEGIN = r"(?<![a-z0-9])(?<![a-z0-9][.+_-])"
_BEGIN_ENCODED = r"(?<![a-z0-9])"  # bounces+17-kim=customer.example@lists: whatever is before it
_FILE = r"(?:pdf|docx?|xlsx?|odt|ods|txt|eml|msg|csv|vcf|ics|html?|png|jpe?g|gif|zip)(?![a-z0-9])"
_END = (
    rf"(?!(?:[a-z0-9]|-[a-z0-9]|\.(?!{_FILE})[a-z0-9])(?![^\s@<>]{{0,200}}@)(?![a-z0-9.-]{{0,80}}\.{_FILE}))"
)


class Marks:
    """The signs of one person."""

    def __init__(self, addresses: Sequence[str], names: Sequence[str] = ()) -> None:
        self._addresses = tuple(dict.fromkeys(each.strip() for each in addresses))
        self._names = tuple(dict.fromkeys(name for name in names if len(_squeezed(_folded(name))) > 1))

    def found_in(self, text: str) -> set[str]:
        """The kinds of sign that stand in a text."""
        found: set[str] = set()
        for reading in _readings(text):
            found |= self._in(reading)
        return found

    def _in(self, reading: str) -> set[str]:
        found = set[str]()
        if any(digest in reading for digest in self._exact_digests):
            found.add(DIGEST)
        collapsed = _SPACE.sub(" ", _folded(reading))
        squeezed = _squeezed(collapsed)

        for local, domain, pattern in self._patterns:
            if local in squeezed and domain in squeezed:
                for match in pattern.finditer(collapsed):
                    found.add(PLUS_FORM if match["plus"] else ADDRESS)
        if any(plain in squeezed for plain in self._elsewise):
            found.add(ADDRESS)
        if any(digest in squeezed for digest in self._digests):
            found.add(DIGEST)
        for word, name in self._name_patterns:
            if word in squeezed and name.search(collapsed):
                found.add(NAME)

        return found

    # --- made once ----------------------------------------------------------------------------------------------------

    @cached_property
    def _patterns(self) -> Sequence[tuple[str, str, re.Pattern[str]]]:
        """(what must be there, what must be there too, the pattern) of each address, by each form of its domain."""
        made = []
        for address in self._addresses:
            local, _, domain = _folded(address).rpartition("@")
            for form in _domains(address.rpartition("@")[2].lower(), domain):
                label = max(form.split("."), key=len)
                made.append((_squeezed(local), _squeezed(label), _address_pattern(local, form)))
        return made

    @cached_property
    def _elsewise(self) -> Sequence[str]:
        """Whole addresses backwards (shown by a right-to-left override) and by ROT13, without white space."""
        forms = [_squeezed(_folded(each)) for each in self._addresses]
        return [form[::-1] for form in forms] + [codecs.encode(form, "rot13") for form in forms]

    @cached_property
    def _digests(self) -> Sequence[str]:
        return [digest.hex() for digest in self._digested]

    @cached_property
    def _exact_digests(self) -> Sequence[str]:
        """In base64, whose letters keep their case."""
        made = [base64.b64encode(digest).decode().rstrip("=") for digest in self._digested]
        return made + [each.translate(str.maketrans("+/", "-_")) for each in made]

    @cached_property
    def _digested(self) -> Sequence[bytes]:
        written = {form for each in self._addresses for form in (each, each.lower(), each.upper())}
        kinds = (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512)
        plain = [kind(each.encode(), usedforsecurity=False).digest() for each in written for kind in kinds]
        foaf = [hashlib.sha1(b"mailto:" + each.encode(), usedforsecurity=False).digest() for each in written]
        return plain + foaf

    @cached_property
    def _name_patterns(self) -> Sequence[tuple[str, re.Pattern[str]]]:
        made = []
        for name in self._names:
            for form in {_folded(name), _folded(name.translate(_UMLAUTS))}:
                words = re.findall(r"[^\W_]+", form)
                if words:
                    made.append((max(words, key=len), _name_pattern(words)))
        return made


_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "å": "aa", "ø": "oe"}
)


def _address_pattern(local: str, domain: str) -> re.Pattern[str]:
    own = _spaced(local)
    labels = _DOT.join(_spaced(label) for label in domain.split("."))
    return re.compile(
        rf"(?:{_BEGIN}[\"']?{own}{_PLUS}(?:{_AT}|{_SPOKEN_AT}){labels}{_END}"
        rf"|{_BEGIN_ENCODED}{own}(?:\+[a-z0-9._+-]{{1,64}})?{_ENCODED_AT}{labels}{_END}"
        rf"|(?<![a-z0-9.-]){labels} ?[=!] ?{own}(?![a-z0-9]|[.+_-][a-z0-9]))"  # SRS, UUCP: the domain first
    )


def _name_pattern(words: Sequence[str]) -> re.Pattern[str]:
    """The words in their order, and the last one first; scripts without spaces have no edges of words. The
    local part of an address is a sign of whoever has the address.
    """
    between = r"[\W_]{0,6}"
    orders = {tuple(words), (words[-1], *words[:-1])}
    written = "|".join(between.join(map(_spaced, order)) for order in orders)
    edges = all(ord(character) < 0x2E80 for word in words for character in word)
    return re.compile(rf"(?<![^\W_])(?:{written})(?![^\W_]| ?@)" if edges else written)


def _spaced(text: str) -> str:
    return _GAP.join(map(re.escape, text))


def _domains(domain: str, folded: str) -> set[str]:
    """The forms of a domain, in Unicode and in punycode (RFC 3490), folded."""
    forms = {folded}
    try:
        forms.add(domain.encode("idna").decode("ascii"))
        forms.add(_folded(domain.encode("ascii").decode("idna")))
    except UnicodeError:
        pass
    return {form for form in forms if form}


# --- readings of a text -----------------------------------------------------------------------------------------------


def _readings(text: str) -> Iterator[str]:
    """The text as it is, with all undone, without tags; and what is written in it in base64, hex or codes."""
    level = text
    for _ in range(NESTED):
        forms = dict.fromkeys((level, _undone(level)))
        for form in tuple(forms):
            if "<" in form:
                forms[_undone(_TAG.sub("", form))] = None
        yield from forms
        level = "\n".join(piece for form in forms for piece in _decoded(form))
        if not level:
            return


def _undone(text: str) -> str:
    for _ in range(UNDONE):
        before = text
        if "&" in text:
            text = html.unescape(text)
        if "%" in text and _PERCENT.search(text):
            text = unquote(text)
        if "\\" in text:
            text = _ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), text)
        if text == before:
            break
    if "+A" in text:  # UTF-7's @ and . (RFC 2152)
        text = text.replace("+AEA-", "@").replace("+AEA", "@").replace("+AC4-", ".")

    return _CONCATENATED.sub("", text) if "+" in text else text


def _folded(text: str) -> str:
    """Without case, accents and characters that show nothing."""
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFKD", text)
    return "".join(each for each in spread if unicodedata.category(each) not in ("Mn", "Cf", "Me")).casefold()


def _squeezed(text: str) -> str:
    return text.replace(" ", "")


def _decoded(text: str) -> Iterator[str]:
    """What pieces of a line say when they are base64, hex or character codes; readable parts of it."""
    for match in islice(_BASE64.finditer(text), PIECES):
        for data in _as_base64(match[0]):
            yield from _readable(data)
    for match in _HEX.finditer(text):
        digits = re.sub(r"0x|[^0-9A-Fa-f]", "", match[0])
        for start in (0, 1):
            yield from _readable(binascii.unhexlify(digits[start : start + (len(digits) - start) // 2 * 2]))
    for match in _CLOUDFLARE.finditer(text):
        hidden = binascii.unhexlify(match[1][: len(match[1]) // 2 * 2])
        yield bytes(byte ^ hidden[0] for byte in hidden[1:]).decode("utf-8", "replace")
    for match in _CODES.finditer(text):
        yield "".join(chr(int(code)) for code in re.findall(r"\d+", match[0]))


def _as_base64(text: str) -> Iterator[bytes]:
    """Read from each of four places: what stands before it in a link may look alike. RFC 4648 4 and 5."""
    plain = text.replace("-", "+").replace("_", "/")
    for start in range(4):
        piece = plain[start:]
        rest = len(piece) % 4
        whole = piece[: len(piece) - rest] + (
            piece[len(piece) - rest :] + "=" * (4 - rest) if rest > 1 else ""
        )
        yield binascii.a2b_base64(whole)


def _readable(data: bytes) -> Iterator[str]:
    yield from (found.decode("utf-8", "replace") for found in _READABLE.findall(data))
    if b"\0" in data:
        yield from (found.replace(b"\0", b"").decode("ascii") for found in _READABLE_WIDE.findall(data))

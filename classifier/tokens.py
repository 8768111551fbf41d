"""Fields of a document in, distinct hashed features per field group out.

Job: ``features(document)`` gives the sorted, distinct ``uint32`` ids that the model counts. The top three
bits of an id name the field group (``GROUPS``), the others are a hash of what was seen there. Presence only:
how often a word occurs in one document never matters, so one token a million times is one feature.

    header        tagged words of every header, neighbouring pairs, the order of the names, words the caller derived
    subject       words and neighbouring pairs
    content       words and pairs of links, of hidden text, of tags and structure; sparse bigrams of the visible text
    header-grams  4-grams of the header block in its own spelling
    text-grams    4-grams of the visible text

The ids are the same on every machine, Python minor and PYTHONHASHSEED: nothing here iterates over a set or calls
``hash()``, and the words of the buffer are read little-endian. ``FEATURES_VERSION`` changes whenever an id could.

Speed: all fields go into one byte buffer and through some sixty numpy calls, whatever the length of the mail.
Bounded: every field is cut before it is looked at (constants below), so the work per document has a ceiling.

Must not: know a wire format (the caller names the fields), SQL, a clock or a file. A ``secret`` of the site,
mixed into every word, makes collisions unpredictable to strangers (the constants are public).

Sources: sparse bigrams: Siefkes, Assis, Chhabra, Yerazunis, "Combining Winnow and Orthogonal Sparse Bigrams
for Incremental Spam Filtering", 2004. Character n-grams: Kanaris et al., "Words vs. character n-grams for
anti-spam filtering", 2007. Folding: Unicode UAX 15 (NFKC), UTS 39 (confusables).
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FEATURES_VERSION: Final = 1
GROUPS: Final = ("header", "subject", "content", "header-grams", "text-grams")
GROUP_BITS: Final = 21

Features = NDArray[np.uint32]
_Words = NDArray[np.uint64]
Places = NDArray[np.int64]

HEADER, SUBJECT, CONTENT, HEADER_GRAMS, TEXT_GRAMS = range(len(GROUPS))
HEADER_LINES = 64
LINE_CHARACTERS = 400
LINKS = 40
HIDDEN_CHARACTERS = 1_000
TEXT_CHARACTERS = 6_000
MARKUP_CHARACTERS = 6_000
PHRASE_WORDS = 600
GRAM_BYTES = 3_000
WINDOW = 3

_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX2 = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX3 = np.uint64(0x165667B19E3779F9)
_PAIR = np.uint64(0xD6E8FEB86659FD93)
_TAG: Final = 0xD6E8FEB86659FD93
_DISTANCE = (0, 0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
_GRAM = np.uint32(0x9E3779B1)
_SHIFT = np.uint64(64 - GROUP_BITS)
_FOLD = np.uint64(29)
_SHORT = np.array([(1 << (8 * n)) - 1 for n in range(8)] + [0xFFFFFFFFFFFFFFFF], dtype=np.uint64)
_GRAM_SHIFT = np.uint32(32 - GROUP_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What the filter looks at, as plain fields. Every field may be empty; longer ones are cut here, not by
    the caller.
    """

    headers: tuple[
        tuple[str, str], ...
    ] = ()  # (lower-case name, decoded value), in order, nothing a filter added
    marks: tuple[
        str, ...
    ] = ()  # words the caller derived from headers: shapes, networks, results of authentication
    subject: str = ""
    text: str = ""  # visible, decoded
    hidden_text: str = ""  # in the document, but not shown to a reader
    html: str = ""
    links: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()  # types, charsets, attachment types, sizes: one word each
    spelling: str = ""  # the header block in its own spelling, without what a filter added


def _word_table() -> bytes:
    """Byte classes: 0 separator, 1 inside a word, 2 the first byte of a character that is a word of its own (CJK)."""
    table = bytearray(256)
    for byte in b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$!'-_":
        table[byte] = 1
    table[0x80:0x100] = b"\x01" * 128
    table[0xE3:0xEA] = b"\x02" * 7  # U+3000..U+9FFF: kana and ideographs, written without spaces
    return bytes(table)


_CLASSES = _word_table()
_TAGS_OF_MARKUP = re.compile(r"<[^<>]{1,300}")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f\ufe00-\ufe0f\ufeff]"
)
_MIXED = re.compile("[a-z][\u0370-\u03ff\u0400-\u052f]|[\u0370-\u03ff\u0400-\u052f][a-z]")
_LETTERS = re.compile("[^\\W\\d_]+")
_CONFUSABLE = str.maketrans("аеорсухікјѕһԁвмнтαορεικντυχ", "aeopcyxikjshdbmhtaopeikvtux")


class _Line(NamedTuple):
    """A field of the buffer, without line feed; its words share a group and a tag, and pairs never cross its ends."""

    group: int
    field: str
    content: str


def fold(text: str, notes: list[str], name: str) -> str:
    """Lower case, compatibility forms composed, invisible characters gone, look-alikes in mixed words made
    Latin; all noted.
    """
    if text.isascii():
        return text.lower()

    shown, invisible = _INVISIBLE.subn("", text)
    if invisible:
        notes.append(f"invisible-{name}-{invisible.bit_length()}")
    shown = unicodedata.normalize("NFKC", shown).lower()[
        : len(text)
    ]  # one character can become eighteen (U+FDFA)
    mixed = len(_MIXED.findall(shown))
    if mixed:
        notes.append(f"mixed-script-{name}-{mixed.bit_length()}")
        return _LETTERS.sub(_latin, shown)

    return shown


def _latin(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_CONFUSABLE) if _MIXED.search(word) else word


def _lines(document: Document) -> list[_Line]:
    """The fields as lines of the buffer, cut to their bounds; the visible text comes last."""
    notes: list[str] = []
    headers = document.headers[:HEADER_LINES]
    lines = [_Line(HEADER, name, value[:LINE_CHARACTERS]) for name, value in headers]
    lines.append(_Line(HEADER, "header order", " ".join([name for name, _ in headers])[:2000]))
    lines.append(_Line(HEADER, "derived", " ".join(document.marks[:HEADER_LINES])[:2000]))
    lines.append(_Line(SUBJECT, "subject", fold(document.subject[:LINE_CHARACTERS], notes, "subject")))
    lines += [_Line(CONTENT, "link", link[:LINE_CHARACTERS]) for link in document.links[:LINKS]]
    text = " ".join(fold(document.text[:TEXT_CHARACTERS], notes, "text").split())

    if document.hidden_text:
        notes.append(f"hidden-{len(document.hidden_text).bit_length()}")
        lines.append(
            _Line(CONTENT, "hidden text", fold(document.hidden_text[:HIDDEN_CHARACTERS], notes, "hidden"))
        )

    if document.html:
        tags = "".join(_TAGS_OF_MARKUP.findall(document.html[:MARKUP_CHARACTERS]))
        lines.append(_Line(CONTENT, "html", tags))

    lines.append(_Line(CONTENT, "structure", " ".join((*notes, *document.structure[:HEADER_LINES]))[:2000]))
    lines.append(_Line(CONTENT, "text", text))

    return lines


def _joined(lines: list[_Line]) -> tuple[bytes, bytes]:
    """The tagged lines in lower case, each ended by a line feed, and the visible text."""
    tagged = "\n".join([line.content for line in lines[:-1]])
    if tagged.count("\n") != len(lines) - 2:
        tagged = "\n".join([line.content.replace("\n", " ") for line in lines[:-1]])
    return tagged.lower().encode("utf-8", "replace") + b"\n", lines[-1].content.encode("utf-8", "replace")


def _boundaries(buffer: bytes) -> tuple[Places, Places]:
    """Start and end offsets of every word of the buffer, which ends in a separator."""
    translated = b"\0" + buffer.translate(_CLASSES)
    classes = np.frombuffer(translated, dtype=np.uint8)
    inside = classes != 0
    if b"\2" not in translated:
        edges = np.flatnonzero(inside[1:] != inside[:-1])
        return edges[::2], edges[1::2]

    before = inside[:-1]
    here = inside[1:]
    lead = classes[1:] == 2

    return np.flatnonzero(here & (~before | lead)), np.flatnonzero(before & (~here | lead))


@lru_cache(maxsize=4096)
def _tag(group: int, field: str) -> tuple[int, int]:
    """What tells the words of a field from the same words elsewhere, and the group's bits."""
    return zlib.crc32(field.encode("utf-8", "replace")) * _TAG & 0xFFFFFFFFFFFFFFFF, group << GROUP_BITS


def _word_hashes(buffer: bytes, starts: Places, ends: Places, secret: int) -> _Words:
    """One hash per word from its first and last eight bytes and its length; ``buffer`` has eight spare bytes
    at its end.
    """
    loads = np.ndarray(shape=(len(buffer) - 7,), dtype="<u8", buffer=buffer, strides=(1,))
    lengths = ends - starts
    mask = _SHORT[np.minimum(lengths, 8)]
    head = loads[starts] & mask
    tail = loads[np.maximum(starts, ends - 8)] & mask
    mixed = ((head ^ np.uint64(secret)) * _MIX) ^ ((tail + lengths.astype(np.uint64)) * _MIX2)
    mixed ^= mixed >> _FOLD
    hashes: _Words = mixed * _MIX3
    return hashes


def _grams(content: bytes, spellings: int, secret: int) -> Features:
    """Ids of the overlapping four-byte strings of ``content``; the first ``spellings`` bytes are of header blocks."""
    if len(content) < 4:
        return np.empty(0, dtype=np.uint32)
    loads = np.ndarray(shape=(len(content) - 3,), dtype="<u4", buffer=content, strides=(1,))
    mixed: Features = ((loads ^ np.uint32(secret & 0xFFFFFFFF)) * _GRAM) >> _GRAM_SHIFT
    mixed[:spellings] |= np.uint32(HEADER_GRAMS << GROUP_BITS)
    mixed[spellings:] |= np.uint32(TEXT_GRAMS << GROUP_BITS)
    return mixed


def _sparse_bigrams(words: _Words) -> list[Features]:
    """Ids of word pairs at distance one to four, one array per distance."""
    found = []
    for distance in range(1, WINDOW):
        mixed = words[distance:] * _MIX + words[:-distance] * np.uint64(_DISTANCE[distance])
        found.append(_ids(mixed, np.uint32(CONTENT << GROUP_BITS)))
    return found


def _ids(mixed: _Words, group: NDArray[np.uint32] | np.uint32) -> Features:
    mixed = (mixed ^ (mixed >> _FOLD)) * _MIX2
    return (mixed >> _SHIFT).astype(np.uint32) | group


@dataclass(frozen=True, slots=True)
class Extracted:
    """Every id of some documents before duplicates are dropped, with what is needed to say where each came from."""

    buffer: bytes  # the tagged lines of all documents, then their visible texts, a line each
    lines: list[_Line]  # the tagged ones of all documents
    starts: Places
    ends: Places
    line_of_word: Places
    tagged: int  # words before this one belong to tagged lines, the rest to visible texts
    adjacent: Places  # second word of every pair inside one line
    grams: bytes  # the cut header blocks of all documents, then their cut texts
    spellings: int  # bytes of header blocks in ``grams``
    pieces: list[
        Features
    ]  # words, pairs, one for each distance, grams; ids across two documents are there, too
    spans: list[list[tuple[int, int, int]]]  # of each document: (piece, first, last) of its own ids


def extract(documents: Sequence[Document], secret: int) -> Extracted:
    """All there is to see in some documents, in one pass over all of them."""
    several = [_lines(document) for document in documents]
    heads, texts = zip(*map(_joined, several), strict=True)
    last = sum(map(len, heads))
    buffer = b"%b%b\n\0\0\0\0\0\0\0\0" % (b"".join(heads), b"\n".join(texts))
    starts, ends = _boundaries(buffer)
    words = _word_hashes(buffer, starts, ends, secret)
    tagged = int(starts.searchsorted(last))
    feeds = np.flatnonzero(np.frombuffer(buffer, dtype=np.uint8, count=last) == 10)
    line_of_word = feeds.searchsorted(starts[:tagged])
    lines = [line for each in several for line in each[:-1]]
    tags = np.array([_tag(line.group, line.field) for line in lines], dtype=np.uint64)[line_of_word]
    single = words[:tagged] ^ tags[:, 0]
    group = tags[:, 1].astype(np.uint32)
    adjacent = np.flatnonzero(line_of_word[1:] == line_of_word[:-1]) + 1
    pair = single[adjacent] * _MIX + words[adjacent - 1] * _PAIR
    spellings = [each.spelling[:GRAM_BYTES].encode("utf-8", "replace")[:GRAM_BYTES] for each in documents]
    beginnings = [text[:GRAM_BYTES] for text in texts]
    grams = b"".join([*spellings, *beginnings])
    spelt = sum(map(len, spellings))
    pieces = [_ids(single * _MIX, group), _ids(pair, group[adjacent]), *_sparse_bigrams(words[tagged:])]
    pieces.append(_grams(grams, spelt, secret))
    ends_of_words = starts.searchsorted(_ends([*heads, *texts], feed_from=len(heads))).tolist()
    spans = _spans(ends_of_words, tagged, adjacent, _ends([*spellings, *beginnings]))

    return Extracted(buffer, lines, starts, ends, line_of_word, tagged, adjacent, grams, spelt, pieces, spans)


def _ends(contents: Sequence[bytes], *, feed_from: int | None = None) -> list[int]:
    """Where each of the contents ends that stand one behind the other; those from ``feed_from`` on have a line feed."""
    lengths = [len(content) for content in contents]
    if feed_from is not None:
        lengths[feed_from:] = [length + 1 for length in lengths[feed_from:]]
    return [*accumulate(lengths)]


def _spans(
    words: list[int], tagged: int, adjacent: Places, grams: list[int]
) -> list[list[tuple[int, int, int]]]:
    """``Extracted.spans``; ``words`` and ``grams`` end each document's part: of all heads, then of all texts."""
    documents = len(words) // 2
    pairs = adjacent.searchsorted(words[:documents]).tolist()
    spans = []

    for number in range(documents):
        before = number - 1
        word, gram = (words[before], grams[before]) if number else (0, 0)
        found = [(0, word, words[number]), (1, pairs[before] if number else 0, pairs[number])]
        first = words[documents + before] - tagged
        last = min(words[documents + number] - tagged, first + PHRASE_WORDS)
        found += [(1 + distance, first, max(first, last - distance)) for distance in range(1, WINDOW)]
        found.append((1 + WINDOW, gram, max(gram, grams[number] - 3)))
        gram = grams[documents + before]
        found.append((1 + WINDOW, gram, max(gram, grams[documents + number] - 3)))
        spans.append(found)

    return spans


def features(document: Document, *, secret: int = 0) -> Features:
    """Sorted distinct ids of a document. ``secret``: 64 bits of the site, the same for the life of its ledger."""
    return features_of_each([document], secret=secret)[0]


def features_of_each(documents: Sequence[Document], *, secret: int = 0) -> list[Features]:
    """The same of several documents in one pass: eight cost little more than half of eight alone."""
    if not documents:
        return []
    found = extract(documents, secret)
    return [
        _distinct([found.pieces[piece][first:last] for piece, first, last in spans]) for spans in found.spans
    ]


def _distinct(pieces: list[Features]) -> Features:
    found = np.concatenate(pieces)
    found.sort()
    if found.size == 0:
        return found
    keep = np.empty(found.size, dtype=np.bool_)
    keep[0] = True
    np.not_equal(found[1:], found[:-1], out=keep[1:])
    return found[keep]


def without(found: Features, ids: Iterable[int]) -> Features:
    """The features without some of them."""
    return found[~np.isin(found, np.array(list(ids), dtype=np.uint32))]


def group_of(identifier: int) -> str:
    """Name of the field group an id belongs to."""
    return GROUPS[identifier >> GROUP_BITS]


def features_to_bytes(found: Features) -> bytes:
    """Compact form for the ledger: differences of neighbours as LEB128 (seven bits a byte, low first)."""
    if found.size == 0:
        return b""

    deltas = np.diff(found, prepend=np.uint32(0))
    planes = np.empty((found.size, 4), dtype=np.uint8)
    for place in range(4):
        planes[:, place] = (deltas >> np.uint32(7 * place)) & np.uint32(0x7F)
    length = 1 + (deltas >= 1 << 7).astype(np.int8) + (deltas >= 1 << 14) + (deltas >= 1 << 21)
    used = np.arange(4) < length[:, None]
    planes[np.arange(4) < (length - 1)[:, None]] |= 0x80

    return planes[used].tobytes()


def features_from_bytes(content: bytes) -> Features:
    """Inverse of ``features_to_bytes``; raises ``ValueError`` on bytes it could not have written."""
    return features_of_many([content])


def features_of_many(contents: Sequence[bytes]) -> Features:
    """The features of several documents, one after the other: some ten at a time halve the cost of each.

    Raises ``ValueError`` like ``features_from_bytes``.
    """
    contents = [content for content in contents if content]
    if not contents:
        return np.empty(0, dtype=np.uint32)

    octets = np.frombuffer(b"".join(contents), dtype=np.uint8)
    last = np.flatnonzero(octets < 0x80)
    ends = np.cumsum([len(content) for content in contents])  # of each document, in octets
    bounds = np.concatenate([[0], last.searchsorted(ends)])  # of each document, in features
    if not np.array_equal(last[bounds[1:] - 1] + 1 if last.size else last, ends):
        raise ValueError("not a list of features")

    first = np.concatenate([np.zeros(1, dtype=np.int64), last[:-1] + 1])
    starts = bounds[:-1]
    deltas = _deltas(octets, first, last - first)
    sums = np.add.reduceat(deltas, starts, dtype=np.uint64)
    if int(sums.max()) >= len(GROUPS) << GROUP_BITS or np.setdiff1d(np.flatnonzero(deltas == 0), starts).size:
        raise ValueError("not a list of features")

    deltas[starts[1:]] -= sums[:-1].astype(np.uint32)  # each document begins at 0 again; wraps, and back
    return deltas.cumsum(dtype=np.uint32)


def _deltas(octets: NDArray[np.uint8], first: Places, more: Places) -> Features:
    """LEB128 numbers that begin at ``first`` and go on for ``more`` octets, at most three."""
    if int(more.max()) > 3:
        raise ValueError("not a list of features")
    low = octets & np.uint8(0x7F)
    found = low[first].astype(np.uint32)
    longer = np.flatnonzero(more)
    for place in range(1, 4):
        found[longer] |= low[first[longer] + place].astype(np.uint32) << np.uint32(7 * place)
        longer = longer[more[longer] > place]
    return found

"""Rich text of Outlook: undone compression, and the text of an RTF document. Pure, linear, bounded, raises nothing.

A document that was HTML before (\\fromhtml) gives its HTML back: the tags stand in \\*\\htmltag groups, what RTF
readers alone should see between \\htmlrtf and \\htmlrtf0. Any other gives its text: paragraphs, tabs and
characters, without fonts, pictures and fields' instructions. Sources: MS-OXRTFCP (compression), MS-OXRTFEX
(HTML inside of RTF), RTF 1.9.1.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from mailhub.message import charset

MOST_BYTES = 1024 * 1024  # of a document uncompressed; the text that is shown is bounded by values.TEXT_BYTES
DEPTH = 500  # groups within groups

_COMPRESSED = 0x75465A4C
_PLAIN = 0x414C454D
_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32}+)(-?[0-9]{1,10}+)?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z0-9])|([{}])|[\r\n]++|([^\\{}\r\n]++)"
)
_SKIPPED = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer footnote fldinst listtable listoverridetable"
    b" rsidtbl generator themedata xmlnstbl".split()
)
_BREAKS = {b"par": "\n", b"line": "\n", b"row": "\n", b"sect": "\n", b"tab": "\t", b"cell": "\t"}
_SIGNS = {
    b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"bullet": "•",
    b"endash": "–", b"emdash": "—", b"emspace": " ", b"enspace": " ",
}  # fmt: skip
_CHARACTERS = {b"~": "\xa0", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}"}


@dataclass(frozen=True, slots=True)
class RtfDocument:
    """What an RTF document says, as text or as the HTML it was made of."""

    text: str
    is_html: bool


def uncompressed(data: bytes) -> bytes:
    """The RTF of a PR_RTF_COMPRESSED (MS-OXRTFCP 2.1.3.1), at most ``MOST_BYTES``; b"" when it is none."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<II", data, 4)
    most = min(size, MOST_BYTES)
    if kind == _PLAIN:
        return data[16 : 16 + most]
    if kind != _COMPRESSED:
        return b""

    window = bytearray(_DICTIONARY.ljust(_WINDOW, b" "))
    write = len(_DICTIONARY)
    out = bytearray()
    at = 16

    while at < len(data) and len(out) < most:
        control = data[at]
        at += 1
        for bit in range(8):
            if not control >> bit & 1:
                piece = data[at : at + 1]
                at += 1
            elif at + 2 <= len(data):
                reference = data[at] << 8 | data[at + 1]
                at += 2
                if reference >> 4 == write % _WINDOW:  # the end is a reference to where the next byte goes
                    return bytes(out[:most])
                piece = _referred(window, reference >> 4, (reference & 15) + 2, write)
            else:
                return bytes(out[:most])
            for byte in piece:
                window[write % _WINDOW] = byte
                write += 1
            out += piece

    return bytes(out[:most])


def _referred(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """Bytes of the window; those beyond the place of writing repeat what this very reference gives."""
    found = bytearray()
    for step in range(length):
        place = (offset + step) % _WINDOW
        behind = (place - write) % _WINDOW
        found.append(found[behind] if behind < len(found) else window[place])
    return bytes(found)


@dataclass(slots=True)
class _Group:
    """What a group of RTF inherits from the one around it."""

    skipped: bool = False  # fonts, pictures, a destination nobody knows
    tag: bool = False  # inside \\*\\htmltag: HTML as it stood
    rtf_only: bool = False  # between \\htmlrtf and \\htmlrtf0
    after_unicode: int = 1  # characters behind \\u that are for old readers


@dataclass(slots=True)
class _RtfReader:
    """State of the one pass over the tokens."""

    html: bool
    label: str = "cp1252"
    out: list[str] = field(default_factory=list)
    pending: bytearray = field(default_factory=bytearray)  # bytes of one charset, decoded together
    groups: list[_Group] = field(default_factory=lambda: [_Group()])
    skip: int = 0
    starred: bool = False
    units: list[int] = field(default_factory=list)  # UTF-16, whose halves come one by one

    def flush(self) -> None:
        if self.units:
            text = struct.pack(f"<{len(self.units)}H", *self.units).decode("utf-16-le", "replace")
            self.out.append(text)
            self.units.clear()
        if self.pending:
            self.out.append(charset.decode(bytes(self.pending), self.label)[0])
            self.pending.clear()

    def says(self) -> bool:
        """Whether what stands here is for the reader."""
        group = self.groups[-1]
        return not group.skipped and not (group.rtf_only and not group.tag)

    def raw(self, data: bytes) -> None:
        """Bytes of the document's charset."""
        passed = min(self.skip, len(data))
        self.skip -= passed
        if self.says() and passed < len(data):
            if self.units:
                self.flush()
            self.pending += data[passed:]

    def text(self, text: str) -> None:
        if self.says():
            self.flush()
            self.out.append(text)


def read(data: bytes) -> RtfDocument:
    """The text of an RTF document, or the HTML it encapsulates (MS-OXRTFEX 2.1.3)."""
    data = data[:MOST_BYTES]
    reader = _RtfReader(html=b"\\fromhtml" in data[:4096])

    for match in _TOKEN.finditer(data):
        word, number, code, symbol, brace, plain = match.groups()
        if brace == b"{":
            if len(reader.groups) >= DEPTH:
                break
            group = reader.groups[-1]
            reader.groups.append(_Group(group.skipped, group.tag, group.rtf_only, group.after_unicode))
        elif brace:
            reader.flush()
            if len(reader.groups) > 1:
                reader.groups.pop()
        elif plain is not None:
            reader.raw(plain)
        elif code is not None:
            reader.raw(bytes((int(code, 16),)))
        elif word is not None:
            _word(reader, word, int(number) if number else None)
        elif symbol == b"*":
            reader.starred = True
        elif symbol in _CHARACTERS:
            reader.text(_CHARACTERS[symbol])

    reader.flush()
    return RtfDocument("".join(reader.out), reader.html)


def _word(reader: _RtfReader, word: bytes, number: int | None) -> None:
    group = reader.groups[-1]
    starred, reader.starred = reader.starred, False

    if starred and word == b"htmltag":
        reader.flush()
        group.tag = True
    elif starred or word in _SKIPPED:
        reader.flush()
        group.skipped = True
    elif word == b"htmlrtf":
        reader.flush()
        group.rtf_only = number != 0
    elif word == b"ansicpg" and number:
        reader.flush()
        reader.label = f"cp{number}"
    elif word == b"uc":
        group.after_unicode = max(number or 0, 0)
    elif word == b"u" and number is not None:
        if reader.says():
            if reader.pending:
                reader.flush()
            reader.units.append(number & 0xFFFF)
        reader.skip = min(group.after_unicode, 8)
    elif word in _BREAKS and not group.tag:
        reader.text("\r\n" if reader.html and word in (b"par", b"line") else _BREAKS[word])
    elif word in _SIGNS:
        reader.text(_SIGNS[word])

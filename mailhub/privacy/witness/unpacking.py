"""What lies inside files that people attach: archives, office documents, PDF, winmail.dat, RTF, uuencoded text.

By the first bytes, never by the name or type that a mail claims. Everything is bounded by the caller's
``Bounds``: what does not fit, or cannot be opened (encrypted, of a kind that is not known here), is counted as
not read. Sources: APPNOTE 4.3 (zip), RFC 1952 (gzip), ISO 32000 7.3.8 (PDF streams), MS-OXTNEF 2.1,
MS-OXRTFCP 2.2 (compressed RTF). Must not: write anything, follow a link, or raise on what strangers made.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

ENTRIES = 500  # of one archive
STREAMS = 2_000  # of one PDF
LEAST_BYTES = 16 * 1024 * 1024  # all layers of a message together
MOST_BYTES = 192 * 1024 * 1024
XZ_BYTES = 128 * 1024 * 1024  # of its dictionary, which it may say has 4 GiB; `xz -9` takes half of this

Child = tuple[str, bytes]  # (how it was got at, what it is)

_PDF_STREAM = re.compile(rb"stream\r?\n")
_PDF_TEXT = re.compile(rb"\(((?:[^()\\]|\\.){0,4000}+)\)|<([0-9A-Fa-f\s]{2,8000}+)>", re.DOTALL)
_PDF_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_RTF_BYTE = re.compile(rb"\\'([0-9a-fA-F]{2})")
_RTF_WORD = re.compile(rb"\\u(-?\d{1,6}) ?\??|\\[a-zA-Z]{1,32}-?\d{0,10} ?|[{}]|\\\*")
_UUENCODED = re.compile(rb"begin [0-7]{3} .")
_SEALED = (b"-----BEGIN PGP MESSAGE-----", b"smime-type=enveloped-data", b'smime-type="enveloped-data"')
_UNKNOWN = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07")
_TNEF = b"\x78\x9f\x3e\x22"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # MS-CFB 2.2: .doc, .msg, and what Office encrypted
_RTF_BEGINNING = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
    rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
    b"\r\n" + rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)  # MS-OXRTFCP 2.1.3.1.2


@dataclass(slots=True)
class Bounds:
    """How much one message may still cost, and what of it was not read."""

    left: int
    layers: int = 4_000
    cut: bool = False  # something did not fit
    closed: int = 0  # files that nobody can look into without a key, or of a kind that is not known here

    @staticmethod
    def of(raw: bytes) -> Bounds:
        """Of one message, in proportion: base64 of a mail's size, quoted-printable beside it, archives some
        times over.
        """
        return Bounds(min(LEAST_BYTES + 8 * len(raw), MOST_BYTES))

    def take(self, size: int) -> bool:
        """Whether this much fits still; then it is taken."""
        if size > self.left or not self.layers:
            self.cut = True
            return False
        self.left -= size
        self.layers -= 1
        return True


def opened(blob: bytes, bounds: Bounds) -> Iterator[Child]:
    """What lies in a file; nothing for one that is no container."""
    if blob.startswith(b"PK\x03\x04"):
        yield from _zip(blob, bounds)
    elif blob.startswith(b"%PDF"):
        yield from _pdf(blob, bounds)
    elif blob.startswith(_TNEF):
        yield from _tnef(blob)
    elif blob.startswith(_UNKNOWN):
        bounds.closed += 1

    for magic, make in _COMPRESSED.items():
        if blob.startswith(magic):
            yield "compressed", _inflated(make(), blob, bounds)
    if b"{\\rtf" in blob[:64]:
        yield "rtf", _plain_rtf(blob)
    if b"LZFu" in blob:
        yield from (("compressed rtf", text) for text in _compressed_rtf(blob, bounds))
    if b"\nbegin " in blob or blob.startswith(b"begin "):
        yield from (("uuencode", data) for data in _uuencoded(blob))

    encrypted = blob.startswith(_COMPOUND) and "EncryptedPackage".encode("utf-16-le") in blob
    bounds.closed += encrypted or any(mark in blob for mark in _SEALED)


# --- archives ---------------------------------------------------------------------------------------------------------


def _zip(blob: bytes, bounds: Bounds) -> Iterator[Child]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(blob))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        bounds.closed += 1
        return
    bounds.cut |= len(entries) > ENTRIES

    yield "zip", archive.comment
    for entry in entries[:ENTRIES]:
        yield "zip", entry.filename.encode("utf-8", "replace")
        if entry.flag_bits & 1:  # APPNOTE 4.4.4: encrypted
            bounds.closed += 1
            continue
        try:
            with archive.open(entry) as file:
                content = file.read(bounds.left + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            lzma.LZMAError,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,  # a place before the beginning, a name in no charset
            struct.error,
            MemoryError,  # a dictionary that says it has gigabytes
        ):
            bounds.closed += 1
            continue
        bounds.cut |= len(content) > bounds.left
        yield "zip", content[: bounds.left]


_COMPRESSED: dict[bytes, Callable[[], object]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(31),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(memlimit=XZ_BYTES),
}


def _inflated(stream: object, blob: bytes, bounds: Bounds) -> bytes:
    """What comes out before an error or the bound."""
    try:
        text: bytes = stream.decompress(blob, bounds.left + 1)  # type: ignore[attr-defined]
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        bounds.closed += 1
        return b""
    bounds.cut |= len(text) > bounds.left
    return text[: bounds.left]


# --- documents --------------------------------------------------------------------------------------------------------


def _pdf(blob: bytes, bounds: Bounds) -> Iterator[Child]:
    """Each stream as far as its filters are those of text, and what the pages show, in the order of the file."""
    bounds.closed += b"/Encrypt" in blob
    shown = [_shown_in(blob)]

    for head, data in _pdf_streams(blob, bounds):
        if b"ASCII85Decode" in head or b"/A85" in head:
            data = _ascii85(data)
        if b"ASCIIHexDecode" in head:
            data = _from_hex(data)
        if b"FlateDecode" in head or b"/Fl" in head:
            data = _flate(data, bounds)
        if b"DCTDecode" not in head and b"JPXDecode" not in head:
            yield "pdf", data
            shown.append(_shown_in(data))

    yield "pdf", b" ".join(shown)


def _pdf_streams(blob: bytes, bounds: Bounds) -> Iterator[tuple[bytes, bytes]]:
    """(dictionary, content) of each stream; the search goes on behind its end, so that no byte is read twice."""
    at = 0
    for _ in range(STREAMS):
        begin = _PDF_STREAM.search(blob, at)
        if begin is None:
            return
        end = blob.find(b"endstream", begin.end())
        end = end if end >= 0 else len(blob)
        yield blob[max(0, begin.start() - 400) : begin.start()].rpartition(b"obj")[2], blob[begin.end() : end]
        at = end + len(b"endstream")
    bounds.cut = True


def _flate(data: bytes, bounds: Bounds) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, max(1, bounds.left))
    except zlib.error:
        bounds.closed += 1
        return b""


def _ascii85(data: bytes) -> bytes:
    try:
        return base64.a85decode(data.strip().removesuffix(b"~>"))
    except ValueError:
        return data


def _shown_in(data: bytes) -> bytes:
    """The strings of a content stream or a dictionary, a space between two: letters may be placed one by one."""
    pieces = []
    for literal, hexadecimal in _PDF_TEXT.findall(data):
        text = _PDF_ESCAPE.sub(_pdf_character, literal) if literal else _from_hex(hexadecimal)
        pieces.append(
            text.decode("utf-16", "replace").encode() if text[:2] in (b"\xfe\xff", b"\xff\xfe") else text
        )
    return b" ".join(pieces)


def _pdf_character(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 255]) if not code.strip(b"01234567") else code
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\n": b""}.get(code, code)


def _from_hex(text: bytes) -> bytes:
    digits = re.sub(rb"[^0-9A-Fa-f]", b"", text)
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])


def _plain_rtf(blob: bytes) -> bytes:
    """An RTF document's words: bytes unescaped, control words and braces gone."""
    text = _RTF_BYTE.sub(lambda match: binascii.unhexlify(match[1]), blob)
    return _RTF_WORD.sub(
        lambda match: chr(int(match[1]) & 0xFFFF).encode("utf-8", "replace") if match[1] else b"", text
    )


def _tnef(blob: bytes) -> Iterator[Child]:
    """The value of each attribute of a winmail.dat: level, id, length, value, checksum."""
    at = 6
    while at + 9 <= len(blob):
        size = int.from_bytes(blob[at + 5 : at + 9], "little")
        yield "tnef", blob[at + 9 : at + 9 + size]
        at += 9 + size + 2


def _compressed_rtf(blob: bytes, bounds: Bounds) -> Iterator[bytes]:
    """Every compressed RTF in a blob: sizes (2 x 4 bytes), the word LZFu, checksum, then runs against a dictionary."""
    at = blob.find(b"LZFu")
    while at >= 8:
        size = int.from_bytes(blob[at - 8 : at - 4], "little")
        wanted = int.from_bytes(blob[at - 4 : at], "little")
        if wanted <= bounds.left:
            yield _plain_rtf(_lzfu(blob[at + 8 : at + size - 4 if size > 12 else None], wanted))
        else:
            bounds.cut = True
        at = blob.find(b"LZFu", at + max(4, size - 8))  # behind it: no byte is read twice


def _lzfu(data: bytes, wanted: int) -> bytes:
    window = bytearray(4096)
    window[: len(_RTF_BEGINNING)] = _RTF_BEGINNING
    write = len(_RTF_BEGINNING)
    out = bytearray()
    at = 0

    while at < len(data) and len(out) < wanted:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data):
                break
            if not flags >> bit & 1:
                taken = data[at : at + 1]
                at += 1
            else:
                token = int.from_bytes(data[at : at + 2], "big")
                at += 2
                offset = token >> 4
                if offset == write:  # the end
                    return bytes(out)
                taken = b""
                for place in range(offset, offset + (token & 15) + 2):
                    taken += window[place % 4096 : place % 4096 + 1]
                    window[(write + len(taken) - 1) % 4096] = taken[-1]
            for byte in taken:
                window[write] = byte
                write = (write + 1) % 4096
            out += taken

    return bytes(out)


def _uuencoded(blob: bytes) -> Iterator[bytes]:
    """Each file between a line ``begin`` and the first line that is none of its own; every line is looked at once."""
    pieces: list[bytes] | None = None
    for line in blob.splitlines():
        if pieces is not None:
            try:
                pieces.append(binascii.a2b_uu(line))
                continue
            except binascii.Error:  # "end", or no uuencode at all
                yield b"".join(pieces)
                pieces = None
        if _UUENCODED.match(line):
            pieces = []
    if pieces:
        yield b"".join(pieces)

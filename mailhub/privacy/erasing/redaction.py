"""A message without a person: raw bytes in, raw bytes out. Other people's words stay as they wrote them.

    header fields   replaced where the decoded value names them, and written anew (RFC 2047 where it is not ASCII)
    texts           decoded, address, name and quoted words replaced, stored again as UTF-8 in base64
    files           a name that names them becomes "erased" with its ending; bytes that name them are overwritten
    enclosed mail   like the mail itself, to a depth of three

What still names them then (a charset nobody knows, a file inside a file) is emptied as a whole part, so that
the result never does: ``redacted`` ends with a search. Only parts that name them change, the others are the
same, byte for byte. Must not: know tables, or keep anything.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace

from mailhub.message import author, body, headers, parse, tnef, words
from mailhub.message.scan import scan
from mailhub.message.values import Part
from mailhub.privacy.erasing.needles import Needles
from mailhub.privacy.erasing.person import ERASED, ERASED_ADDRESS
from mailhub.privacy.erasing.quotes import Quotes

ENCLOSED = 3  # mails within mails that are opened
_FIELD_START = re.compile(rb"(?<=\n)(?![ \t])")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_TRANSPORT = re.compile(rb"content-(?:transfer-encoding|type|disposition|md5|length)", re.IGNORECASE)
_LINE = 76
_CHUNK = 57  # bytes that make a line of 76
_MAILS = ("message/rfc822", "message/global")
_TEXTS = ("text/", "message/")
_TEXT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Redactor:
    needles: Needles
    quotes: Quotes

    theirs: bool = False  # the mail that is read now is the person's own, enclosed in another's

    def text(self, text: str, *, is_html: bool) -> str:
        person = self.needles.person
        taken_out = self.quotes.without_in_html if is_html else self.quotes.without
        return person.replaced(taken_out(text, person, theirs=self.theirs))

    def wrote(self, enclosed: bytes) -> bool:
        """Whether an enclosed mail is the person's own."""
        return author.read(enclosed).address.lower() in self.needles.person.addresses


def redacted(raw: bytes, needles: Needles, quotes: Quotes) -> bytes:
    """The message without the person; the very same bytes when it neither names nor quotes them."""
    redactor = _Redactor(needles, quotes)
    opened = parse.opened(raw).raw
    made = _message(opened, redactor, ENCLOSED, empty=False)
    if made == opened and not needles.in_message(raw):
        return raw  # also what was read out of an opaque signature does not name them: it stays as signed
    if needles.in_message(made):
        made = _message(made, redactor, 0, empty=True)
    return _overwritten(made, needles) if needles.in_message(made) else made


def _message(raw: bytes, redactor: _Redactor, enclosed: int, *, empty: bool) -> bytes:
    """``empty``: parts and fields that still name them are emptied rather than mended."""
    found = scan(raw)
    raw = found.raw
    out = []
    last = 0
    parents = {part.parent for part in found.parts}

    for index, part in enumerate(found.parts):
        out.append(_overwritten(raw[last : part.start], redactor.needles))
        head = raw[part.start : part.body_start]
        if index in parents or part.content_type.startswith("multipart/"):
            out.append(_head(head, redactor, {}, empty=empty))
            last = part.body_start
            continue
        content = _body(raw, part, redactor, enclosed, empty=empty)
        out.append(_head(head, redactor, _fields(part, redactor, content), empty=empty))
        out.append(raw[part.body_start : part.end] if content is None else content)
        last = max(part.end, part.body_start)

    out.append(_overwritten(raw[last:], redactor.needles))
    return b"".join(out)


# --- bodies -----------------------------------------------------------------------------------------------------------


def _body(raw: bytes, part: Part, redactor: _Redactor, enclosed: int, *, empty: bool) -> bytes | None:
    """The body of a leaf as it is to be stored, base64 without an exception; None when it stays as it is."""
    if not empty and part.content_type.startswith(_TEXTS) and not (part.content_type in _MAILS and enclosed):
        return _text(raw, part, redactor)

    content = body.decode_part(raw, part)
    if empty:
        whole = b"\r\n" + raw[part.body_start : part.end] + b"\r\n" + content
        return _encoded(ERASED.encode()) if redactor.needles.in_message(whole) else None

    if part.content_type in _MAILS and enclosed:
        inside = replace(redactor, theirs=redactor.wrote(content))
        changed = _message(content, inside, enclosed - 1, empty=False)
    elif redactor.theirs:
        changed = ERASED.encode()
    elif tnef.is_tnef(part) and (text := tnef.text(content)) != redactor.text(text, is_html=False):
        changed = ERASED.encode()  # its text can be compressed, where nothing is found to be overwritten
    else:
        changed = _overwritten(content, redactor.needles)

    return None if changed == content else _encoded(changed)


def _text(raw: bytes, part: Part, redactor: _Redactor) -> bytes | None:
    """A text of up to 64 MiB, so each of its forms is let go before the next is made."""
    text = body.part_text(raw, part, _TEXT_BYTES)
    mended = redactor.text(text, is_html=part.content_type == "text/html")
    if mended == text:
        return None
    del text
    return _encoded(mended.replace("\n", "\r\n").encode("utf-8", "replace"))


def _encoded(content: bytes) -> bytes:
    out = bytearray()
    for at in range(0, len(content), _CHUNK):
        out += binascii.b2a_base64(content[at : at + _CHUNK], newline=False)
        out += b"\r\n"
    return bytes(out)


def _overwritten(data: bytes, needles: Needles) -> bytes:
    """Bytes of the same length, each occurrence overwritten with x."""
    places = [(at, len(needle)) for at, needle in needles.whole_in_bytes(data)]
    if not places:
        return data
    changed = bytearray(data)
    for at, length in places:
        changed[at : at + length] = b"x" * length
    return bytes(changed)


# --- header blocks ----------------------------------------------------------------------------------------------------


def _fields(part: Part, redactor: _Redactor, content: bytes | None) -> dict[bytes, bytes]:
    """MIME fields to be put in the place of a leaf's own: of a body that is stored anew, and of a name that tells."""
    named = redactor.needles.person.names_him_anywhere(part.filename)
    if content is None and not named:
        return {}

    filename = re.sub(r"[^\w.]", "", part.filename.rpartition(".")[2] if "." in part.filename else "")[:10]
    shown = (f"erased.{filename}" if filename else "erased") if named else part.filename
    charset = "utf-8" if content is not None else part.parameters.get("charset", "")
    kind = part.content_type + (
        f"; charset={charset}" if charset and part.content_type.startswith("text/") else ""
    )
    fields = {b"content-type": f"Content-Type: {kind}".encode("ascii", "replace")}
    if content is not None:
        fields[b"content-transfer-encoding"] = b"Content-Transfer-Encoding: base64"

    if part.disposition or part.filename:
        quoted = _word(shown.replace('"', "").replace("\\", ""))
        fields[b"content-disposition"] = (
            f'Content-Disposition: {part.disposition or "attachment"}; filename="{quoted}"'.encode()
        )

    return fields


def _head(block: bytes, redactor: _Redactor, fields: dict[bytes, bytes], *, empty: bool) -> bytes:
    """A header block with its blank line: fields that name them written anew, ``fields`` in place of their
    namesakes.
    """
    end = b"\r\n" if b"\r\n" in block or b"\n" not in block else b"\n"
    left = dict(fields)
    out = []

    for line in _FIELD_START.split(block):
        match = _NAME.match(line)
        name = match[1].lower() if match else b""
        if name in fields:
            out.append(left.pop(name) + end if name in left else b"")
        elif match is None or (fields and name in (b"content-md5", b"content-length")):
            out += _remaining(left, end) if not line.strip() else []
            out.append(_overwritten(line, redactor.needles) if match is None else b"")
        else:
            out.append(_field(line, match, redactor, end, empty=empty))

    return b"".join([*out, *_remaining(left, end)])


def _remaining(left: dict[bytes, bytes], end: bytes) -> list[bytes]:
    """MIME fields that the block did not have; they stand before its blank line."""
    lines = [line + end for line in left.values()]
    left.clear()
    return lines


def _field(line: bytes, match: re.Match[bytes], redactor: _Redactor, end: bytes, *, empty: bool) -> bytes:
    value = line[match.end() :]
    text = headers.clean(words.decode(headers.unfold(value, "", []), []))
    mended = redactor.needles.person.replaced(text)
    plain = mended == text and not redactor.needles.in_message(line)
    if plain:
        return line
    if empty or (mended == text):
        mended = ERASED_ADDRESS if b"@" in value else ERASED
    return match[0] + b" " + _folded(mended, end) + end


def _folded(text: str, end: bytes) -> bytes:
    """A value in lines: words that are not ASCII as encoded words (RFC 2047 5)."""
    lines = [""]
    length = 0
    for each in map(_word, text.split(" ")):
        if length + len(each) > _LINE - 16 and lines[-1]:
            lines.append("")
            length = 0
        lines[-1] += (" " if lines[-1] else "") + each
        length += len(each) + 1
    return (end + b" ").join(line.encode("ascii") for line in lines)


def _word(word: str) -> str:
    if word.isascii():
        return word
    return f"=?utf-8?b?{base64.b64encode(word.encode('utf-8', 'replace')).decode('ascii')}?="

"""The files of a message. Job: name and size them without decoding, and hand out one's bytes when somebody asks.

Archives are never unpacked; winmail.dat is listed by ``tnef`` on demand. Must not: write to disk, trust a stated size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailhub.message import body, filenames, headers, limits, words
from mailhub.message.values import Attachment, Part

_MESSAGES = frozenset(("message/rfc822", "message/global"))
_FIELD_START = re.compile(rb"(?<=\n)(?![ \t])")
_ABOUT_CONTENT = re.compile(rb"content-[!-9;-~]+[ \t]*:", re.IGNORECASE)
# no kind of text: the line is never read as what somebody wrote
_DELETED_FIELDS = (
    b"Content-Type: application/octet-stream",
    b'Content-Disposition: attachment; filename="deleted.txt"',
)
_SUBJECT = re.compile(
    rb"^subject[ \t]*:([^\r\n]{1,998}(?:\r?\n[ \t][^\r\n]{0,998}){0,3})", re.IGNORECASE | re.MULTILINE
)


def listed(raw: bytes, parts: Sequence[Part], files: Sequence[int]) -> tuple[Attachment, ...]:
    """One ``Attachment`` for each index in ``files``, in order; nothing is decoded but names."""
    return tuple([_attachment(raw, parts[index], number) for number, index in enumerate(files)])


def _attachment(raw: bytes, part: Part, number: int) -> Attachment:
    return Attachment(
        index=number,
        part=part.number,
        filename=part.filename or _named(raw, part),
        content_type=part.content_type,
        size_bytes=_size(raw, part),
        content_id=part.content_id,
        inline=part.disposition == "inline" or (bool(part.content_id) and part.disposition != "attachment"),
    )


def _named(raw: bytes, part: Part) -> str:
    """A name for a part without one: an enclosed message is named by its subject, the others by their type."""
    if part.content_type in _MESSAGES and part.encoding not in ("base64", "quoted-printable"):
        match = _SUBJECT.search(raw, part.body_start, min(part.end, part.body_start + limits.VALUE_BYTES))
        if match is not None:
            subject = headers.clean(words.decode(headers.unfold(match[1], "", []), []))
            name = filenames.safe(subject)
            if name:
                return filenames.safe(name[:100] + ".eml")
    return filenames.default(part.content_type)


def _size(raw: bytes, part: Part) -> int:
    """Bytes after decoding, estimated: base64 in lines of 76 takes 78 for 57; other encodings count as they are."""
    transferred = max(part.end - part.body_start, 0)
    if part.encoding == "base64":
        return transferred * 57 // 78 if transferred > 78 else transferred * 3 // 4
    return transferred


def content(raw: bytes, part: Part) -> bytes:
    """The bytes of a file, decoded in full."""
    return body.decode_part(raw, part)


def without(raw: bytes, part: Part) -> bytes:
    """The message with a line in the place of one file, which keeps its number; all else stays, byte for byte."""
    head = raw[part.start : part.body_start]
    rest = raw[max(part.end, part.body_start) :]
    end = b"\r\n" if b"\r\n" in head or b"\n" not in head else b"\n"

    kept = [each for each in _FIELD_START.split(head) if each.strip() and not _ABOUT_CONTENT.match(each)]
    fields = [*kept, *(line + end for line in _DELETED_FIELDS), end]
    return b"".join([raw[: part.start], *fields, b"This file was deleted.", rest or end])

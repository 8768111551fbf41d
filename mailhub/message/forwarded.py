"""Whose mail was sent on: the From of a forwarded mail, in its header block in the text or attached. Pure, bounded;
proves nothing.

A header block counts where the subject or a separator says that a mail is sent on (``quoted_phrases``), in the languages
of mail programs; of our own people any whole one does, for programs that say nothing. Used for the mail of an
authenticated agent alone: it is they who say whose mail it was.
"""

from __future__ import annotations

from dataclasses import replace

from mailhub.message import addresses, attachments, quoted_marks
from mailhub.message.parse import parse
from mailhub.message.quoted_phrases import FORWARD_SUBJECTS
from mailhub.message.values import Address, Parsed, Part

MAILS = frozenset({"message/rfc822", "message/global"})  # Outlook sends application/octet-stream, named .eml
_LINES = 200
_LINE_CHARACTERS = 1_000
_HEAD_BYTES = 64 * 1024  # of an attached mail: its header is all that is read
_WHOLE_BLOCK = (
    3  # fields, From among them, that make a header block where nothing says that a mail is sent on
)


def is_mail(content_type: str, filename: str) -> bool:
    """Whether a file is a mail."""
    return content_type in MAILS or filename.lower().endswith(".eml")


def forwarded_author(parsed: Parsed, *, by_us: bool = False) -> Address | None:
    """The sender of the mail that this one sends on in its text; None where it sends none on, or names no address.

    ``by_us``: it comes from a domain of ours, so that a whole header block needs nothing else to count.
    """
    titled = parsed.subject[:_LINES].strip().lower().startswith(FORWARD_SUBJECTS)
    if not titled and not by_us and not any(piece in parsed.text for piece in ("----", "orwarded message")):
        return None  # nearly all mail: the lines need not be looked at

    lines = parsed.text[: _LINES * _LINE_CHARACTERS].split("\n", _LINES)[:_LINES]
    forwards = titled

    for index, line in enumerate(lines):
        forwards = forwards or (quoted_marks.is_separator(line.strip()) and quoted_marks.is_forward(line))
        if not (forwards or by_us) or quoted_marks.role(line) != "from":
            continue
        if quoted_marks.header_block_end(lines, index, 2 if forwards else _WHOLE_BLOCK) is None:
            continue
        value = line[:_LINE_CHARACTERS].replace("：", ":", 1).partition(":")[2].strip(" *")
        found = next((each for each in addresses.parse(value, []) if "@" in each.address), None)
        if found is not None:
            return found
    return None


def attached_author(raw: bytes, parsed: Parsed) -> Address | None:
    """The sender of the first mail that is attached; None where none is, or a program wrote this one."""
    if parsed.bounce is not None or parsed.automatic.kind or "smime-opaque" in parsed.flags:
        return None  # what was in an opaque signature has its offsets in that
    named = next((each for each in parsed.attachments if is_mail(each.content_type, each.filename)), None)
    part = next((each for each in parsed.parts if named is not None and each.number == named.part), None)
    if part is None:
        return None
    return next((each for each in parse(_head(raw, part)).from_ if "@" in each.address), None)


def _head(raw: bytes, part: Part) -> bytes:
    """The header of an attached mail."""
    beginning = replace(part, end=min(part.end, part.body_start + _HEAD_BYTES))
    data = attachments.content(raw, beginning).replace(b"\r\n", b"\n")
    return data.partition(b"\n\n")[0] + b"\n\n"

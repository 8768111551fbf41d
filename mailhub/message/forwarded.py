"""Whose mail was sent on: the From of a forwarded mail's header block in the text. Pure, bounded; proves nothing.

Read where the subject or a separator says that a mail is sent on (``quoted_phrases``), in the languages of
mail programs. Used for the mail of an authenticated agent alone: it is they who say whose mail it was.
"""

from __future__ import annotations

from mailhub.message import addresses, quoted_marks
from mailhub.message.quoted_phrases import FORWARD_SUBJECTS
from mailhub.message.values import Address, Parsed

_LINES = 200
_LINE_CHARACTERS = 1_000


def forwarded_author(parsed: Parsed) -> Address | None:
    """The sender of the mail that this one sends on; None where it sends none on, or names no address."""
    titled = parsed.subject[:_LINES].strip().lower().startswith(FORWARD_SUBJECTS)
    if not titled and not any(piece in parsed.text for piece in ("----", "orwarded message")):
        return None  # nearly all mail: the lines need not be looked at

    lines = parsed.text[: _LINES * _LINE_CHARACTERS].split("\n", _LINES)[:_LINES]
    forwards = titled

    for index, line in enumerate(lines):
        forwards = forwards or (quoted_marks.is_separator(line.strip()) and quoted_marks.is_forward(line))
        if not forwards or quoted_marks.role(line) != "from":
            continue
        if quoted_marks.header_block_end(lines, index, 2) is None:
            continue
        value = line[:_LINE_CHARACTERS].replace("：", ":", 1).partition(":")[2].strip(" *")
        found = next((each for each in addresses.parse(value, []) if "@" in each.address), None)
        if found is not None:
            return found
    return None

"""Recognises, in lines of text, the marks by which mail programs introduce a quote or a signature. Pure, and bounded.

Sources: RFC 3676 4.3 (signature mark), the forms listed in ``quoted_phrases``. An attribution line ("On ... X
wrote:") is told by evidence, not by one pattern a language: it ends in a colon and names a date and an
address, or one of them and a verb of writing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailhub.message.quoted_phrases import (
    DEVICES,
    FOOTERS,
    MOBILE,
    MOBILE_STARTS,
    OPENERS,
    REPLY_MARKERS,
    ROLE_OF,
    SEPARATORS,
    SIGN_OFFS,
    WEEKDAYS,
    WROTE,
)

ATTRIBUTION_LINES = (
    5  # Gmail and Apple Mail wrap at 70 to 80 characters; a long list address makes four lines
)
ATTRIBUTION_CHARACTERS = 400
HEADER_LINES = 24  # a quoted To: may run over many lines

_PUNCTUATION = "*_,.;:：()[]<>\"' \xa0"
_WROTE_WORDS = frozenset(phrase.split()[-1].strip(_PUNCTUATION) for phrase in WROTE)
_WROTE_INSIDE = (
    "写道",
    "寫道",
    "写到",
    "のメール",
    "書き",
    "작성",
    "쓴 글",
)  # scripts that set no blanks between words
_ADDRESS = re.compile(r"[^\s<>@\"]{1,64}@[^\s<>@\"]{2,255}|<mailto:|\[mailto:")
_SIGNED_WORDS = 9
_INITIALS = re.compile(r"[A-Z][A-Za-z]{0,3}>(?!\w)")
_ADDRESSED = re.compile(r"<[^<>\s]{1,64}@[^<>]{1,255}>|@[^\s<>@]{2,255}[>)\]\"]{0,3}\s?[:：][*_]?$|mailto:")
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d\d|\d{4}年|\d{1,2}月")
_TIME = re.compile(r"(?<!\d)\d{1,2}(?:[:.h]| h |時|时|點|点|시)\s?\d{2}(?!\d)")
_EVIDENCE = re.compile(r"[@\d]|quoting", re.IGNORECASE)
_SAID = re.compile(
    r"\b(?:said|says|asked|sagte|meinte|dit|dijo|disse|zei|sa)\b|<[^<>\s]{1,64}@[^<>\s]{1,255}>",
    re.IGNORECASE,
)
_INVISIBLE = frozenset(
    "\xa0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
)
_UNSEEN = {**dict.fromkeys(map(ord, _INVISIBLE)), 0xA0: " "}
_MARKDOWN = "*_ \t>|\xa0"
_RULE_CHARACTERS = frozenset("-_=—–―─*")
_COLONS = (":", "：")


def plain(line: str) -> str:
    """The line without invisible marks, with plain spaces, stripped."""
    if not line.isascii() and not _INVISIBLE.isdisjoint(line):
        line = line.translate(_UNSEEN)
    return line.strip()


def unquoted(line: str) -> str:
    """The line without its leading quote marks."""
    return line.lstrip("> \t|\xa0")


def with_plain_marks(lines: list[str]) -> list[str]:
    """The lines with a plain quote mark before "AB> ", the initials that The Bat! and Agent mark quotes with.

    Only where an attribution stands above the first of them: shells and data bases prompt like that too.
    """
    first = next(
        (index for index, line in enumerate(lines) if ">" in line[1:5] and _INITIALS.match(line)), None
    )
    if first is None:
        return lines
    above = next(
        (lines[index] for index in range(first - 1, max(first - 5, -1), -1) if lines[index].strip()), ""
    )
    if not (above.rstrip().endswith(_COLONS) and _says_wrote(above)):
        return lines
    return [f">{line}" if ">" in line[1:5] and _INITIALS.match(line) else line for line in lines]


def attribution_start(lines: Sequence[str], last: int, first: int) -> int | None:
    """Where the attribution that ends in line ``last`` begins, looking no higher than ``first``; None if there is none.

    The lowest line that opens as attributions do ("On", a weekday, a digit) wins; failing that, the lowest
    with a name or an address, or the first of its paragraph.
    """
    if _EVIDENCE.search(" ".join(lines[max(first, last - ATTRIBUTION_LINES + 1) : last + 1])) is None:
        return None

    joined = ""
    fallback = None
    broken = is_broken_address(lines[last].strip())
    quoted = lines[last].lstrip().startswith(">") and not broken

    for index in range(last, max(first, last - ATTRIBUTION_LINES + 1) - 1, -1):
        line = lines[index]
        if line.lstrip().startswith(">") is not quoted and not (broken and index == last):
            break
        line = plain(line if broken else unquoted(line))
        joined = f"{line} {joined}" if joined else line
        if not line or len(joined) > ATTRIBUTION_CHARACTERS:
            break
        opening = _opening(line) or int(index == 0 or not unquoted(lines[index - 1]).strip())
        if opening and _is_attribution(joined):
            if opening == 2:
                return index
            fallback = index if fallback is None else fallback

    return fallback


def _opening(line: str) -> int:
    """2 when the line opens as an attribution does, 1 when it may (name, address, verb of writing), 0 when not."""
    word = line.split(None, 1)[0].strip("*_,.;:").lower()
    if word in OPENERS or word in WEEKDAYS or line[0] in "0123456789在于於":
        return 2
    return 1 if line[0] in "\"'<“„«-" or "@" in word or _says_wrote(line) else 0


def _says_wrote(text: str) -> bool:
    """Whether a verb of writing, in any language, is among the words."""
    words = {word.strip(_PUNCTUATION) for word in text.lower().split()}
    return not words.isdisjoint(_WROTE_WORDS) or (
        not text.isascii() and any(verb in text for verb in _WROTE_INSIDE)
    )


def _is_attribution(text: str) -> bool:
    if not text.endswith(_COLONS) and not text.endswith((":*", ":_")):
        return False
    address = ("@" in text or "mailto" in text) and _ADDRESS.search(text) is not None
    date = _DATE.search(text) is not None or _TIME.search(text) is not None
    if address and date and _ADDRESSED.search(text) is not None:
        return True
    return (address or date or text[:10].lower().startswith("quoting ")) and _says_wrote(text)


def is_broken_address(line: str) -> bool:
    """Whether a line begins with the ">" of an address that was broken off above: ">:", "> wrote:"."""
    return (
        len(line) < 40
        and line.endswith(_COLONS)
        and (not line.strip(">:： \xa0") or _says_wrote(line.lstrip(">")))
    )


def is_sign_off(line: str) -> bool:
    """Whether a line is the formula that ends a letter."""
    return len(line) < 60 and plain(line).lower().startswith(SIGN_OFFS)


def is_introduction(line: str) -> bool:
    """Whether a line right above marked quotes introduces them, without date or full form ("Chris said:")."""
    text = plain(unquoted(line))
    return (
        len(text) < 120 and text.endswith(_COLONS) and (_says_wrote(text) or _SAID.search(text) is not None)
    )


def role(line: str) -> str | None:
    """Which header field a line of a quoted header block names ("from", "date", "to", "subject", "cc"), if any."""
    name, colon, _ = line[:40].partition(":")
    if not colon:
        name, colon, _ = line[:40].partition("：")
    return ROLE_OF.get(plain(name).strip(_MARKDOWN).lower()) if colon else None


def header_block_end(lines: Sequence[str], start: int, needed: int) -> int | None:
    """One past a quoted header block that begins at ``start``; None when it has fewer than ``needed`` different fields.

    A "from" is always among them. A blank line between two fields is allowed (Outlook for Mac), other text is
    not, save for the continuation lines of a long list of recipients.
    """
    seen: set[str] = set()
    end = start
    loose = 0

    for index in range(start, min(len(lines), start + HEADER_LINES)):
        line = lines[index]
        found = role(line)
        if found is not None:
            seen.add(found)
            end = index + 1
            loose = 0
            continue
        if not plain(line).strip(_MARKDOWN):
            if seen >= {"from", "subject"} or loose:
                break
            loose = 1
        elif not seen or loose or not _continues(line):
            break

    return end if "from" in seen and len(seen - {"cc"}) >= needed else None


def _continues(line: str) -> bool:
    return line[:1] in " \t" or "@" in line or line.rstrip().endswith((";", ",", ">"))


def is_separator(line: str) -> bool:
    """Whether the line is a "-----Original Message-----" in any of its languages, or Notes' "-----X wrote: -----"."""
    inner = plain(line).strip("-_=*># \t—–―─:").lower()
    if inner in SEPARATORS or inner.startswith(("forwarded message fr", "forwarded by ")):
        return True
    return line.startswith("-----") and line.endswith("-----") and len(inner) < 120 and _says_wrote(inner)


def is_rule(line: str) -> bool:
    """Whether the line is nothing but a ruled line."""
    inner = line.strip()
    return len(inner) >= 2 and not set(inner) - _RULE_CHARACTERS


def is_signature_mark(line: str) -> bool:
    """Whether the line is "-- " (RFC 3676 4.3) or a form of it that lost its space or grew."""
    return line.rstrip() in ("--", "- --", "—", "–", "---  ") or line in ("-- ", "--\xa0")


def is_mobile_signature(line: str) -> bool:
    """Whether the line is what a phone or an app signs with: the phrase, and then a device or a few words."""
    text = plain(line).lstrip("*_-<(> ").lower()
    if text[:3] not in MOBILE_STARTS or len(text) > 200 or not text.startswith(MOBILE):
        return False
    words = text.split()
    return (len(words) <= _SIGNED_WORDS and ", " not in text) or any(device in text for device in DEVICES)


def is_reply_marker(line: str) -> bool:
    """Whether the line asks the reader to reply above it."""
    text = line.lower()
    return len(text) < 200 and any(marker in text for marker in REPLY_MARKERS)


def is_footer(lines: Sequence[str]) -> bool:
    """Whether the lines under a rule are a footer of a mailing list, virus scanner or provider."""
    text = "\n".join(lines)[:2000].lower()
    return any(word in text for word in FOOTERS)

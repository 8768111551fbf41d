"""Recognises, in lines of text, the marks by which mail programs introduce a quote or a signature. Pure, and bounded.

Sources: RFC 3676 4.3 (signature mark), the forms listed in ``quoted_phrases``. An attribution line ("On ... X
wrote:") is told by evidence, not by one pattern a language: it ends in a colon and names a date and an
address, or one of them and a verb of writing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailhub.message.month_names import MONTHS
from mailhub.message.quoted_phrases import (
    DEVICES,
    FOOTERS,
    FORWARDS,
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
_BRACKETED = re.compile(r"[<(\[][^\s<>()\[\]]{1,64}@[^\s<>]{1,255}|mailto:")
_RAW_FIELD = re.compile(
    r"(?:content|x|mime|message|list|return|received|sender|references|in-reply|user)(?:-[\w-]{1,40}+)?:",
    re.IGNORECASE,
)
_CONTACT = re.compile(r"@|www\.|https?:|\+?\d[\d ()/.-]{5,20}\d")
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
    """The lines with a plain quote mark before "AB> ", the initials that The Bat! and Agent mark quotes with, and "| ".

    Only where an attribution stands above the first of them: shells and data bases prompt like that too.
    """
    first = next((index for index, line in enumerate(lines) if _is_other_mark(line)), None)
    if first is None:
        return lines
    above = next(
        (lines[index] for index in range(first - 1, max(first - 5, -1), -1) if lines[index].strip()), ""
    )
    if not ((above.rstrip().endswith(_COLONS) and _says_wrote(above)) or is_date_line(above)):
        return lines
    return [f">{line}" if _is_other_mark(line) else line for line in lines]


def _is_other_mark(line: str) -> bool:
    """Whether a line begins with a quote mark other than ">"; a row of a table ends as it begins."""
    if line[:1] == "|":
        return not line.rstrip().endswith("|") or len(line.strip()) == 1
    return ">" in line[1:5] and _INITIALS.match(line) is not None


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
        if opening and is_attribution(joined):
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


def opens_attribution(line: str) -> bool:
    """Whether a line may be the first of an attribution that was broken into several."""
    return bool(line) and _opening(line) > 0


def is_attribution(text: str) -> bool:
    """Whether a text, its lines joined, is an attribution in its full form: with an address or date, and a
    verb or both.
    """
    if not text.endswith(_COLONS) and not text.endswith((":*", ":_")):
        return False
    address = ("@" in text or "mailto" in text) and _ADDRESS.search(text) is not None
    date = _DATE.search(text) is not None or _TIME.search(text) is not None
    if address and date and _ADDRESSED.search(text) is not None:
        return True
    return (address or date or text[:10].lower().startswith("quoting ")) and _says_wrote(text)


def introduces_unmarked(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether an attribution whose quote has no marks is one: it names an address in brackets, or stands
    apart and names a day, a time and somebody. "On Monday your colleague wrote:" in a letter does not.
    """
    text = " ".join(plain(unquoted(line)) for line in lines[start:end])
    if _BRACKETED.search(text) is not None and (_TIME.search(text) is not None or _says_wrote(text)):
        return True
    apart = (start == 0 or not lines[start - 1].strip()) and (end >= len(lines) or not lines[end].strip())
    dated = _DATE.search(text) is not None and _TIME.search(text) is not None
    return (apart and dated and _names_somebody(text)) or text[:10].lower().startswith("quoting ")


def _names_somebody(text: str) -> bool:
    """Whether a word behind the first is written like a name; in scripts without cases every word may be one."""
    words = [word.strip(_PUNCTUATION) for word in text.split()[1:]]
    return any(
        word[:1].isupper()
        and len(word) > 1
        and word.lower() not in WEEKDAYS
        and word.lower() not in MONTHS
        and not word.isupper()
        for word in words
    ) or any(verb in text for verb in _WROTE_INSIDE)


def is_date_line(line: str) -> bool:
    """Whether a line is a date with a time or an address and little else ("Tue, 3 Mar 2026 9:14 Ben Ode <...>")."""
    text = plain(unquoted(line))
    if len(text) > 120 or _DATE.search(text) is None:
        return False
    if _TIME.search(text) is None and _BRACKETED.search(text) is None:
        return False
    word = text.split(None, 1)[0].strip(_PUNCTUATION).lower()
    return word in OPENERS or word in WEEKDAYS or text[0].isdigit() or _BRACKETED.search(text) is not None


def is_header_of_mail(block: Sequence[str]) -> bool:
    """Whether a block of From, To, Date ... is a mail's: it has an address, or all its fields and a time of day."""
    text = " ".join(block)
    if _ADDRESS.search(text) is not None:
        return True
    roles = {role(line) for line in block}
    return _is_marked(block) or (
        roles >= {"from", "date", "to", "subject"} and _TIME.search(text) is not None
    )


def is_raw_field(lines: Sequence[str], index: int) -> bool:
    """Whether a field stands here that programs leave out of quotes: then somebody shows a mail's header itself."""
    return index < len(lines) and _RAW_FIELD.match(lines[index]) is not None


def _is_marked(block: Sequence[str]) -> bool:
    """Whether the names of the fields are bold, as programs write them into text."""
    return sum(line.lstrip().startswith("*") for line in block) > 1


def is_forward(line: str) -> bool:
    """Whether a separator stands above a mail that was sent on, not above one that is answered."""
    inner = plain(line).strip("-_=*># \t—–―─:").lower()
    return inner in FORWARDS or inner.startswith(("forwarded ", "begin forwarded"))


def names_a_device(line: str) -> bool:
    """Whether a line names a phone, a tablet or a mail program."""
    text = line.lower()
    return any(device in text for device in DEVICES)


def is_no_sentence(line: str) -> bool:
    """Whether a line neither ends like a sentence nor holds a figure."""
    text = plain(line)
    return text[-1:] not in ".!?:。！？" and not any(character.isdigit() for character in text)


def is_link_or_device(line: str) -> bool:
    """Whether a line belongs to what a phone signs with: the app's link, or a line of the same kind."""
    text = plain(line)
    return text.startswith(("<http", "http", "(http", "[http")) or (names_a_device(text) and len(text) < 60)


def is_fact(line: str) -> bool:
    """Whether a line tells something: a name and a value that is no way to reach anybody, a question, a sentence."""
    text = plain(line)
    name, colon, value = text.partition(":")
    if text.endswith("?") or (text.endswith((".", "!")) and len(text.split()) > _SIGNED_WORDS // 2):
        return True
    return bool(colon and name and len(name) < 40 and value.strip() and not is_contact(text))


def is_contact(line: str) -> bool:
    """Whether a line says how to reach somebody: an address, a link, a number to call."""
    return _CONTACT.search(line) is not None


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


def bare_block_end(lines: Sequence[str], start: int) -> int | None:
    """One past a header block whose labels have no colons (eM Client: "Van "Support" <address>"); None for none.

    Words begin like labels often, so it takes an address behind the one of From and three fields one below the other.
    """
    seen: set[str] = set()
    end = start

    for index in range(start, min(len(lines), start + HEADER_LINES)):
        found = _bare_role(lines[index])
        if found is None or (found == "from" and _ADDRESS.search(lines[index]) is None):
            break
        seen.add(found)
        end = index + 1

    return end if "from" in seen and len(seen - {"cc"}) >= 3 else None


def _bare_role(line: str) -> str | None:
    words = plain(line[:40]).strip(_MARKDOWN).lower().split()
    return next((ROLE_OF[name] for count in (1, 2) if (name := " ".join(words[:count])) in ROLE_OF), None)


def is_framed(line: str) -> bool:
    """Whether a line is a few words between dashes."""
    return line.startswith("---") and line.endswith("---") and 0 < len(line.strip("- ")) < 60


def _continues(line: str) -> bool:
    return line[:1] in " \t" or "@" in line or line.rstrip().endswith((";", ",", ">"))


def is_separator(line: str) -> bool:
    """Whether the line is a "-----Original Message-----" in any of its languages, or Notes' "-----X wrote: -----"."""
    inner = plain(line).strip("-_=*># \t—–―─:").lower()
    if inner in SEPARATORS or inner.startswith(("forwarded message fr", "forwarded by ")):
        return True
    return line.startswith("---") and line.endswith("---") and len(inner) < 200 and _says_wrote(inner)


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

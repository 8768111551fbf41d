"""Finds where the quoted part begins in an HTML mail, by the elements mail programs put there. Pure: plain searches.

Sources: the markup that Gmail, Thunderbird, Outlook (desktop, web, mobile), Yahoo, Apple Mail, GMX,
ProtonMail, Tutanota, Zimbra, Zoho, QQ/Foxmail, Mail.ru write around a quote. Nothing of the HTML is shown, so
nothing is sanitised.
"""

from __future__ import annotations

import html as _html
import re

# Markers by a piece that all of a group have: one search tells most mail from all of the group.
MARKERS = {
    "uote": (
        'class="gmail_quote',
        "yahoo_quoted",
        'class="protonmail_quote',
        'class="tutanota_quote',
        'name="quote"',
        'id="replyBlockquote',
        'class="AppleMailQuote',
        'class="quotedMessage',
        'class="uikit-quote',
        'class="ox-quote',
        'class="front-blockquote',
        "<blockquote type=cite",
    ),
    "cite": ('type="cite"', "type='cite'", 'class="moz-cite-prefix'),
    "moz-forward": ('class="moz-forward-container',),
    "RplyFwdMsg": ('divRplyFwdMsg"',),
    "appendonsend": ('appendonsend"',),
    "reference-message": ('id="ms-outlook-mobile-reference-message', 'id="mail-editor-reference-message'),
    "SRC_BODY": ('id="OLK_SRC_BODY_SECTION',),
    "isReply": ('id="isReplyContent',),
    "isForward": ('id="isForwardContent',),
    "reply-intro": ('id="reply-intro',),
    "zmail_extra": ('class="zmail_extra',),
    "zwchr": ('id="zwchr', 'data-marker="__QUOTED_TEXT__"'),
    "border-top:solid": ("border:none;border-top:solid ", "border-top:solid #"),
    "0857A6": ("border-left:1px solid #0857A6",),
}
_FINGERPRINT = 48  # characters, white space aside, by which the place is found again in the text
_WINDOW = 6_000
_STRONG = 96  # between the channels of a colour; the dark blue Outlook writes answers in by itself has 94
_NAMED_COLOURS = {
    "red": "ff0000", "blue": "0000ff", "green": "008000", "purple": "800080", "orange": "ffa500", "magenta": "ff00ff",
    "fuchsia": "ff00ff", "maroon": "800000", "teal": "008080", "crimson": "dc143c", "darkred": "8b0000",
    "darkblue": "00008b", "darkgreen": "006400", "brown": "a52a2a", "lime": "00ff00", "violet": "ee82ee",
}  # fmt: skip
_OPENING = re.compile(r"<blockquote\b", re.IGNORECASE)
_BLOCKQUOTE = re.compile(r"<(/?)blockquote\b[^<>]{0,2000}+>", re.IGNORECASE)
_ELEMENT = re.compile(r"<(/?)(a|font|span|p|div|b|i|u|strong|em|td|li)\b[^<>]{0,2000}+>", re.IGNORECASE)
_COLOUR = re.compile(
    r"(?<![\w-])color\s{0,4}:\s{0,4}(#[0-9a-f]{3,6}|rgb\([\d, ]{5,20}\)|[a-z]{3,20})"
    r"|\bcolor\s{0,4}=\s{0,4}[\"']?(#?[0-9a-z]{3,20})",
    re.IGNORECASE,
)
_SKIPPED = re.compile(r"<(?:style|script|head)\b[^>]{0,500}>[^<]{0,4000}</", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")


def quote_offset(html: str) -> int | None:
    """Offset of the tag that opens the quoted part, None when no known mark is there."""
    markers = [marker for piece, group in MARKERS.items() if piece in html for marker in group]
    places = [place for marker in markers if (place := html.find(marker)) >= 0]
    if not places:
        return None
    return max(0, html.rfind("<", 0, min(places)))


def goes_on_below(html: str) -> bool:
    """Whether text stands behind the end of the quoting element, outside of other such: then nothing is cut there."""
    offset = quote_offset(html)
    if offset is None or _OPENING.match(html, offset) is None:
        return False

    depth = 0
    last = offset
    for match in _BLOCKQUOTE.finditer(html, offset):
        if depth == 0 and last > offset and _has_words(html[last : match.start()]):
            return True
        depth += -1 if match[1] else 1
        last = match.end()
        if depth < 0:
            return False

    return depth == 0 and last > offset and _has_words(html[last:])


def has_coloured_words(html: str) -> bool:
    """Whether words of the quoted part have a strong colour of their own, by which people answer in Outlook.

    Links aside; greys and the dark blue Outlook writes in by itself are no answers.
    """
    offset = quote_offset(html)
    if offset is None:
        return False

    links = 0
    for match in _ELEMENT.finditer(html, offset):
        name = match[2].lower()
        if name == "a":
            links = max(0, links + (-1 if match[1] else 1))
        elif not match[1] and not links and (colour := _COLOUR.search(match[0])) is not None:
            following = html[match.end() : match.end() + _WINDOW]
            if _is_strong(colour[1] or colour[2]) and _has_words(following.partition("</" + name)[0]):
                return True
    return False


def _has_words(piece: str) -> bool:
    text = _html.unescape(_TAG.sub(" ", _SKIPPED.sub(" ", piece)))
    return any(character.isalnum() for character in text)


def _is_strong(colour: str) -> bool:
    if colour[:4].lower() == "rgb(":
        parts = [int(part) for part in colour[4:-1].replace(" ", "").split(",") if part]
        return len(parts) == 3 and max(parts) - min(parts) >= _STRONG

    value = _NAMED_COLOURS.get(colour.lower(), colour.lower().lstrip("#"))
    if len(value) == 3:
        value = "".join(2 * digit for digit in value)
    if len(value) != 6 or not all(digit in "0123456789abcdef" for digit in value):
        return False
    channels = [int(value[at : at + 2], 16) for at in (0, 2, 4)]
    return max(channels) - min(channels) >= _STRONG


def quote_line(text: str, html: str) -> int | None:
    """The line of ``text`` (rendered from, or sent beside, ``html``) with which the quoted part begins."""
    offset = quote_offset(html)
    if offset is None:
        return None
    print_ = _squash(_html.unescape(_TAG.sub(" ", _SKIPPED.sub(" ", html[offset : offset + _WINDOW]))))[
        :_FINGERPRINT
    ]
    if len(print_) < 12:
        return None
    return _line_of(text, print_)


def _line_of(text: str, print_: str) -> int | None:
    lines = [_squash(line) for line in text.split("\n")]
    place = "".join(lines).find(print_)
    if place < 0:
        return None

    at = 0
    for number, line in enumerate(lines):
        if line and at == place:
            return number
        if at > place:
            return None
        at += len(line)

    return None


def _squash(text: str) -> str:
    return "".join(text.replace(">", "").split())

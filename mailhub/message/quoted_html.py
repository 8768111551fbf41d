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
_SKIPPED = re.compile(r"<(?:style|script|head)\b[^>]{0,500}>[^<]{0,4000}</", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]{0,2000}>")


def quote_offset(html: str) -> int | None:
    """Offset of the tag that opens the quoted part, None when no known mark is there."""
    markers = [marker for piece, group in MARKERS.items() if piece in html for marker in group]
    places = [place for marker in markers if (place := html.find(marker)) >= 0]
    if not places:
        return None
    return max(0, html.rfind("<", 0, min(places)))


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

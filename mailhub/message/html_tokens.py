"""HTML to tags and text. Job: cut a page into tokens as a browser would cut it, in linear time, on any input.

Comments, declarations, scripts and style sheets are passed over; what cannot be a tag is text. Must not:
build a tree, decode character references, raise. Source: HTML Living Standard 13.2.5 (tokenisation), eased in
what mail never needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Token = tuple[
    str, str, str, str
]  # (text before the tag, "/" of an end tag, name in lower case or "", attributes as written)

# Quoted values may hold ">". Bounded in length and number, so that a tag that never ends costs a constant;
# what is over ends at the first ">" (_LOOSE), which is right for the one common case, images in data: URLs.
_TAG = re.compile(
    r"""([^<]*+)<(/?)([a-zA-Z][^\s/>]{0,63})"""
    r"""([^"'>]*+(?:(?:"[^"]{0,4096}+"|'[^']{0,4096}+')[^"'>]{0,4096}+){0,40}+)>"""
)
_MARK = re.compile(r"<[a-zA-Z!?/]")
_LOOSE = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,63})([^>]*+)>")
_SKIPPED = frozenset(("script", "style", "title", "iframe"))  # their content is no text of the page
_PLAIN = frozenset(("xmp", "noembed", "noframes"))  # their content is text, not markup
_CLOSING = {name: re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE) for name in _SKIPPED | _PLAIN}


def tokens(html: str) -> Iterator[Token]:
    """The tokens of a page in order; the last one may be text alone. Linear in ``html``; never raises."""
    match = _TAG.match
    position = 0

    while True:
        found = match(html, position)
        if found is None:
            token, position = _odd(html, position)
            text, slash, name, attributes = token
            if position < 0:
                yield token
                return
        else:
            text, slash, name, attributes = found.groups()
            position = found.end()
        name = name.lower()
        if not slash and name in _CLOSING:
            inside, position = _raw(html, name, position)
            yield text, "", "", ""
            yield inside, "", "", ""
            continue
        yield text, slash, name, attributes


def _odd(html: str, position: int) -> tuple[Token, int]:
    """Text up to the next markup and what stands there when it is no sound tag; position -1 at the end of the page."""
    mark = _MARK.search(html, position)
    if mark is None:
        return (html[position:], "", "", ""), -1

    at = mark.start()
    text = html[position:at]
    if html.startswith("<!--", at):
        return (text, "", "", ""), _past(html, "-->", at + 2)

    loose = _LOOSE.match(html, at)
    if loose is not None:
        return (text, loose[1], loose[2], loose[3]), loose.end()

    return (text, "", "", ""), _past(html, ">", at)


def _past(html: str, mark: str, position: int) -> int:
    end = html.find(mark, position)
    return end + len(mark) if end >= 0 else len(html)


def _raw(html: str, name: str, position: int) -> tuple[str, int]:
    """(text, position) of an element whose content is not markup; it ends with the page when it is not closed."""
    closing = _CLOSING[name].search(html, position)
    end = closing.start() if closing else len(html)
    return (html[position:end] if name in _PLAIN else ""), end

"""HTML for display. Job: what an agent's browser may be given of a stranger's page: no script, form, frame or
style attack, nothing fetched from elsewhere; formatting, tables, links and inline cid: images stay.

Two nets. First our own: the page is cut into tokens and written anew from an allow-list, balanced and at most
limits.HTML_DEPTH deep, because every tree builder is quadratic in depth (200 KB of nested div: 9 s). Then nh3
(html5ever) parses the result as a browser would and keeps what its own allow-list knows. What one misreads the other
still sees.
Must not: fetch, keep remote images, raise. Sources: HTML Living Standard 13.2, OWASP XSS filter evasion.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape

import nh3

from mailhub.message import html_style, limits
from mailhub.message.html_tokens import tokens
from mailhub.message.values import TEXT_BYTES

_VOID = frozenset(("br", "col", "hr", "img", "wbr"))
_TAGS = _VOID | frozenset(
    """
    a abbr address article aside b bdi bdo big blockquote caption center cite code colgroup dd del details dfn
    div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header i ins kbd li main mark ol p pre q s samp
    section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var
    """.split()  # noqa: SIM905 - a list of words is read as words
)
_PLAIN_ATTRIBUTES = frozenset(
    """
    align alt bgcolor border cellpadding cellspacing char charoff color cols colspan compact datetime dir face
    headers height hspace lang noshade nowrap reversed rowspan rules scope size span start summary title type
    valign value vspace width
    """.split()  # noqa: SIM905 - a list of words is read as words
)
_ATTRIBUTES = {"*": set(_PLAIN_ATTRIBUTES | {"style"}), "a": {"href"}, "img": {"src"}, "q": {"cite"}}
_DROPPED = frozenset(
    ("head", "template", "noscript", "object", "svg", "math", "select", "textarea", "audio", "video")
)
_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^\s\x00-\x20]", re.IGNORECASE)
_STYLES = frozenset(
    """
    background-color border border-bottom border-collapse border-color border-left border-radius border-right
    border-spacing border-style border-top border-width color direction font font-family font-size font-style
    font-variant font-weight height letter-spacing line-height list-style-type margin margin-bottom margin-left
    margin-right margin-top max-width min-width padding padding-bottom padding-left padding-right padding-top
    text-align text-decoration text-indent text-transform unicode-bidi vertical-align white-space width
    word-break word-spacing
    """.split()  # noqa: SIM905 - a list of words is read as words
)
# words, numbers, lengths, quoted families and colour functions: no url(), no expression, no escape, no
# comment, no minus sign ahead of a number (text pushed over our own page)
_STYLE_VALUE = re.compile(
    r"(?:[\w#%.,\s'\"!]|(?<=\w)-(?=\w)|rgba?\([\d.,%\s]{1,40}\)|hsla?\([\d.,%\s]{1,40}\)){1,200}"
)
_NUMBER = re.compile(r"\d{4,}")  # a box of 10,000 pixels covers the page
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTENT_ID = re.compile(r"cid:\s*<?([^<>\s]{1,512})>?", re.IGNORECASE)


def clean(html: str, cid_urls: Mapping[str, str]) -> str:
    """A fragment of HTML that is safe to show. Reads at most ``TEXT_BYTES`` characters; never raises; linear.

    ``cid_urls`` maps the Content-ID of an inline image (without < >) to the URL we serve it from, relative or https;
    every other image loses its source and keeps its alternative text.
    """
    written = _Writer(cid_urls).write(_CONTROLS.sub("", html[:TEXT_BYTES]))
    return nh3.clean(
        written,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )


class _Writer:
    """The page written anew: allowed tags only, balanced, bounded in depth."""

    def __init__(self, cid_urls: Mapping[str, str]) -> None:
        self.cid_urls = cid_urls
        self.out: list[str] = []
        self.stack: list[str] = []
        self.open: dict[str, int] = {}
        self.dropped: list[str] = []  # open elements whose content is dropped with them

    def write(self, html: str) -> str:
        for text, slash, name, attributes in tokens(html):
            if text and not self.dropped:
                self.out.append(text.replace("<", "&lt;").replace(">", "&gt;"))
            if slash:
                self._end(name)
            elif name:
                self._start(name, attributes)
        self.out += [f"</{name}>" for name in reversed(self.stack)]
        return "".join(self.out)

    def _start(self, name: str, attributes: str) -> None:
        if name in _DROPPED:
            if len(self.dropped) < limits.HTML_DEPTH and not attributes.endswith("/"):
                self.dropped.append(name)
            return

        if name == "body":
            self.dropped.clear()  # an unclosed head ends where the body begins
        if self.dropped or name not in _TAGS:
            return

        if name not in _VOID:
            if len(self.stack) >= limits.HTML_DEPTH:
                return
            self.stack.append(name)
            self.open[name] = self.open.get(name, 0) + 1

        self.out.append(f"<{name}{self._attributes(name, attributes) if attributes else ''}>")

    def _end(self, name: str) -> None:
        if self.dropped:
            if name in self.dropped:
                del self.dropped[self.dropped.index(name) :]
            return

        if not self.open.get(name):
            return

        while True:
            last = self.stack.pop()
            self.open[last] -= 1
            self.out.append(f"</{last}>")
            if last == name:
                return

    def _attributes(self, tag: str, written: str) -> str:
        kept = []
        for name, value in html_style.attributes(written).items():
            safe = self._value(tag, name, value)
            if safe is not None:
                kept.append(f' {name}="{escape(safe)}"')
        return "".join(kept)

    def _value(self, tag: str, name: str, value: str) -> str | None:
        """The value to keep; None drops the attribute."""
        value = _CONTROLS.sub("", value)
        if name == "style":
            return style(value) or None
        if name == "href":
            return value.strip() if tag == "a" and _LINK.match(value.strip()) else None
        if name == "src":
            return self._image(value) if tag == "img" else None
        return value[:1024] if name in _PLAIN_ATTRIBUTES else None

    def _image(self, value: str) -> str | None:
        match = _CONTENT_ID.fullmatch(value.strip())
        return self.cid_urls.get(match[1]) if match else None


def style(text: str) -> str:
    """The declarations of a style attribute that only format text; "" when none is left."""
    kept = []
    for declaration in unescape(text[:4096]).split(";"):
        name, colon, value = declaration.partition(":")
        name = name.strip().lower()
        value = value.strip()
        sound = colon and name in _STYLES and _STYLE_VALUE.fullmatch(value) and not _NUMBER.search(value)
        if sound and value.count('"') % 2 == 0 and value.count("'") % 2 == 0:
            kept.append(f"{name}: {value}")
    return "; ".join(kept)

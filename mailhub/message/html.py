"""HTML to what its reader sees. Job: readable text, the text that is hidden from the reader, and the links.

An own tokeniser and one pass. Only elements that change something for the text inside (hidden, coloured,
quoted, listed, linked) are kept on an explicit stack, so any depth costs the same: no recursion, linear in
the length. inscriptis and lexbor were measured first: one loses all text beyond 256 levels, the other is
quadratic in them. Must not: render for display (sanitise.py does), fetch, raise.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import unescape

from mailhub.message import headers, html_style, limits
from mailhub.message.html_lines import Lines
from mailhub.message.html_tokens import tokens

_BLOCK = frozenset(
    """
    address article aside blockquote body center dd details dir div dl dt fieldset figcaption figure footer form
    h1 h2 h3 h4 h5 h6 header hr html li main menu nav ol p pre section summary table tbody tfoot thead tr ul
    caption
    """.split()  # noqa: SIM905 - a list of words is read as words
)
_APART = frozenset(
    "p h1 h2 h3 h4 h5 h6 ul ol table blockquote dl pre".split()  # noqa: SIM905 - a list of words is read as words
)  # set apart by an empty line
_VOID = frozenset(
    "area base col embed input link meta param source track wbr basefont bgsound frame".split()  # noqa: SIM905 - a list of words is read as words
)
_KEEPING = frozenset(  # elements that change the lines inside, or hide them
    ["a", "blockquote", "ul", "ol", "menu", "dir", "pre", "template", "select", "datalist"]
)
_HIDDEN = frozenset(["template", "select", "datalist"])


def _tells(attributes: str) -> bool:
    """Whether attributes, not yet taken apart, can matter to the reader."""
    lowered = attributes.lower()
    return (
        "style" in lowered
        or "color" in lowered
        or "hidden" in lowered
        or "background" in lowered
        or "text" in lowered
    )


@dataclass(slots=True)
class _Element:
    """An open element that matters for the text inside it."""

    name: str
    hidden: bool
    white: bool
    ground: bool
    href: str = ""
    start: int = 0  # pieces of text written before it


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. ``flags``: "html-depth" and "html-links", the bounds that were hit."""

    text: str
    hidden: str
    links: tuple[str, ...]
    flags: tuple[str, ...]


def to_text(html: str) -> tuple[str, str, tuple[str, ...]]:
    """(text as read, text hidden from the reader, links in order). Never raises; linear in ``html``."""
    page = read(html)
    return page.text, page.hidden, page.links


def read(html: str) -> Page:
    """The page; never raises; linear in ``html``, whatever is nested in it."""
    reader = _Reader(html)
    reader.feed()
    flags = tuple(dict.fromkeys(reader.flags))
    return Page(reader.shown.text(), reader.unseen.text(), tuple(dict.fromkeys(reader.links)), flags)


class _Reader:
    """One pass over one page."""

    def __init__(self, html: str) -> None:
        self.html = html.replace("\0", "") if "\0" in html else html
        self.shown = Lines()
        self.unseen = Lines()
        self.lines = self.shown  # where text goes now
        self.links: list[str] = []
        self.flags: list[str] = []
        self.stack: list[_Element] = []
        self.kept: dict[str, int] = {}  # how many elements of a name are on the stack

    def feed(self) -> None:
        for text, slash, name, attributes in tokens(self.html):
            if text:
                self.lines.write(unescape(text) if "&" in text else text)
            if slash:
                self._end(name)
            elif name:
                self._start(name, attributes)

    def _start(self, name: str, attributes: str) -> None:
        lines = self.lines
        if name == "br":
            lines.line_break()
            return

        if name == "img":
            alternative = html_style.attributes(attributes).get("alt", "").strip() if attributes else ""
            if alternative:
                lines.write(f" {alternative} ")
            return

        if name in _VOID:
            return

        if name in _BLOCK:
            self._block(name)
        elif name in ("td", "th"):
            lines.blank = lines.blank or not lines.newlines

        if name in _KEEPING or self.kept.get(name) or (attributes and _tells(attributes)):
            self._keep(name, attributes)

    def _block(self, name: str) -> None:
        lines = self.lines
        if name == "li":
            lines.item()
        elif name == "hr":
            lines.rule()
        else:
            lines.end_line(2 if name in _APART and not lines.lists else 1)

    def _keep(self, name: str, attributes: str) -> None:
        """Put an element on the stack; beyond the bound it is read as if it were not there."""
        if len(self.stack) >= limits.HTML_DEPTH:
            self.flags.append("html-depth")
            return

        values = html_style.attributes(attributes) if attributes else {}
        parent = self.stack[-1] if self.stack else None
        white = parent is not None and parent.white
        ground = parent is not None and parent.ground
        if values:
            white, ground = html_style.colours(values, white=white, ground=ground)
        hidden = (parent is not None and parent.hidden) or name in _HIDDEN or html_style.hides(values)
        hidden = hidden or (white and not ground)
        self.lines = self.unseen if hidden else self.shown
        href = self._link(values.get("href", "")) if name == "a" and values else ""
        self.stack.append(_Element(name, hidden, white, ground, href, len(self.lines.out)))
        self.kept[name] = self.kept.get(name, 0) + 1
        self._open_lines(name)

    def _open_lines(self, name: str) -> None:
        lines = self.lines
        if name == "blockquote":
            lines.quote += 1
        elif name == "ol":
            lines.lists.append(0)
        elif name in ("ul", "menu", "dir"):
            lines.lists.append(-1)
        elif name == "pre":
            lines.preformatted += 1

    def _link(self, href: str) -> str:
        href = headers.clean(href).strip()
        if not href or href.startswith("#") or href[:11].lower() == "javascript:":
            return ""
        if len(self.links) >= limits.LINKS:
            self.flags.append("html-links")
        else:
            self.links.append(href[:4096])
        return href

    def _end(self, name: str) -> None:
        if self.kept.get(name):
            while True:
                element = self.stack.pop()
                self.kept[element.name] -= 1
                self._close(element)
                if element.name == name:
                    break
            self.lines = self.unseen if self.stack and self.stack[-1].hidden else self.shown

        lines = self.lines
        if name in ("td", "th"):
            lines.blank = True
        elif name in _BLOCK or name == "br":
            lines.end_line(2 if name in _APART and not lines.lists else 1)

    def _close(self, element: _Element) -> None:
        lines = self.unseen if element.hidden else self.shown

        name = element.name
        if name == "a" and element.href and not element.hidden:
            self._show_link(element)
        elif name == "blockquote":
            lines.end_line(1)
            lines.quote = max(lines.quote - 1, 0)
        elif name in ("ul", "ol", "menu", "dir") and lines.lists:
            lines.lists.pop()
        elif name == "pre":
            lines.preformatted = max(lines.preformatted - 1, 0)

    def _show_link(self, element: _Element) -> None:
        """A link's address stands behind its text unless it says nothing more than the text does."""
        said = "".join(self.shown.out[element.start : element.start + 64])
        target = element.href.removeprefix("mailto:").removeprefix("tel:")[:2048]
        bare = target.removeprefix("http://").removeprefix("https://").removeprefix("www.").rstrip("/")
        if (
            element.href.startswith(("http:", "https:", "mailto:", "ftp:"))
            and said.strip()
            and bare not in said
        ):
            self.shown.write(f" <{target}>")

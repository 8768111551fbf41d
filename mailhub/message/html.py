"""HTML to what its reader sees. Job: readable text, the text that is hidden from the reader, and the links.

An own tokeniser and one pass: every browser trick that hides text in spam (display:none, zero size, white on white) is
told apart by the style of the element it stands in, at any depth and without recursion; cost is linear in the length.
Must not: render for display (sanitise.py does), fetch, raise. Source: HTML Living Standard 13.2.5 (tokenisation), eased:
what cannot be a tag is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from mailhub.message import headers, limits

_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]{0,63})((?:[^"'>]|"[^"]{0,4096}"|'[^']{0,4096}')*+)>""")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,63})([^>]*)>")
_ATTRIBUTE = re.compile(r"""([a-zA-Z:_-]{1,64})\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s>"']+))""")
_SPACE = re.compile(r"[ \t\n\r\f]+")
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0*(?:\.0+)?(?:[01](?:px|pt)|0(?:em|%|rem)?)\s*(?:[;!]|$)"
    r"|opacity\s*:\s*0(?:\.0+)?\s*(?:[;!]|$)|mso-hide\s*:\s*all|(?:max-)?(?:height|width)\s*:\s*0(?:px|pt|em)?\s*(?:[;!]|$)"
    r"|text-indent\s*:\s*-\d{3,}|(?:left|top)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"(?:^|[;\s\"'])(?:color)\s*:\s*([^;\"']+)", re.IGNORECASE)
_BACKGROUND = re.compile(r"background(?:-color)?\s*:\s*([^;\"']+)", re.IGNORECASE)
_WHITES = frozenset("#fff #ffffff white #fefefe #fdfdfd rgb(255,255,255) #fffffe #fffeff".split())

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr basefont bgsound frame".split())
_RAW = frozenset(
    "script style title noscript textarea xmp iframe noembed noframes template svg math object select".split()
)
_BLOCK = frozenset(
    "address article aside blockquote body center dd details dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 "
    "h6 header hr html li main menu nav ol p pre section summary table tbody tfoot thead tr ul caption".split()
)
_GAP = frozenset("p h1 h2 h3 h4 h5 h6 ul ol table blockquote dl pre".split())  # set apart by an empty line


@dataclass(slots=True)
class _Element:
    """One open element."""

    name: str
    hidden: bool
    href: str = ""
    white: bool = False  # text colour is white
    dark: bool = False  # some background colour that is not white is set


@dataclass(slots=True)
class _Writer:
    """Lines of text as they grow. ``quote`` is the depth of blockquotes."""

    out: list[str] = field(default_factory=list)
    newlines: int = 2  # line ends at the foot of ``out``; 2 = nothing to separate
    blank: bool = False  # a blank is owed before the next word
    quote: int = 0
    lists: list[int] = field(default_factory=list)  # -1 bullets, else the last number
    preformatted: int = 0
    anchor: int = 0  # len(out) when the open link began

    def break_line(self, wanted: int) -> None:
        while self.newlines < wanted:
            self.out.append("\n")
            self.newlines += 1
        self.blank = False

    def write(self, text: str) -> None:
        if self.preformatted:
            self._verbatim(text)
            return
        leading = text[:1] in " \n\t\r\f"
        words = _SPACE.sub(" ", text).strip(" ")
        if not words:
            self.blank = self.blank or (leading and not self.newlines)
            return
        if self.newlines:
            self._margin()
        elif self.blank or leading:
            self.out.append(" ")
        self.out.append(words)
        self.newlines = 0
        self.blank = text[-1:] in " \n\t\r\f"

    def _verbatim(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self.out.append("\n")
                self.newlines += 1
            if line:
                if self.newlines:
                    self._margin()
                self.out.append(line)
                self.newlines = 0

    def _margin(self) -> None:
        if self.quote:
            self.out.append("> " * min(self.quote, 20))


def to_text(html: str) -> tuple[str, str, tuple[str, ...]]:
    """(text as read, text hidden from the reader, links in order). Never raises; linear in ``html``."""
    text, hidden, links, _ = read(html)
    return text, hidden, links


def read(html: str) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """As ``to_text``, with flags: "html-depth" when elements nest deeper than limits.HTML_DEPTH, "html-links"."""
    reader = _Reader()
    reader.feed(html)
    links = tuple(reader.links)
    return _tidy(reader.shown.out), _tidy(reader.hidden.out), links, tuple(reader.flags)


def _tidy(pieces: list[str]) -> str:
    text = "".join(pieces).replace("\0", "").replace("\xa0", " ")
    return "\n".join([line.rstrip() for line in text.split("\n")]).strip("\n") if text else ""


class _Reader:
    """The state of one pass: open elements, the two writers, links."""

    def __init__(self) -> None:
        self.shown = _Writer()
        self.hidden = _Writer()
        self.links: list[str] = []
        self.flags: list[str] = []
        self.stack: list[_Element] = []
        self.open: dict[str, int] = {}  # how many of each name are on the stack
        self.now_hidden = False

    def feed(self, html: str) -> None:
        position = 0
        find = html.find
        while True:
            at = find("<", position)
            if at < 0:
                self._text(html[position:])
                return
            if at > position:
                self._text(html[position:at])
            position = self._markup(html, at)

    def _text(self, text: str) -> None:
        if not text:
            return
        if "&" in text:
            text = unescape(text)
        (self.hidden if self.now_hidden else self.shown).write(text)

    def _markup(self, html: str, at: int) -> int:
        """Handle what stands at "<"; returns the position behind it."""
        match = _TAG.match(html, at)
        if match is None:
            return self._other(html, at)
        name = match[2].lower()
        if match[1]:
            self._end(name)
            return match.end()
        if name in _RAW:
            return self._raw(html, name, match.end())
        self._start(name, match[3])
        return match.end()

    def _other(self, html: str, at: int) -> int:
        """Comments, declarations, conditional comments, broken tags and lone "<"."""
        if html.startswith("<!--", at):
            end = html.find("-->", at + 4)
            return end + 3 if end >= 0 else len(html)
        following = html[at + 1 : at + 2]
        if following and following in "!?/":
            end = html.find(">", at)
            return end + 1 if end >= 0 else len(html)
        loose = _LOOSE_TAG.match(html, at) if following.isascii() and following.isalpha() else None
        if loose is not None:
            return loose.end()
        if following.isalpha() and ">" not in html[at : at + 8192]:
            return len(html) if html.find(">", at) < 0 else html.find(">", at) + 1
        self._text("<")
        return at + 1

    def _raw(self, html: str, name: str, position: int) -> int:
        """Skip an element whose content is not text of the page; ends with the document when it is not closed."""
        if name in ("noscript", "textarea", "svg", "math", "object", "select", "template"):
            self._start(name, "")
            return position
        end = _closing(html, name, position)
        if name in ("noembed", "noframes", "xmp"):
            self._text(html[position:end])
        return end

    def _start(self, name: str, attributes: str) -> None:
        values = _attributes(attributes) if attributes else {}
        if name == "br":
            self._writer().break_line(self._writer().newlines + 1 if self._writer().newlines < 2 else 2)
            return
        if name == "img":
            self._image(values)
            return
        if name in _BLOCK:
            self._block(name)
        if name in _VOID:
            return
        if len(self.stack) >= limits.HTML_DEPTH * 5:
            self._flag("html-depth")
            return
        if len(self.stack) == limits.HTML_DEPTH:
            self._flag("html-depth")
        hidden = self.now_hidden or self._hides(name, values)
        element = _Element(name, hidden, self._href(name, values))
        self._colours(element, values)
        self.stack.append(element)
        self.open[name] = self.open.get(name, 0) + 1
        self.now_hidden = element.hidden
        if name == "a":
            self.shown.anchor = len(self.shown.out)

    def _writer(self) -> _Writer:
        return self.hidden if self.now_hidden else self.shown

    def _hides(self, name: str, values: dict[str, str]) -> bool:
        if name in ("template", "select") or "hidden" in values:
            return True
        style = values.get("style", "")
        return bool(style) and _HIDING.search(style) is not None

    def _href(self, name: str, values: dict[str, str]) -> str:
        if name not in ("a", "area"):
            return ""
        href = headers.clean(values.get("href", "")).strip()
        if not href or href.startswith("#") or href[:11].lower() == "javascript:":
            return ""
        if len(self.links) >= limits.LINKS:
            self._flag("html-links")
        else:
            self.links.append(href[:4096])
        return href

    def _colours(self, element: _Element, values: dict[str, str]) -> None:
        """White text on no other background is hidden text; a background counts until the element is closed."""
        parent = self.stack[-1] if self.stack else None
        if parent is not None:
            element.white, element.dark = parent.white, parent.dark
        if not values:
            return
        style = values.get("style", "")
        background = _BACKGROUND.search(style) if style else None
        ground = background[1] if background else values.get("bgcolor", "") or values.get("background", "")
        if ground:
            element.dark = _plain_colour(ground) not in _WHITES | {"transparent", "none", "inherit"}
        colour = _COLOUR.search(style) if style else None
        ink = colour[1] if colour else values.get("color", "") or values.get("text", "")
        if ink:
            element.white = _plain_colour(ink) in _WHITES
        if element.white and not element.dark:
            element.hidden = True

    def _image(self, values: dict[str, str]) -> None:
        alternative = values.get("alt", "").strip()
        if alternative:
            self._writer().write(f" {alternative} ")

    def _block(self, name: str) -> None:
        writer = self._writer()
        writer.break_line(2 if name in _GAP and not writer.lists else 1)
        if name == "blockquote":
            writer.quote += 1
        elif name in ("ul", "menu", "dir"):
            writer.lists.append(-1)
        elif name == "ol":
            writer.lists.append(0)
        elif name == "li":
            self._item(writer)
        elif name == "pre":
            writer.preformatted += 1
        elif name == "hr":
            writer.write("-" * 20)
            writer.break_line(1)

    @staticmethod
    def _item(writer: _Writer) -> None:
        mark = "* "
        if writer.lists and writer.lists[-1] >= 0:
            writer.lists[-1] += 1
            mark = f"{writer.lists[-1]}. "
        writer.write("  " * min(max(len(writer.lists) - 1, 0), 10) + mark)
        writer.blank = True

    def _end(self, name: str) -> None:
        if name == "br":
            self._writer().break_line(1)
            return
        if name == "p" and not self.open.get("p"):
            self._writer().break_line(2)
        if not self.open.get(name):
            return
        while True:
            element = self.stack.pop()
            self.open[element.name] -= 1
            self._closed(element)
            if element.name == name:
                break
        self.now_hidden = self.stack[-1].hidden if self.stack else False

    def _closed(self, element: _Element) -> None:
        writer = self.hidden if element.hidden else self.shown
        name = element.name
        if name == "a" and element.href and not element.hidden:
            self._show_link(element.href)
        elif name in ("td", "th"):
            writer.blank = True
        elif name in _BLOCK:
            if name == "blockquote":
                writer.quote = max(writer.quote - 1, 0)
            elif name in ("ul", "ol", "menu", "dir") and writer.lists:
                writer.lists.pop()
            elif name == "pre":
                writer.preformatted = max(writer.preformatted - 1, 0)
            writer.break_line(2 if name in _GAP and not writer.lists else 1)

    def _show_link(self, href: str) -> None:
        """A link's address stands behind its text unless it says nothing more than the text does."""
        writer = self.shown
        said = "".join(writer.out[writer.anchor : writer.anchor + 64]).strip()
        target = href.removeprefix("mailto:").removeprefix("tel:")
        short = target.removeprefix("http://").removeprefix("https://").removeprefix("www.").rstrip("/")
        if href.startswith(("http:", "https:", "mailto:", "ftp:")) and said and short[:2048] not in said:
            writer.write(f" <{target[:2048]}> ")

    def _flag(self, flag: str) -> None:
        if flag not in self.flags:
            self.flags.append(flag)


def _attributes(text: str) -> dict[str, str]:
    """Attribute names in lower case to values with character references resolved; the first of a name wins."""
    values: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text[:65536]):
        value = double or single or bare
        values.setdefault(name.lower(), unescape(value) if "&" in value else value)
    return values


def _plain_colour(colour: str) -> str:
    return "".join(colour.lower().replace("!important", "").split())[:32]


def _closing(html: str, name: str, position: int) -> int:
    """The position behind ``</name ...>``; the end of the page when it never comes."""
    lowered = f"</{name}"
    at = position
    while True:
        at = html.find("</", at)
        if at < 0:
            return len(html)
        if html[at : at + len(lowered)].lower() == lowered:
            end = html.find(">", at)
            return end + 1 if end >= 0 else len(html)
        at += 2

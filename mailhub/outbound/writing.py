"""What an agent typed -> what the mail says: plain text, and the same as HTML where its light Markdown says more.

The plain text is what was typed. HTML is made of it by markdown-it (CommonMark) with HTML switched off and without
images, headings, rules and indented code, which plain writing falls into by chance; then it is read back by
``message.sanitise``, the two nets that a stranger's page goes through. A mail whose Markdown says nothing has no
HTML. What is quoted is not Markdown: a stranger wrote it. Pure. Must not: decide whether to quote.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from html import escape

from markdown_it import MarkdownIt

from mailhub.message import sanitise

QUOTED_CHARACTERS = 64 * 1024  # of the mail that is quoted
MARKDOWN_CHARACTERS = 64 * 1024
_NOTHING_SAID = frozenset({"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    """A mail that is quoted or passed on. ``at``: its Date, microseconds since the epoch."""

    author: str
    at: int
    text: str
    subject: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """What a mail says. ``html`` is "" where it says no more than the text."""

    text: str
    html: str


def words(text: str, *, quoted: Quoted | None = None, forward: bool = False) -> Words:
    """The whole of a mail: what was typed, and below it what it quotes or passes on."""
    introduced, passage = ("", "") if quoted is None else _passage(quoted, forward=forward)
    plain = "\n\n".join(each for each in (text, introduced and f"{introduced}\n{passage}") if each)
    own = _html(text)
    if not own:
        return Words(plain, "")

    shown = own
    if quoted is not None:
        body = _lines(quoted.text[:QUOTED_CHARACTERS])
        shown += f"<p>{_lines(introduced)}</p>\n"
        shown += f"<p>{body}</p>\n" if forward else f'<blockquote type="cite">{body}</blockquote>\n'

    return Words(plain, sanitise.clean(shown, {}))


def says_more(text: str) -> bool:
    """Whether its Markdown says something that the plain text does not show by itself."""
    return bool(_html(text))


def _html(text: str) -> str:
    """The text as HTML; "" where it holds no Markdown."""
    if len(text) > MARKDOWN_CHARACTERS:
        return ""
    reader = _reader()
    found = reader.parse(text)
    kinds = {token.type for token in found}
    kinds |= {child.type for token in found for child in token.children or ()}
    if kinds <= _NOTHING_SAID:
        return ""
    return str(reader.renderer.render(found, reader.options, {}))


@cache
def _reader() -> MarkdownIt:
    options = {"html": False, "breaks": True, "linkify": False, "typographer": False, "maxNesting": 20}
    reader = MarkdownIt("commonmark", options)
    return reader.disable(
        ["html_block", "html_inline", "image", "heading", "lheading", "hr", "code", "entity"]
    )


def _passage(quoted: Quoted, *, forward: bool) -> tuple[str, str]:
    """What introduces the quote, and the quote (RFC 3676 4.5)."""
    text = quoted.text[:QUOTED_CHARACTERS].rstrip()
    written = datetime.fromtimestamp(quoted.at // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if forward:
        head = ["---------- Forwarded message ----------", f"From: {quoted.author}", f"Date: {written}"]
        head += [f"Subject: {quoted.subject}", f"To: {quoted.to}", ""]
        return "\n".join(head), text
    lines = [f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in text.split("\n")]
    return f"On {written}, {quoted.author} wrote:", "\n".join(lines)


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>\n")

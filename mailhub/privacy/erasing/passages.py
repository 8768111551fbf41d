"""Which stretches of a text are somebody's quoted words, by the marks that mail programs set. Pure, in one pass.

    marked      lines behind ``>``, and what stands in a blockquote; the deeper, the older
    behind      unmarked, below the attribution or header block ("From: ... Sent: ...") of a mail of theirs, or
                below a separator ("-----Original Message-----"), until another one follows or the text ends
    introduced  marked or behind, and the line right above says by address alone that it is theirs

A text is read as a ``TextView``: HTML without its tags, each place leading back to the source. Only the first
``TEXT_BYTES`` characters are looked at: no more is read of any mail. Must not: judge whose words they are.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from mailhub.message import quoted_marks as marks
from mailhub.message.values import TEXT_BYTES

INTRODUCTION_LINES = 3  # an attribution is wrapped into as many lines at most
LINES = 100_000  # with something in them; what stands below is not looked at
LINE_CHARACTERS = 1_000  # of a line, to know what it is
_RULES = frozenset("-_—–=*#>")
_COLONS = (":", "：", ":*", ":_")
_PIECE = re.compile(r"<[^<>]*>|&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{2,20});?")
_BLOCK = re.compile(r"</?(?:br|p|div|tr|li|ul|ol|h[1-6]|table|hr|pre|blockquote|td)\b", re.IGNORECASE)
_LINE = re.compile(r"[^\S\n]*[^\s][^\n]*")
_MARKS = re.compile(r"[>\s|\xa0]*")


@dataclass(frozen=True, slots=True)
class TextView:
    """A text as it is read, and its pieces: where each begins here, and begins and ends in the source."""

    text: str
    here: list[int]
    there: list[int]
    until: list[int]
    quoted_from: list[int]  # from this character on ...
    quoted: list[int]  # ... so many blockquotes are open

    def sources(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where characters stand in the source: a stretch for each piece, since tags can stand between them."""
        piece = bisect_right(self.here, start) - 1
        while start < end:
            last = self.here[piece + 1] if piece + 1 < len(self.here) else len(self.text)
            stop = min(end, last)
            begin = self.there[piece] + start - self.here[piece]
            yield begin, self.until[piece] if stop == last else begin + stop - start
            start = stop
            piece += 1

    def depth(self, at: int) -> int:
        """In how many blockquotes a character stands."""
        return self.quoted[bisect_right(self.quoted_from, at) - 1]


class Naming(IntEnum):
    """How a text names the person: not at all, by a name that others may bear, or by an address of theirs alone."""

    NOT = 0
    NAME = 1
    ADDRESS = 2


Names = Callable[[str], Naming]


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of one depth that follow each other. ``introduced``: it is evidently the person's."""

    start: int
    end: int
    introduced: bool


@dataclass(frozen=True, slots=True)
class Introduction:
    """Lines that name the person above a quote."""

    start: int
    end: int
    naming: Naming


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """The passages of a text, and the lines that introduce those of the person."""

    passages: list[Passage]
    introductions: list[Introduction]


def view_of(source: str) -> TextView:
    """A plain text."""
    text = source[:TEXT_BYTES]
    return TextView(text, [0], [0], [len(text)], [0], [0])


def view_of_html(source: str) -> TextView:
    """HTML as it is read, each blockquote a step deeper."""
    head = source[:TEXT_BYTES]
    out: list[str] = []
    view = TextView("", [], [], [], [0], [0])
    length = last = depth = 0

    def add(text: str, start: int, end: int) -> None:
        nonlocal length
        if text:
            out.append(text)
            view.here.append(length)
            view.there.append(start)
            view.until.append(end)
            length += len(text)

    for match in _PIECE.finditer(head):
        add(head[last : match.start()], last, match.start())
        piece = match[0]
        last = match.end()
        if piece[0] == "&":
            add(_letter(piece), match.start(), last)
            continue
        if _BLOCK.match(piece):
            add("\n", match.start(), match.start())  # no character of the source: a tag is never taken out
        name = piece[1:12].lower()
        step = name.startswith("blockquote") - (name.startswith("/blockquote") and depth > 0)
        if step:
            depth += step
            view.quoted_from.append(length)
            view.quoted.append(depth)
    add(head[last:], last, len(head))

    return replace(view, text="".join(out))


def _letter(entity: str) -> str:
    text = html.unescape(entity)
    return text if len(text) == 1 else entity


class _PassageWalk:
    """State of the one pass: per depth, whether the person was introduced; what was found so far."""

    def __init__(self, view: TextView, names: Names, theirs: bool) -> None:
        self.view = view
        self.names = names
        self.lines = list(_lines(view))
        self.texts = [view.text[start : min(end, start + LINE_CHARACTERS)] for start, end in self.lines]
        self.depths = [self._depth(index) for index in range(len(self.lines))]
        self.behind: dict[int, bool] = {0: True} if theirs else {}  # by depth
        self.introduced: dict[int, bool] = {0: True} if theirs else {}
        self.found = FoundPassage([], [])

    def _depth(self, index: int) -> int:
        match = _MARKS.match(self.texts[index])
        return self.view.depth(self.lines[index][0]) + (match[0].count(">") if match else 0)

    def run(self) -> FoundPassage:
        """From the first line to the last."""
        done = 0
        for index, depth in enumerate(self.depths):
            above = self.depths[index - 1] if index else 0
            if depth < above:
                self._forget(deeper_than=depth)
            if index < done:
                continue
            end = self._introduction(index, depth)
            if end:
                done = end
                continue
            if depth > 0 or self.behind.get(depth):
                self._add(index, depth)
        return self.found

    def _forget(self, deeper_than: int) -> None:
        for known in (self.behind, self.introduced):
            for depth in [each for each in known if each > deeper_than]:
                del known[depth]

    def _add(self, index: int, depth: int) -> None:
        start, end = self.lines[index]
        introduced = self.introduced.get(depth, False)
        passages = self.found.passages
        if passages and index and self.depths[index - 1] == depth:
            last = passages[-1]
            if last.end == self.lines[index - 1][1] and last.introduced == introduced:
                passages[-1] = Passage(last.start, end, introduced)
                return
        passages.append(Passage(start, end, introduced))

    def _introduction(self, index: int, depth: int) -> int:
        """One past the lines from here that introduce a quote; 0 when they do not. What follows is known then."""
        line = marks.plain(marks.unquoted(self.texts[index]))
        if marks.role(line) == "from" and (end := self._header_block(index, depth)):
            sender = next((each for each in range(index + 1, end) if marks.role(self._plain(each))), end)
            naming = self._named(index, sender)
            self.behind[depth] = naming > Naming.NOT
            self.introduced[depth] = naming is Naming.ADDRESS
            return end

        end = self._attribution(index, depth)
        if end:
            naming = self._named(index, end)
            following = self.depths[end] if end < len(self.depths) else depth
            if following > depth:
                self.introduced[following] = naming is Naming.ADDRESS
            else:
                self.behind[depth] = naming > Naming.NOT
                self.introduced[depth] = naming is Naming.ADDRESS and depth > 0
            return end

        if line and line[0] in _RULES and marks.is_separator(line):
            self.behind[depth] = True
            self.introduced[depth] = False
            return index + 1

        return 0

    def _plain(self, index: int) -> str:
        return marks.plain(marks.unquoted(self.texts[index]))

    def _named(self, index: int, end: int) -> Naming:
        """Whether these lines name the person; they are noted then, so that any name of theirs goes from them."""
        naming = self.names(" ".join(self.texts[index:end]))
        if naming:
            start = self.lines[index][0]
            self.found.introductions.append(Introduction(start, self.lines[end - 1][1], naming))
        return naming

    def _header_block(self, index: int, depth: int) -> int:
        """One past the header block of a quoted mail; only the name in its "From" says whose it is."""
        around = [marks.unquoted(text) for text in self.texts[index : index + marks.HEADER_LINES]]
        end = marks.header_block_end(around, 0, 2)
        if end is None:
            return 0
        same = all(each == depth for each in self.depths[index : index + end])
        return index + end if same else 0

    def _attribution(self, index: int, depth: int) -> int:
        """One past an attribution that begins here: up to three lines of one depth, the last ends in a colon."""
        for end in range(index + 1, min(index + INTRODUCTION_LINES, len(self.lines)) + 1):
            if self.depths[end - 1] != depth:
                return 0
            last = marks.plain(self.texts[end - 1])
            if not last.endswith(_COLONS):
                continue
            following = self.depths[end] if end < len(self.depths) else 0
            joined = " ".join(marks.unquoted(text).strip() for text in self.texts[index:end])
            if following > depth and end == index + 1:
                return end
            shorter = " ".join(self._plain(each) for each in range(index + 1, end))
            if marks.is_attribution(shorter):
                return 0  # it begins in a line below: this one belongs to what stands above it
            return end if marks.is_attribution(joined) or (following > depth and self._opens(index)) else 0
        return 0

    def _opens(self, index: int) -> bool:
        return marks.opens_attribution(marks.plain(marks.unquoted(self.texts[index])))


def find(view: TextView, names: Names, *, theirs: bool = False) -> FoundPassage:
    """Passages of a text. ``names``: whether a line names the person; ``theirs``: they wrote the mail themselves."""
    return _PassageWalk(view, names, theirs).run()


def _lines(view: TextView) -> Iterator[tuple[int, int]]:
    """Start and end of every line with something in it."""
    for count, match in enumerate(_LINE.finditer(view.text)):
        if count == LINES:
            return
        yield match.span()

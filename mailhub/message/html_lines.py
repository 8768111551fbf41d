"""Lines of text as a page is read. Job: blanks, line ends, quote marks, list marks; the layout a plain reader expects.

Blocks begin on a line of their own, paragraphs and tables are set apart by an empty line, cells of a row by a
blank. Must not: know tags or hidden text. State lives for one page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_MARGIN = 20  # quote marks shown at most, however deep the quote
_INDENT = 10  # list levels indented at most


@dataclass(slots=True)
class Lines:
    """The text so far; ``newlines`` counts the line ends at its foot (2 at the beginning: nothing to set apart)."""

    out: list[str] = field(default_factory=list)
    newlines: int = 2
    blank: bool = False  # a blank is owed before the next word
    quote: int = 0
    lists: list[int] = field(default_factory=list)  # per open list: -1 bullets, else the last number given
    preformatted: int = 0

    def text(self) -> str:
        """All lines, without blanks at their ends."""
        text = "".join(self.out)
        return "\n".join([line.rstrip() for line in text.split("\n")]).strip("\n") if text else ""

    def end_line(self, wanted: int) -> None:
        """At least ``wanted`` line ends at the foot."""
        missing = wanted - self.newlines
        if missing > 0:
            self.out.append("\n" * missing)
            self.newlines = wanted
        self.blank = False

    def line_break(self) -> None:
        """One line end more, at most one empty line."""
        self.end_line(min(self.newlines + 1, 2))

    def write(self, text: str) -> None:
        """Running text: white space collapses as a browser collapses it."""
        if self.preformatted:
            self._verbatim(text)
            return

        words = " ".join(text.split())
        if not words:
            self.blank = self.blank or not self.newlines
            return

        if self.newlines:
            if self.quote:
                self.out.append("> " * min(self.quote, _MARGIN))
            self.newlines = 0
        elif self.blank or text[0].isspace():
            self.out.append(" ")

        self.out.append(words)
        self.blank = text[-1].isspace()

    def _verbatim(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            if number:
                self.out.append("\n")
                self.newlines += 1
            if line:
                if self.newlines and self.quote:
                    self.out.append("> " * min(self.quote, _MARGIN))
                self.out.append(line)
                self.newlines = 0

    def item(self) -> None:
        """The mark of a list item."""
        self.end_line(1)
        mark = "* "
        if self.lists and self.lists[-1] >= 0:
            self.lists[-1] += 1
            mark = f"{self.lists[-1]}. "
        if self.newlines and self.quote:
            self.out.append("> " * min(self.quote, _MARGIN))
        self.out.append("  " * min(max(len(self.lists) - 1, 0), _INDENT) + mark)
        self.newlines = 0

    def rule(self) -> None:
        """A horizontal rule."""
        self.end_line(1)
        self.write("-" * 20)
        self.end_line(1)

"""Words of a person that others quote. Job: find them in a text and take them out, and nobody else's.

Two ways to know a quote: a line that is marked as one (``>``, or inside a blockquote) whose words stand in
this order in something he wrote; and anywhere, five words in a row that he wrote (a client may wrap, indent
and mark them as it likes: only words are compared). A quoted block that is introduced by a line naming him
goes as a whole. Must not: know messages, or remember words longer than an erasure takes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from mailhub.privacy.erasing.person import ERASED, ERASED_ADDRESS

RUN = 5  # words in a row that two people do not write by chance
_WORD = re.compile(r"[^\W_]+")
_TAG = re.compile(r"<[^<>]*>")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{2,20});")
_INTRODUCTION_LINES = 3  # an attribution is wrapped into as many lines at most


class Quotes:
    """What a person wrote, as far as it is needed to know his words again."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[int] = set()
        self._written: list[str] = []
        for text in texts:
            words = _words(text)
            self._runs |= {hash(tuple(words[at : at + RUN])) for at in range(len(words) - RUN + 1)}
            self._written.append(f" {' '.join(words)} ")

    def __bool__(self) -> bool:
        return bool(self._written)

    def without(self, text: str) -> str:
        """A plain text without his words. Line ends stay."""
        return self._blanked(text, text, _marked_lines(text))

    def without_in_html(self, source: str) -> str:
        """HTML without his words; its tags stay. Entities that are letters are spelled out."""
        source = _ENTITY.sub(_plain, source)
        text = _TAG.sub(lambda match: " " * len(match[0]), source)
        return self._blanked(source, text, _in_blockquotes(source))

    def _blanked(self, source: str, text: str, marked: Sequence[tuple[int, int]]) -> str:
        """``source`` without the words that are his in ``text``, which has the same length."""
        found = list(_WORD.finditer(text))
        words = [match[0].casefold() for match in found]
        his = self._by_runs(words)

        for start, end in marked:
            inside = (
                [index for index, match in enumerate(found) if start <= match.start() < end]
                if start < end
                else []
            )
            if inside and self._wrote(words[inside[0] : inside[-1] + 1]):
                his.update(inside)

        out = []
        last = 0
        erased = False

        for index, match in enumerate(found):
            if index in his:
                out += [source[last : match.start()], "" if erased else ERASED]
                last = match.end()
            erased = index in his

        return "".join([*out, source[last:]])

    def _by_runs(self, words: Sequence[str]) -> set[int]:
        his: set[int] = set()
        for at in range(len(words) - RUN + 1):
            if hash(tuple(words[at : at + RUN])) in self._runs:
                his.update(range(at, at + RUN))
        return his

    def _wrote(self, words: Sequence[str]) -> bool:
        line = f" {' '.join(words)} "
        return any(line in text for text in self._written)


def without_introduced(text: str) -> str:
    """A plain text, in which his address was replaced, without the quotes that a line with his address introduces."""
    lines = text.split("\n")
    named = -_INTRODUCTION_LINES - 1
    quoting = False

    for index, line in enumerate(lines):
        if line.lstrip().startswith(">"):
            quoting = quoting or index - named <= _INTRODUCTION_LINES
            if quoting and line.strip("> \t\r"):
                lines[index] = f"> {ERASED}"
        elif line.strip():
            quoting = False
            named = index if ERASED_ADDRESS in line and line.rstrip().endswith((":", "：")) else named

    return "\n".join(lines)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _plain(match: re.Match[str]) -> str:
    text = html.unescape(match[0])
    return text if len(text) == 1 and (text.isalnum() or text.isspace()) else match[0]


def _marked_lines(text: str) -> list[tuple[int, int]]:
    found = []
    at = 0
    for line in text.split("\n"):
        if line.lstrip().startswith(">"):
            found.append((at, at + len(line)))
        at += len(line) + 1
    return found


def _in_blockquotes(source: str) -> list[tuple[int, int]]:
    """Stretches between tags inside a blockquote."""
    found = []
    depth = 0
    last = 0

    for match in _TAG.finditer(source):
        if depth and match.start() > last:
            found.append((last, match.start()))
        name = match[0][1:13].lower()
        depth += name.startswith("blockquote") - (name.startswith("/blockquote") and depth > 0)
        last = match.end()

    return found

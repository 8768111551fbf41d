"""Words of a person that others quote. Job: find them in a text and take them out, and nobody else's.

Words belong to who wrote them first: what the person only repeated (terms, a template, a quote without marks)
is not theirs. In another's text their words go from quoted passages alone (``passages``): five words in a row
that they wrote before, and a short line of theirs in a passage that is evidently theirs. A passage that is
introduced by their address goes as a whole, but for words that others wrote first. The same words anywhere
else stay, and ``are_in`` tells of them, for the receipt.

Only words are compared, so that a client may wrap, indent and mark them as it likes. What is kept of a text
are hashes, of at most ``RUNS`` runs. Must not: know messages, or remember words longer than an erasure takes.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from mailhub.privacy.erasing import passages
from mailhub.privacy.erasing.passages import FoundPassage, Naming, Passage, TextView
from mailhub.privacy.erasing.person import ERASED, Person

RUN = 5  # words in a row that two people do not write by chance
RUNS = 500_000  # of one person: some 100 MB
_WORD = re.compile(r"[^\W_]+")
_LATEST = 2**62

Span = tuple[int, int]
Known = Callable[[int], bool]  # of a hash of words


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text somebody wrote, and the message it came in: a smaller number was there before."""

    message: int
    text: str


@dataclass(frozen=True, slots=True)
class Quotes:
    """What a person wrote first, as far as it is needed to know it again; of messages before ``before``."""

    runs: Mapping[int, int] = field(default_factory=dict)  # five words: in which message they were written
    lines: Mapping[int, int] = field(default_factory=dict)  # shorter lines as a whole
    others: frozenset[int] = frozenset()  # five words that they wrote, but others before them
    before: int = _LATEST
    near: bool = True  # whether the person took part where the text was written
    complete: bool = True  # whether everything the person wrote could be kept

    @staticmethod
    def of(theirs: Iterable[WrittenText], others: Iterable[WrittenText]) -> Quotes:
        """``theirs``: what the person wrote; ``others``: what others wrote where the person took part."""
        runs: dict[int, int] = {}
        lines: dict[int, int] = {}
        complete = True

        for each in theirs:
            for line in each.text.split("\n"):
                words = _words(line)
                if 0 < len(words) < RUN:
                    _earliest(lines, hash(tuple(words)), each.message)
            for run, _ in _runs(each.text, 0, len(each.text)):
                if len(runs) < RUNS or run in runs:
                    _earliest(runs, run, each.message)
                else:
                    complete = False

        first = set()
        for each in others:
            first |= {
                run for run, _ in _runs(each.text, 0, len(each.text)) if each.message < runs.get(run, 0)
            }
        kept = {run: message for run, message in runs.items() if run not in first}

        return Quotes(kept, lines, frozenset(first), complete=complete)

    def in_message(self, message: int, *, near: bool) -> Quotes:
        """The same as it holds in another's message: only what was there before it can be quoted in it."""
        return replace(self, before=message, near=near)

    def without(self, text: str, person: Person, *, theirs: bool = False) -> str:
        """A plain text without the person's words. ``theirs``: they wrote the mail, which another enclosed."""
        return self._without(text, passages.view_of(text), person, theirs=theirs)

    def without_in_html(self, source: str, person: Person, *, theirs: bool = False) -> str:
        """HTML without the person's words; its tags stay, and so does every byte of others' words."""
        return self._without(source, passages.view_of_html(source), person, theirs=theirs)

    def are_in(self, text: str) -> bool:
        """Whether words of the person stand there, quoted or not."""
        return any(self._wrote(run) for run, _ in _runs(text, 0, len(text)))

    def _without(self, source: str, view: TextView, person: Person, *, theirs: bool) -> str:
        found = passages.find(view, person.naming, theirs=theirs)
        gone = [span for each in found.passages for span in self._of(view, each)]
        changes = sorted([*_erased(view, gone), *_unnamed(view, found, gone, person)])
        out = []
        last = 0

        for start, end, mended in changes:
            if start >= last:
                out += [source[last:start], mended]
                last = end

        return "".join([*out, source[last:]]) if out else source

    def _of(self, view: TextView, passage: Passage) -> Iterator[Span]:
        """Words of a passage that go, as spans that follow each other."""
        text = view.text
        kept = set(_covered(text, passage, self.others.__contains__))
        if passage.introduced:
            every = (match.span() for match in _WORD.finditer(text, passage.start, passage.end))
            yield from (span for span in every if span not in kept)
            return

        ours = _covered(text, passage, self._wrote) if self.near else []
        if ours:
            short = _short_lines(text, passage, lambda line: self.lines.get(line, _LATEST) < self.before)
            yield from sorted({*ours, *short} - kept)

    def _wrote(self, run: int) -> bool:
        return self.runs.get(run, _LATEST) < self.before


def _erased(view: TextView, gone: list[Span]) -> Iterator[tuple[int, int, str]]:
    """(start, end, what stands there then) in the source: one mark for words that follow each other."""
    last = -1
    for start, end in gone:
        follows = last >= 0 and _WORD.search(view.text, last, start) is None
        yield from _changes(view, start, end, "" if follows else ERASED)
        last = end


def _unnamed(
    view: TextView, found: FoundPassage, gone: list[Span], person: Person
) -> Iterator[tuple[int, int, str]]:
    """The person's names in what introduces a quote of theirs, each a span of the source.

    A name that others may bear is the person's where words of theirs follow, before another introduction.
    """
    pattern = person.any_name_pattern
    if pattern is None or not found.introductions:
        return
    ends = [each.start for each in found.introductions[1:]] + [len(view.text)]
    for each, end in zip(found.introductions, ends, strict=True):
        follows = any(each.end <= start < end for start, _ in gone)
        if each.naming is Naming.ADDRESS or follows:
            for match in pattern.finditer(view.text, each.start, each.end):
                yield from _changes(view, match.start(), match.end(), ERASED)


def _changes(view: TextView, start: int, end: int, mended: str) -> Iterator[tuple[int, int, str]]:
    for begin, stop in view.sources(start, end):
        if begin < stop:
            yield begin, stop, mended
            mended = ""


def _covered(text: str, passage: Passage, known: Known) -> list[Span]:
    """Spans of the words that are in a run which is known."""
    spans: dict[Span, None] = {}
    for run, words in _runs(text, passage.start, passage.end):
        if known(run):
            spans |= dict.fromkeys(words)
    return list(spans)


def _short_lines(text: str, passage: Passage, known: Known) -> Iterator[Span]:
    at = passage.start
    while at < passage.end:
        end = text.find("\n", at, passage.end)
        end = passage.end if end < 0 else end
        words = list(_WORD.finditer(text, at, min(end, at + 400)))
        if 0 < len(words) < RUN and known(hash(tuple(each[0].casefold() for each in words))):
            yield from (each.span() for each in words)
        at = end + 1


def _runs(text: str, start: int, end: int) -> Iterator[tuple[int, tuple[Span, ...]]]:
    """Every run of words, as a hash, with the places of its words; few are held at a time."""
    words: deque[str] = deque(maxlen=RUN)
    spans: deque[Span] = deque(maxlen=RUN)
    for match in _WORD.finditer(text, start, end):
        words.append(match[0].casefold())
        spans.append(match.span())
        if len(words) == RUN:
            yield hash(tuple(words)), tuple(spans)


def _earliest(known: dict[int, int], key: int, message: int) -> None:
    known[key] = min(known.get(key, message), message)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]

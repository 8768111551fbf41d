"""Splits a mail into what its writer wrote now and what was folded away: quote, signature, footers. Pure and linear.

Nothing is lost: ``Reply.new`` and ``Reply.folded`` together hold every line. Judged by lines, once from top
to bottom: each line is cheap to pass over unless it begins or ends like a mark (``quoted_marks``); where the
text has none, the HTML is asked (``quoted_html``). Marked quotes between pieces of new text stay: they are
the context of an inline reply. So does a forwarded mail: it is what its sender has to say.

Hiding what somebody wrote is worse than showing a quote twice. So a guess that would fold everything to the
end needs evidence that a quote stands there (an address in brackets, a time, a header block's full set), and
a signature takes its own lines along, no more. The best evidence is what stood in the ticket before
(``quoted_known``): what we sent is folded without any mark, and below a header block whatever stands between
known lines is an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import compress

from mailhub.message import quoted_marks as marks
from mailhub.message.quoted_html import goes_on_below, has_coloured_words, quote_line
from mailhub.message.quoted_known import end_of_new, known_lines, start_of_new
from mailhub.message.quoted_phrases import ANSWER_SUBJECTS, FORWARD_SUBJECTS, MOBILE_STARTS
from mailhub.message.values import NOTHING_EARLIER, TEXT_BYTES, Earlier, Reply

_SHORT_SIGNATURE_LINES = (
    12  # a bare "--" or dash ends the text only when this little follows; "-- " always does
)
_GOES_ON_LINES = 2  # of new text behind what looks like a phone's signature: then it is a sentence
_ENDING_LINES = 5  # of a letter: formula, name, and what belongs to it
_LOOK_AHEAD_LINES = 40
_LOOKS = 1_000  # closer looks at lines that may be a mark, some 70 us each; seen in 8,085 real mails: 136
_WRAPPED_COLUMNS = (
    55  # a quoted line at least this long may have been broken by a program that set no mark on the rest
)
_SUBJECT_CHARACTERS = 200
_TEXT = 1
_FOLDED = 0
_QUOTE = 2
_COLONS = (":", "：", ":*")
_RULES = frozenset("-_—–=*#")
_STARTS = frozenset(">-_—–=*# \t\xa0|")
_MOBILE_STARTS = frozenset(
    (*MOBILE_STARTS, *map(str.capitalize, MOBILE_STARTS), *map(str.upper, MOBILE_STARTS), "iPh", "iPa")
)


@dataclass(slots=True)
class _Run:
    """A run of quoted lines: [start, end), and whether an attribution introduced it."""

    start: int
    end: int
    introduced: bool


@dataclass(slots=True)
class _Walk:
    """State of the one pass over the lines."""

    lines: list[str]
    kind: bytearray = field(init=False)
    runs: list[_Run] = field(default_factory=list)
    introduced: bool = False
    floor: int = 0  # attributions are not looked for above this line
    reason: str = ""
    looks_left: int = _LOOKS
    answers: bool = False  # the subject says so
    forwards: bool = (
        False  # what stands below a header block is part of the mail: sent on, or with answers in colour
    )
    known: bytearray = field(
        default_factory=bytearray
    )  # lines that stood in the ticket before; empty: not looked at
    _seen: int = 0  # no line above this one is new text

    def __post_init__(self) -> None:
        self.kind = bytearray(b"\1") * len(self.lines)

    def has_text(self, before: int) -> bool:
        """Whether there is new text above the line ``before``. Each line is looked at once in the whole walk."""
        while self._seen < before and (self.kind[self._seen] != _TEXT or not self.lines[self._seen].strip()):
            self._seen += 1
        return self._seen < before

    def may_look(self) -> bool:
        """Whether one more closer look is allowed; counts it."""
        self.looks_left -= 1
        return self.looks_left >= 0

    def has_answers(self, start: int) -> bool:
        """Whether words that are new stand between lines, from ``start`` on, that are not."""
        places = [index for index in range(start, len(self.known)) if self.known[index]]
        inside = range(places[0], places[-1]) if places else range(0)
        return any(not self.known[index] and _is_answer(self.lines[index]) for index in inside)

    def fold(self, start: int, end: int, reason: str) -> int:
        """Folds the lines [start, end) and goes on after them."""
        self.kind[start:end] = bytes(end - start)
        self.reason = self.reason or reason
        self.floor = end
        return end

    def cut(self, start: int, reason: str) -> int:
        """Folds everything from ``start`` on."""
        return self.fold(start, len(self.lines), reason)


def split_reply(text: str, html: str, subject: str = "", earlier: Earlier = NOTHING_EARLIER) -> Reply:
    """What is new in a mail, and the rest. ``text`` is what the reader sees, ``html`` the HTML beside or behind it.

    The subject tells a mail that sends another one on, whose header block folds nothing, from one that answers.
    ``earlier``: what stood in its ticket before it, to compare with.
    """
    head = text[:TEXT_BYTES]
    tail = text[TEXT_BYTES:]
    if "\r" in head:
        head = head.replace("\r\n", "\n").replace("\r", "\n")
    lines = head.split("\n")
    walk = _Walk(marks.with_plain_marks(lines) if "> " in head or "\n|" in head else lines)
    title = subject[:_SUBJECT_CHARACTERS].strip().lower()
    walk.answers = title.startswith(ANSWER_SUBJECTS)
    walk.forwards = title.startswith(FORWARD_SUBJECTS) or (bool(html) and has_coloured_words(html))
    if earlier.ours:
        walk.known = known_lines(lines, earlier.ours + earlier.theirs)
    _walk(walk, wide="：" in head)
    if walk.runs:
        _settle_quotes(walk)
    answers_between = bool(walk.runs) and not walk.reason  # the marks told: quotes and answers take turns
    if html and walk.reason in ("", "quote-marks") and not walk.forwards and not answers_between:
        _ask_html(walk, head, html)
    if not walk.reason and earlier.ours and not walk.forwards:
        _fold_ours(walk, known_lines(lines, earlier.ours))
    if not walk.reason:
        return Reply(head.strip("\n \t\xa0"), tail, "")

    new = "\n".join(compress(lines, walk.kind))
    folded = "\n".join(compress(lines, walk.kind.translate(b"\1\0" + bytes(254))))

    return Reply(new.strip("\n \t\xa0"), folded + tail, walk.reason)


def _is_answer(line: str) -> bool:
    """Whether a line could be somebody's answer: words, and none of what programs write between quotes."""
    return (
        any(character.isalnum() for character in line)
        and marks.role(line) is None
        and not line.rstrip().endswith(_COLONS)
        and not ("@" in line and line.rstrip().endswith((";", ",", ">")))  # a list of recipients goes on
        and not marks.is_separator(line.strip())
    )


def _fold_ours(walk: _Walk, ours: bytearray) -> None:
    """Folds a quote of what we sent that has no mark at all, at the end of the text and at its beginning."""
    end = end_of_new(walk.lines, ours)
    if end is not None:
        walk.cut(end, "our-text")
    start = start_of_new(walk.lines[:end], ours)
    if start is not None:
        walk.fold(0, start, "our-text")


def _walk(walk: _Walk, *, wide: bool) -> None:
    """Looks at the lines that may be a mark; ``wide``: every line, because the text has full-width colons."""
    lines = walk.lines
    done = 0

    for index, line in enumerate(lines):
        if index < done or not (line[:1] in _STARTS or ":" in line or line[:3] in _MOBILE_STARTS or wide):
            continue
        stripped = line.strip()
        if stripped[:1] == ">" and not marks.is_broken_address(stripped):
            done = _quote(walk, index)
        elif stripped:
            done = _marked(walk, index, stripped)


def _marked(walk: _Walk, index: int, line: str) -> int:
    """Handles one line that looks like a mark; gives the next line to read."""
    lines = walk.lines
    role = marks.role(line)
    if role is not None and walk.may_look() and (end := marks.header_block_end(lines, index, 3)) is not None:
        if (
            role == "from"
            and marks.is_header_of_mail(lines[index:end])
            and not marks.is_raw_field(lines, end)
        ):
            return _introduction(walk, index, end, "header-block")
        return index + 1

    if line.endswith(_COLONS) and walk.may_look():
        start = marks.attribution_start(lines, index, walk.floor)
        if start is None and _next(lines, index + 1).startswith(">") and marks.is_introduction(line):
            start = index
        if start is not None:
            return _attribution(walk, start, index + 1)

    if line[:3].lower() in MOBILE_STARTS and walk.has_text(index) and marks.is_mobile_signature(line):
        end = _mobile_end(walk, index)
        return walk.fold(index, end, "mobile-signature") if end is not None else index + 1
    if (line[0] in _RULES or line[-1] in ":：") and marks.is_separator(line):
        if marks.is_forward(line) and not walk.answers:
            walk.forwards = True
            return len(lines)
        end = marks.header_block_end(lines, index + 1, 1) or index + 1
        return _introduction(walk, index, end, "original-message")
    if marks.is_framed(line) and (end := marks.bare_block_end(lines, index + 1)) is not None:
        return _introduction(walk, index, end, "original-message")

    if line[0] in _RULES and (after := _ruled(walk, index, line)) is not None:
        return after
    if line[0] in _RULES and marks.is_reply_marker(line):
        return (
            walk.cut(index, "reply-marker")
            if walk.has_text(index)
            else walk.fold(index, index + 1, "reply-marker")
        )

    return index + 1


def _next(lines: list[str], start: int) -> str:
    """The next line with something in it, of the next four."""
    return next((line.strip() for line in lines[start : start + 4] if line.strip()), "")


def _introduction(walk: _Walk, start: int, end: int, reason: str) -> int:
    """A separator or header block ends the new text; where there is none above (a bare forward) it is folded alone."""
    if walk.has_text(start) and (walk.forwards or walk.has_answers(end)):
        walk.forwards = True  # nothing below is folded, whatever else looks like a quote
        return len(walk.lines)
    return walk.cut(start, reason) if walk.has_text(start) else walk.fold(start, end, reason)


def _attribution(walk: _Walk, start: int, end: int) -> int:
    if _next(walk.lines, end).startswith(">"):
        walk.introduced = True
        return walk.fold(start, end, "attribution")
    if not marks.introduces_unmarked(walk.lines, start, end):
        return end
    return _introduction(walk, start, end, "attribution")


def _mobile_end(walk: _Walk, index: int) -> int | None:
    """One past what a phone or an app signs with at ``index``; None when that is a sentence of the writer's.

    It stands apart or names a device, and little follows: somebody who goes on writing did not sign there.
    """
    lines = walk.lines
    above = index == 0 or not lines[index - 1].strip() or marks.is_rule(lines[index - 1])
    if not marks.names_a_device(lines[index]) and not (above and marks.is_no_sentence(lines[index])):
        return None

    end = index + 1
    while end < len(lines) and marks.is_link_or_device(lines[end]):
        end += 1

    limit = _signature_end(walk, end - 1, _LOOK_AHEAD_LINES)
    rest = lines[end : limit if limit is not None else end + _LOOK_AHEAD_LINES]
    return end if sum(bool(line.strip()) for line in rest) < _GOES_ON_LINES else None


def _ruled(walk: _Walk, index: int, line: str) -> int | None:
    """A signature mark, or a ruled line above a header block or a footer."""
    lines = walk.lines
    if walk.has_text(index) and marks.is_signature_mark(lines[index]) and walk.may_look():
        proper = lines[index] == "-- "
        ends = _signature_end(walk, index, _LOOK_AHEAD_LINES)
        if ends is not None and (proper or _is_short_signature(walk, index, ends)):
            return walk.fold(index, ends, "signature")

    if not marks.is_rule(line):
        return None

    for after in range(index + 1, min(index + 4, len(lines))):
        if (
            marks.role(lines[after]) == "from"
            and (block := marks.header_block_end(lines, after, 2)) is not None
        ):
            return _introduction(walk, index, block, "header-block")

    if walk.has_text(index) and line[0] in "_-" and marks.is_footer(lines[index + 1 : index + 6]):
        end = _signature_end(walk, index, _LOOK_AHEAD_LINES)
        return walk.fold(index, end, "footer") if end is not None else None

    return None


def _is_short_signature(walk: _Walk, index: int, end: int) -> bool:
    """Whether what stands below a bare "--" is who wrote: short, no more than the text above it, and no list
    of facts.
    """
    below = [line for line in walk.lines[index + 1 : end] if line.strip()]
    if len(below) > _SHORT_SIGNATURE_LINES or any(map(marks.is_fact, below)):
        return False
    above = sum(
        bool(line.strip()) and kind == _TEXT
        for line, kind in zip(walk.lines[:index], walk.kind[:index], strict=True)
    )
    return len(below) <= above or any(map(marks.is_contact, below))


def _signature_end(walk: _Walk, index: int, limit: int) -> int | None:
    """One past the signature at ``index``: a quote, attribution or header block ends it; None when over ``limit``."""
    lines = walk.lines
    for after in range(index + 1, min(len(lines), index + limit)):
        line = lines[after].strip()
        if not line:
            continue
        if line[0] == ">" or (line[0] == "-" and marks.is_separator(line)):
            return after
        if line.endswith(_COLONS) and (start := marks.attribution_start(lines, after, index + 1)) is not None:
            return start
        if marks.role(line) == "from" and marks.header_block_end(lines, after, 3) is not None:
            return after

    return len(lines) if index + limit >= len(lines) else None


def _quote(walk: _Walk, start: int) -> int:
    """A run of lines with quote marks, blank lines and lines broken out of it included."""
    lines = walk.lines
    end = start + 1

    index = start + 1
    while index < len(lines):
        line = lines[index].strip()
        if line.startswith(">"):
            end = index + 1
        elif line and not _broken_out(lines, index):
            break
        index += 1

    introduced = walk.introduced or _introduces_itself(lines, start, end)
    if not introduced and (date := _date_line(walk, start)) is not None:
        walk.fold(date, start, "attribution")
        introduced = True

    run = _Run(start, end, introduced)
    walk.kind[start:end] = bytes((_QUOTE,)) * (end - start)
    walk.runs.append(run)
    walk.introduced = False
    walk.floor = end

    return end


def _date_line(walk: _Walk, start: int) -> int | None:
    """The line right above marked quotes that is a date and who wrote, without a verb or colon; None when
    there is none.
    """
    for index in range(start - 1, max(start - 3, walk.floor) - 1, -1):
        if walk.lines[index].strip():
            return index if marks.is_date_line(walk.lines[index]) else None
    return None


def _broken_out(lines: list[str], index: int) -> bool:
    """Whether an unmarked line is the broken-off end of the quoted line above it (quote marks follow at once)."""
    above = lines[index - 1]
    below = lines[index + 1] if index + 1 < len(lines) else ""
    return (
        above.startswith(">")
        and below.startswith(">")
        and len(above) >= _WRAPPED_COLUMNS
        and len(lines[index]) < len(above)
    )


def _introduces_itself(lines: list[str], start: int, end: int) -> bool:
    """Whether the attribution or header block stands inside the quote marks (Apple Mail on iOS, Hotmail)."""
    first = [
        index for index in range(start, min(end, start + 8)) if marks.plain(marks.unquoted(lines[index]))
    ]
    if not first:
        return False
    if any(marks.role(marks.unquoted(lines[index])) for index in first[:1]):
        inner = [marks.unquoted(line) for line in lines[first[0] : min(end, first[0] + marks.HEADER_LINES)]]
        return marks.header_block_end(inner, 0, 3) is not None

    return any(
        marks.plain(lines[index]).endswith(_COLONS)
        and marks.attribution_start(lines, index, start) is not None
        for index in first[:4]
    )


def _settle_quotes(walk: _Walk) -> None:
    """Decides which quotes stay: those of an inline reply, and a mail that is nothing but a quote."""
    texts = [
        index
        for index, (line, kind) in enumerate(zip(walk.lines, walk.kind, strict=True))
        if kind == _TEXT and line.strip()
    ]
    first, last = (texts[0], _last_answer(walk, texts)) if texts else (len(walk.lines), -1)
    followed = [run for run in walk.runs if run.start < last]
    inline = len(followed) > 1 or any(run.start > first for run in followed)

    for run in walk.runs:
        keep = (inline or not run.introduced) if run.start < last else not texts and not run.introduced
        walk.kind[run.start : run.end] = bytes((_TEXT if keep else _FOLDED,)) * (run.end - run.start)
        if not keep:
            walk.reason = walk.reason or "quote-marks"


def _last_answer(walk: _Walk, texts: list[int]) -> int:
    """The last line of new text, a letter's ending below the last quote left aside if text is above it."""
    below = [index for index in texts if index >= walk.runs[-1].end]
    if 0 < len(below) <= min(_ENDING_LINES, len(texts) - 1) and marks.is_sign_off(walk.lines[below[0]]):
        return texts[-len(below) - 1]
    return texts[-1]


def _ask_html(walk: _Walk, text: str, html: str) -> None:
    """Cuts where the HTML says the quote begins; where marks were found, takes an introduction above them along."""
    line = None if goes_on_below(html) else quote_line(text, html)
    if not line or not any(each.strip() for each in walk.lines[:line]) or walk.has_answers(line):
        return
    if not walk.reason:
        walk.cut(line, "html-quote")
    elif walk.runs and line < walk.runs[0].start <= line + marks.ATTRIBUTION_LINES:
        walk.fold(line, walk.runs[0].start, "html-quote")

"""Attack: texts of quote marks, colons, rules and half attributions, to make the splitter look again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailhub.message import quoted_marks
from mailhub.message.quoted import split_reply
from mailhub.message.values import TEXT_BYTES

HANG_SECONDS = 20  # a guard against quadratic work, not a measurement: the texts below take some 10 ms

TEXTS: dict[str, Callable[[int], str]] = {
    "quote marks in one line": lambda n: ">" * n,
    "quote marks in lines": lambda n: ">\n" * (n // 2),
    "deep quotes": lambda n: "\n".join(">" * (i % 500) for i in range(n // 250)),
    "quote and text in turn": lambda n: "> a\nb\n" * (n // 6),
    "colons": lambda n: "a:\n" * (n // 3),
    "half attributions": lambda n: "On 2026-03-03 a@b.example\n" * (n // 26),
    "attributions": lambda n: "On 2026-03-03 a@b.example wrote:\n" * (n // 33),
    "attributions over quotes": lambda n: "On 2026-03-03 a@b.example wrote:\n> a\n" * (n // 37),
    "header fields": lambda n: "From: a@b.example\n" * (n // 18),
    "header fields and text": lambda n: "x\nFrom: a@b.example,\n" * (n // 21),
    "signature marks": lambda n: "a\n--\n" * (n // 5),
    "signatures in a row": lambda n: "a\n" + "-- \n" * (n // 4),
    "rules": lambda n: "a\n" + "________\n" * (n // 9),
    "blank lines": lambda n: "a" + "\n" * n,
    "blanks": lambda n: "a:" + " " * n + ":",
    "no-break blanks": lambda n: ("\xa0" * 50 + ":\n") * (n // 52),
    "invisible marks": lambda n: "\u200b" * n + ":",
    "at signs": lambda n: "@" * n + ":",
    "digits": lambda n: "1." * (n // 2) + ":",
    "wide colons": lambda n: "在：\n" * (n // 3),
    "mobile signatures": lambda n: "Sent \n" * (n // 6),
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_text_is_split_without_hanging(name: str) -> None:
    """100 KB of marks, and the whole bound of 256 KiB, are split in one pass and lose no line."""
    for size in (100_000, 256 * 1024):
        text = TEXTS[name](size)
        started = time.process_time()
        reply = split_reply(text, "")
        assert time.process_time() - started < HANG_SECONDS
        kept = sum(len("".join(part.split())) for part in (reply.new, reply.folded))
        assert kept == len("".join(text.split()))


@pytest.mark.parametrize("name", TEXTS)
def test_each_line_is_examined_a_bounded_number_of_times(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the text makes about twice the calls, whatever the marks."""
    calls = 0
    real = quoted_marks.plain

    def counted(line: str) -> str:
        nonlocal calls
        calls += 1
        return real(line)

    monkeypatch.setattr(quoted_marks, "plain", counted)
    work = []
    for size in (20_000, 40_000):
        calls = 0
        split_reply(TEXTS[name](size), "")
        work.append(calls)
    assert work[1] <= 2.5 * work[0] + 50


def test_hostile_html_beside_the_text_is_searched_without_hanging() -> None:
    """HTML made of unclosed tags and quote markers costs no more than a few plain searches."""
    for html in ("<" * 400_000, '<blockquote type="cite">' * 20_000, "<style " * 60_000, "&#x3e;" * 70_000):
        started = time.process_time()
        assert split_reply("a\nb\n", f'<p>{html}<div class="gmail_quote">{html}').new == "a\nb"
        assert time.process_time() - started < HANG_SECONDS


def test_text_over_the_bound_is_folded_unread() -> None:
    """What is beyond the 256 KiB that are looked at goes to the folded part."""
    text = "a" * (300 * 1024)
    reply = split_reply(text, "")
    assert reply.new + reply.folded == text
    assert len(reply.new) == TEXT_BYTES

"""Attack: mails that pass for bounces and hold what makes address and status patterns backtrack or recurse."""

from __future__ import annotations

import re
import time
from types import ModuleType

import pytest

from mailhub.message import (
    automatic,
    bounce,
    bounce_report,
    bounce_text,
    bounce_verdict,
    quoted_html,
    quoted_marks,
)
from mailhub.message.parse import parse

HANG_SECONDS = 20  # a guard against quadratic work, not a measurement
SEEDS = (
    "a",
    "@",
    ".",
    "a.",
    "a@",
    "a@b.",
    '"',
    "5.1.1 ",
    "550 ",
    "550-",
    "<",
    "(",
    " ",
    "\t",
    "\n",
    "to:",
    "for ",
    "=",
    "1",
    "-",
    "&",
    "é",
    "a@b.c ",
)

MODULES: tuple[ModuleType, ...] = (
    automatic,
    bounce,
    bounce_report,
    bounce_text,
    bounce_verdict,
    quoted_html,
    quoted_marks,
)
PATTERNS = {
    f"{module.__name__}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_backtracks_on_repeated_seeds(name: str) -> None:
    """Every regular expression of the room gets through 20,000 repetitions of each seed, with and without a bad end."""
    started = time.process_time()
    for seed in SEEDS:
        for end in ("", "!", "\n", "@", ":"):
            text = seed * (20_000 // len(seed)) + end
            sum(1 for _ in PATTERNS[name].finditer(text))
    assert time.process_time() - started < HANG_SECONDS


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hostile_bounce_is_read_without_hanging(seed: str) -> None:
    """A bounce of 300 KB of one seed, in the text and in the report, is read within its bounds."""
    body = seed * (300_000 // len(seed))
    raw = (
        "From: MAILER-DAEMON@a.example\nSubject: failure notice\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; boundary="b"\n\n'
        f"--b\n\n{body}\n--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; {body}\n"
        f"Diagnostic-Code: {body}\n--b\nContent-Type: message/rfc822\n\nTo: {body}\nMessage-ID: {body}\n--b--\n"
    ).encode()
    started = time.process_time()
    read = parse(raw)
    assert time.process_time() - started < HANG_SECONDS
    assert read.bounce is not None
    assert len(read.bounce.recipients) <= bounce_report.REPORT_RECIPIENTS + 1


def test_many_recipients_are_bounded() -> None:
    """A report on 5,000 recipients is read as far as the bound."""
    groups = "".join(f"\nFinal-Recipient: rfc822; u{i}@b.example\nAction: failed\n" for i in range(5_000))
    assert len(bounce_report.delivery_status(groups)) == bounce_report.REPORT_RECIPIENTS
    lines = "".join(f"<u{i}@b.example>:\n550 no such user\n" for i in range(5_000))
    assert len(bounce_text.read(lines, ()).about) == bounce_text.RECIPIENTS


@pytest.mark.parametrize(
    "text", ["[" * 30_000, '{"Message":' * 3_000, '{"a":' * 6_000, "{}", "null", '{"Message": "[["}']
)
def test_nested_json_is_no_way_in(text: str) -> None:
    """JSON nested to make a parser recurse, or of the wrong shape, is no bounce and no exception."""
    raw = f"From: no-reply@sns.amazonaws.com\nSubject: AWS Notification Message\n\n{text}\n".encode()
    assert parse(raw).bounce is None

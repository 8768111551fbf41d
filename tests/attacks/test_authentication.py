"""Attack: mails and DNS records made to cost the authentication time, memory or questions."""

from __future__ import annotations

import re
import time
from types import ModuleType

import pytest

from mailhub.message import authentication_results, author, dkim, dmarc, spf
from mailhub.message.authentication_results import authentication_results as read_results
from mailhub.message.dns_questions import DnsAnswer, Question, Rounds
from mailhub.message.spf import Spf

HANG_SECONDS = 20  # a guard against quadratic work, not a measurement
NOW = 1_790_000_000
SIGNATURE = (
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=d%d.example; s=s; h=%b; bh=AAAA; b=AAAA\r\n"
)

HEADERS = {
    "many signatures": b"".join(SIGNATURE % (i, b"from") for i in range(2_500)),
    "many signed names": SIGNATURE % (1, b"from:" + b"x:" * 7_000),
    "many tags": b"DKIM-Signature: " + b"a=b;" * 60_000 + b"\r\n",
    "no colon": b"DKIM-Signature" * 18_000 + b"\r\n",
    "endless folding": b"DKIM-Signature: v=1;\r\n" + b" \r\n" * 80_000,
    "many authors": b"From: a@b.example\r\n" * 13_000,
    "one author of many": b"From: " + b"a@b.example, " * 19_000 + b"\r\n",
    "brackets": b"From: " + b"<" * 250_000 + b"\r\n",
}
BODIES = {
    "blanks": b" " * 3_000_000,
    "tabs and lines": b" \t\r\n" * 700_000,
    "empty lines": b"\r\n" * 1_500_000,
    "bare returns": b"\r" * 3_000_000,
    "bare feeds": b"\n" * 3_000_000,
    "words": b"a b  c\t d \r\n" * 250_000,
}

MODULES: tuple[ModuleType, ...] = (spf, authentication_results, author)
PATTERNS = {
    f"{module.__name__}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, re.Pattern)
}
SEEDS = (
    "a",
    "%",
    "%{",
    "%{s",
    "a:",
    "a/",
    "1.",
    "1",
    "/",
    " ",
    "=",
    "p=",
    "dkim=",
    "header.d=",
    '"',
    "-",
    ":",
    "+",
)


def _count(rounds: Rounds[object], records: dict[str, str]) -> tuple[int, object]:
    """How many questions a check asks when every name has the record of its type, and its verdict."""
    asked: set[Question] = set()
    try:
        questions = next(rounds)
        while True:
            asked |= questions
            questions = rounds.send(
                {each: DnsAnswer((records[each[1]],) if each[1] in records else ()) for each in questions}
            )
    except StopIteration as stop:
        return len(asked), stop.value


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_header_block_asks_few_questions(name: str) -> None:
    """At most three keys and two policies are asked for, and no header block hangs or raises."""
    raw = HEADERS[name] + b"From: kim@a.b.example\r\n\r\nHello\r\n"
    started = time.process_time()
    asked, _ = _count(dmarc.authenticate(raw, Spf("none"), NOW), {})
    assert time.process_time() - started < HANG_SECONDS
    assert asked <= dkim.SIGNATURES + 2


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("way", [b"simple", b"relaxed"])
def test_hostile_body_is_hashed_without_hanging(name: str, way: bytes) -> None:
    """3 MB of any white space are canonicalised in one pass."""
    head = (SIGNATURE % (1, b"from")).replace(b"relaxed/relaxed", way + b"/" + way)
    started = time.process_time()
    (found,) = dkim.signatures(head + b"From: a@b.example\r\n\r\n" + BODIES[name], "b.example", NOW)
    assert time.process_time() - started < HANG_SECONDS
    assert found.fault == "body-hash"


@pytest.mark.parametrize(
    "policy",
    [
        "v=spf1 include:%{d} include:%{d} include:%{d} -all",
        "v=spf1 " + "a:%{i}.%{l}.example " * 90,
        "v=spf1 mx ptr exists:%{s}.example redirect=%{d}",
        "v=spf1 " + "x" * 100_000,
        "v=spf1 exists:" + "%{s}" * 60 + ".example",
    ],
)
def test_hostile_policy_asks_a_bounded_number_of_questions(policy: str) -> None:
    """No policy makes SPF ask for more than its ten terms and their hosts."""
    records = {"TXT": policy, "MX": "m.example", "PTR": "p.example", "A": "198.51.100.1"}
    asked, verdict = _count(spf.check("192.0.2.1", "h.example", f"{'k' * 60}@a.example"), records)
    assert asked <= 40
    assert isinstance(verdict, Spf)


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_backtracks_on_repeated_seeds(name: str) -> None:
    """Every regular expression gets through 20,000 repetitions of each seed."""
    started = time.process_time()
    for seed in SEEDS:
        for end in ("", "!", "}"):
            text = seed * (20_000 // len(seed)) + end
            pattern = PATTERNS[name]
            sum(1 for _ in pattern.finditer(text.encode() if isinstance(pattern.pattern, bytes) else text))
    assert time.process_time() - started < HANG_SECONDS


def test_hostile_results_fields_are_read_without_hanging() -> None:
    """Thousands of results, comments and fields of a trusted host end in a verdict."""
    value = "mx; " + "dkim=pass ((((p=reject) header.d=a.example; " * 20_000
    started = time.process_time()
    found = read_results([(b"authentication-results", value.encode())] * 500, {"mx"}, "a.example")
    assert time.process_time() - started < HANG_SECONDS
    assert found is not None

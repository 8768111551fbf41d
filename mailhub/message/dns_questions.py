"""How pure code asks DNS: it yields questions and is sent answers. Values and names only; nothing here opens
a connection.

A check is a generator (``Rounds``): each round yields the set of questions it needs next and receives the
answers; its return value is the verdict. Who drives it (``mailhub.intake.resolver``) decides on caches, time
and number of look-ups.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TypeVar

Question = tuple[
    str, str
]  # (name in lower-case ASCII without final dot, type: "TXT", "A", "AAAA", "MX", "PTR")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The records of one question. ``failed``: nobody answered (time-out, SERVFAIL, no look-ups left)."""

    records: tuple[
        str, ...
    ] = ()  # TXT: strings of a record joined; MX: hosts by preference; A, AAAA: addresses
    failed: bool = False


Answers = Mapping[Question, DnsAnswer]
Rounds = Generator[frozenset[Question], Answers, Result]
NO_ANSWER = DnsAnswer(failed=True)


def one(question: Question) -> Rounds[DnsAnswer]:
    """Asks a single question."""
    answers = yield frozenset((question,))
    return answers.get(question, NO_ANSWER)


def ascii_name(name: str) -> str:
    """A domain name as DNS wants it: lower case, punycode, no final dot; "" for what can be no host name."""
    name = name.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""

    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or not all(0 < len(label) <= 63 for label in labels):
        return ""

    return name if name.isprintable() and " " not in name else ""

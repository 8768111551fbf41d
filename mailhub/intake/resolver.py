"""Asks DNS what authentication wants to know: on the event loop, cached, within 20 look-ups and 5 seconds a message.

The only place of mailhub that opens a connection to a name server. Drives the pure generators of ``mailhub.message``
(``dns_questions``): SPF from MAIL FROM on, DKIM and DMARC once the message is there. What is not answered in time, or
not asked because the message has used up its look-ups, comes back as a failed answer, which the judges call
temperror; mail is filed all the same. ``ask`` is injected in tests. Nothing is written down; no name is logged.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from mailhub import clock
from mailhub.message import excused, spf
from mailhub.message.dns_questions import NO_ANSWER, Answers, DnsAnswer, Question, Rounds
from mailhub.message.values import Authentication

LOOKUPS = 20  # of one message; RFC 7208 alone allows 10 and their hosts
SECONDS = 5.0  # of one message, all rounds together
CACHE_ENTRIES = 10_000
CACHE_SECONDS = 300.0  # at most; a record's own time to live when that is shorter
RECORDS = 50  # of one answer
INLINE_BYTES = 256 * 1024  # above it the body is hashed in a thread

Ask = Callable[[Question], Awaitable[tuple[DnsAnswer, float]]]  # the answer and for how many seconds it holds
Result = TypeVar("Result")


@dataclass(slots=True)
class Budget:
    """What one message may still use; time counts only while an answer is waited for."""

    lookups: int = LOOKUPS
    seconds: float = SECONDS


class Resolver:
    """Answers for all sessions of a process: one cache, one name server configuration. Use on one event loop."""

    def __init__(self, ask: Ask | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask or name_servers()
        self._monotonic = monotonic
        self._cache: OrderedDict[Question, tuple[float, DnsAnswer]] = OrderedDict()

    def begin(self, peer: str, helo: str, mail_from: str | None) -> DnsCheck:
        """Starts to judge a message at its MAIL FROM; SPF is asked while DATA comes in. Needs a running loop."""
        return DnsCheck(self, peer, helo, mail_from)

    async def run(self, rounds: Rounds[Result], budget: Budget, *, threaded: bool = False) -> Result:
        """Drives a check to its end. ``threaded``: its first step, which may hash megabytes, runs in a thread."""
        step = await asyncio.to_thread(_step, rounds) if threaded else _step(rounds)
        while not isinstance(step, _Verdict):
            step = _step(rounds, await self._answers(step, budget))
        return step.value

    async def _answers(self, questions: frozenset[Question], budget: Budget) -> dict[Question, DnsAnswer]:
        ordered = sorted(questions)
        started = self._monotonic()
        answers = await asyncio.gather(*(self._answer(question, budget) for question in ordered))
        budget.seconds -= self._monotonic() - started
        return dict(zip(ordered, answers, strict=True))

    async def _answer(self, question: Question, budget: Budget) -> DnsAnswer:
        now = self._monotonic()
        held = self._cache.get(question)
        if held is not None and held[0] > now:
            self._cache.move_to_end(question)
            return held[1]

        if budget.lookups <= 0 or budget.seconds <= 0:
            return NO_ANSWER

        budget.lookups -= 1
        try:
            answer, seconds = await asyncio.wait_for(self._ask(question), budget.seconds)
        except (TimeoutError, OSError):
            return NO_ANSWER

        if not answer.failed:
            self._cache[question] = (now + min(seconds, CACHE_SECONDS), answer)
            self._cache.move_to_end(question)
            if len(self._cache) > CACHE_ENTRIES:
                self._cache.popitem(last=False)

        return answer


@dataclass(frozen=True, slots=True)
class _Verdict(Generic[Result]):
    """The end of a check."""

    value: Result


def _step(rounds: Rounds[Result], answers: Answers | None = None) -> frozenset[Question] | _Verdict[Result]:
    """The next questions of a check, or its verdict. StopIteration may not leave a thread or a coroutine."""
    try:
        return next(rounds) if answers is None else rounds.send(answers)
    except StopIteration as stop:
        return _Verdict(stop.value)


class DnsCheck:
    """One message under way. Either ``finish`` or ``abandon`` ends it."""

    def __init__(self, resolver: Resolver, peer: str, helo: str, mail_from: str | None) -> None:
        self._resolver = resolver
        self._budget = Budget()
        self._spf = asyncio.ensure_future(resolver.run(spf.check(peer, helo, mail_from), self._budget))

    async def finish(self, raw: bytes, sealers: frozenset[str] = frozenset()) -> Authentication:
        """The verdict on the message. Waits at most what is left of its 5 s; raises nothing.

        ``sealers``: whose ARC seals may excuse that it fails.
        """
        found = await self._spf
        rounds = excused.authenticate(raw, found, clock.now() // clock.SECOND, sealers)
        return await self._resolver.run(rounds, self._budget, threaded=len(raw) > INLINE_BYTES)

    def abandon(self) -> None:
        """Forgets the message: refused, reset, or the client is gone."""
        self._spf.cancel()


def name_servers(servers: Sequence[str] = (), port: int = 53) -> Ask:
    """Asks name servers with dnspython; without ``servers`` those of resolv.conf, and nobody when it has none."""
    try:
        resolver = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        return _nobody
    if servers:
        resolver.nameservers = list(servers)
        resolver.port = port
    resolver.lifetime = SECONDS
    resolver.timeout = 2.0  # then the next server

    async def ask(question: Question) -> tuple[DnsAnswer, float]:
        name, kind = question
        try:
            found = await resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return DnsAnswer(), CACHE_SECONDS
        except dns.exception.DNSException:
            return NO_ANSWER, 0.0

        rrset = found.rrset
        records = (
            sorted(rrset, key=lambda each: each.preference if isinstance(each, MX) else 0) if rrset else []
        )

        return DnsAnswer(tuple(_text(each) for each in records[:RECORDS])), float(rrset.ttl if rrset else 0)

    return ask


async def _nobody(question: Question) -> tuple[DnsAnswer, float]:
    return NO_ANSWER, 0.0


def _text(record: object) -> str:
    if isinstance(record, TXT):
        return b"".join(record.strings).decode("utf-8", "replace")
    if isinstance(record, MX):
        return str(record.exchange).rstrip(".").lower()
    return str(record).rstrip(".").lower()

"""The resolver: limits of look-ups and time, cache, temperror. The name server is a coroutine of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from mailhub.intake.resolver import LOOKUPS, SECONDS, Ask, Budget, Resolver, name_servers
from mailhub.message.dns_questions import NO_ANSWER, DnsAnswer, Question, Rounds
from mailhub.message.values import Authentication

Result = TypeVar("Result")
RAW = b"From: kim@a.example\r\nSubject: x\r\n\r\nHello\r\n"
ZONE: dict[Question, tuple[str, ...]] = {
    ("a.example", "TXT"): ("v=spf1 ip4:192.0.2.1 -all",),
    ("_dmarc.a.example", "TXT"): ("v=DMARC1; p=reject",),
}


class NameServer:
    """Answers from ZONE after ``seconds`` of its own clock, and counts what it is asked."""

    def __init__(self, seconds: float = 0.0, *, silent: bool = False) -> None:
        self.asked: list[Question] = []
        self.now = 0.0
        self._seconds, self._silent = seconds, silent

    async def ask(self, question: Question) -> tuple[DnsAnswer, float]:
        self.asked.append(question)
        self.now += self._seconds
        if self._silent:
            raise TimeoutError
        return DnsAnswer(ZONE.get(question, ())), 60.0

    def monotonic(self) -> float:
        return self.now


def _run(task: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(task)


async def _judge(resolver: Resolver, peer: str = "192.0.2.1", raw: bytes = RAW) -> Authentication:
    return await resolver.begin(peer, "h.example", "kim@a.example").finish(raw)


def test_mail_is_judged_from_mail_from_to_policy() -> None:
    """SPF of MAIL FROM and the policy of From are asked, and judged together."""
    found = _run(_judge(Resolver(NameServer().ask)))
    assert (found.spf, found.dmarc, found.policy, found.source) == ("pass", "pass", "reject", "checked")


def test_forged_mail_fails() -> None:
    """A client that the policy does not list fails SPF and so DMARC."""
    found = _run(_judge(Resolver(NameServer().ask), peer="198.51.100.1"))
    assert (found.spf, found.dmarc) == ("fail", "fail")


def test_large_mail_is_hashed_in_a_thread_with_the_same_verdict() -> None:
    """A body over the bound takes the other path to the same result."""
    found = _run(_judge(Resolver(NameServer().ask), raw=RAW + b"x" * 300_000 + b"\r\n"))
    assert (found.spf, found.dmarc) == ("pass", "pass")


def test_silent_name_server_gives_temperror() -> None:
    """Nothing answered is temperror for all that was asked, and no exception."""
    found = _run(_judge(Resolver(NameServer(silent=True).ask)))
    assert (found.spf, found.dmarc) == ("temperror", "temperror")


def test_second_mail_is_answered_from_the_cache_until_it_expires() -> None:
    """Answers are kept for their time to live and asked anew afterwards."""
    server = NameServer()

    async def twice() -> list[int]:
        resolver = Resolver(server.ask, server.monotonic)
        counts = []
        for seconds in (0.0, 1.0, 100.0):
            server.now += seconds
            await _judge(resolver)
            counts.append(len(server.asked))
        return counts

    assert _run(twice()) == [2, 2, 4]


def _endless() -> Rounds[int]:
    """A check that asks a new name for ever; ends when it gets no answer, with the number of answers it had."""
    had = 0
    while True:
        question = (f"n{had}.example", "TXT")
        answers = yield frozenset((question,))
        if answers[question].failed:
            return had
        had += 1


def test_look_ups_of_a_message_are_bounded() -> None:
    """The 21st question of a message is not asked."""
    server = NameServer()
    assert _run(Resolver(server.ask).run(_endless(), Budget())) == LOOKUPS == len(server.asked)


def test_time_of_a_message_is_bounded() -> None:
    """When five seconds of waiting are used up, nothing more is asked."""
    server = NameServer(seconds=2.0)
    assert _run(Resolver(server.ask, server.monotonic).run(_endless(), Budget())) == 3
    assert server.now >= SECONDS


def test_a_name_server_that_never_answers_is_cut_off() -> None:
    """A question that hangs is given up when the budget's time is over."""

    async def hang(question: Question) -> tuple[DnsAnswer, float]:
        await asyncio.Event().wait()
        return NO_ANSWER, 0.0

    ask: Ask = hang
    assert _run(Resolver(ask).run(_endless(), Budget(seconds=0.01))) == 0


def test_abandoned_check_is_cancelled() -> None:
    """A message that is never finished leaves no task behind."""

    async def abandon() -> int:
        async def hang(question: Question) -> tuple[DnsAnswer, float]:
            await asyncio.Event().wait()
            return NO_ANSWER, 0.0

        check = Resolver(hang).begin("192.0.2.1", "h.example", "kim@a.example")
        await asyncio.sleep(0)
        check.abandon()
        for _ in range(10):
            await asyncio.sleep(0)
        return len(asyncio.all_tasks()) - 1

    assert _run(abandon()) == 0


RECORDS = {
    ("a.example.", "TXT"): ['"v=spf1 " "-all"'],
    ("a.example.", "MX"): ["20 Two.example.", "10 one.example."],
    ("one.example.", "A"): ["192.0.2.1"],
}


class Wire(asyncio.DatagramProtocol):
    """A name server on a loopback socket: RECORDS, NXDOMAIN for absent.example, SERVFAIL for broken.example."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if name in ("absent.example.", "broken.example."):
            reply.set_rcode(dns.rcode.NXDOMAIN if name.startswith("absent") else dns.rcode.SERVFAIL)
        elif (name, kind) in RECORDS:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *RECORDS[name, kind]))
        self._transport.sendto(reply.to_wire(), addr)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (("a.example", "TXT"), DnsAnswer(("v=spf1 -all",))),
        (("a.example", "MX"), DnsAnswer(("one.example", "two.example"))),
        (("one.example", "A"), DnsAnswer(("192.0.2.1",))),
        (("one.example", "AAAA"), DnsAnswer()),
        (("absent.example", "A"), DnsAnswer()),
        (("broken.example", "A"), NO_ANSWER),
        (("a" * 70 + ".example", "A"), NO_ANSWER),
    ],
)
def test_name_server_is_asked_over_the_wire(question: Question, answer: DnsAnswer) -> None:
    """Records come as text, hosts by preference, no record is an empty answer, and a failure is no answer."""

    async def ask() -> DnsAnswer:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Wire, local_addr=("127.0.0.1", 0))
        try:
            port: int = transport.get_extra_info("sockname")[1]
            return (await name_servers(["127.0.0.1"], port)(question))[0]
        finally:
            transport.close()

    assert _run(ask()) == answer

"""SPF (RFC 7208): results by policy, limits, macros. DNS is a dictionary; nothing is asked outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from mailhub.message.dns_questions import DnsAnswer, Question, Rounds
from mailhub.message.spf import Spf, check

Zone = Mapping[Question, Sequence[str]]


def _drive(rounds: Rounds[Spf], zone: Zone, failing: frozenset[Question] = frozenset()) -> tuple[Spf, int]:
    """The verdict and the number of questions it took."""
    asked = 0
    try:
        questions = next(rounds)
        while True:
            asked += len(questions)
            questions = rounds.send(
                {each: DnsAnswer(tuple(zone.get(each, ())), each in failing) for each in questions}
            )
    except StopIteration as stop:
        verdict: Spf = stop.value
        return verdict, asked


ZONE: dict[Question, list[str]] = {
    ("mail.example", "A"): ["192.0.2.1", "192.0.2.2"],
    ("mail.example", "AAAA"): ["2001:db8::1"],
    ("a.example", "A"): ["198.51.100.9"],
    ("a.example", "MX"): ["mail.example"],
    ("other.example", "TXT"): ["v=spf1 ip4:203.0.113.0/24 -all"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example"],
    ("1.2.0.192.x.example", "A"): ["127.0.0.2"],
    ("kim.a.example.x.example", "A"): ["127.0.0.2"],
}

POLICIES = [
    ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
    ("v=spf1 ip4:198.51.100.0/24 -all", "fail"),
    ("v=spf1 ip4:198.51.100.0/24 ~all", "softfail"),
    ("v=spf1 ip4:198.51.100.0/24", "neutral"),
    ("v=spf1 ?all", "neutral"),
    ("v=spf1 mx -all", "pass"),
    ("v=spf1 a -all", "fail"),
    ("v=spf1 a:mail.example -all", "pass"),
    ("v=spf1 a/8 -all", "fail"),
    ("v=spf1 ptr:mail.example -all", "pass"),
    ("v=spf1 include:other.example -all", "fail"),
    ("v=spf1 include:absent.example -all", "permerror"),
    ("v=spf1 redirect=other.example", "fail"),
    ("v=spf1 redirect=absent.example", "permerror"),
    ("v=spf1 exists:%{ir}.x.example -all", "pass"),
    ("v=spf1 exists:%{l}.%{d}.x.example -all", "pass"),
    ("v=spf1 exists:%{z}.x.example -all", "permerror"),
    ("v=spf1 ip4:not.an.address -all", "permerror"),
    ("v=spf1 nonsense -all", "permerror"),
    ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
    ("V=SPF1 +ALL", "pass"),
    ("v=spf10 +all", "none"),
    ("some other text", "none"),
]


@pytest.mark.parametrize(("policy", "result"), POLICIES)
def test_policy_gives_the_result_of_the_rfc(policy: str, result: str) -> None:
    """Each mechanism, modifier and fault gives the word that RFC 7208 names."""
    verdict, _ = _drive(
        check("192.0.2.1", "h.example", "kim@a.example"), {**ZONE, ("a.example", "TXT"): [policy]}
    )
    assert (verdict.result, verdict.domain) == (result, "a.example")


def test_two_policies_are_a_fault() -> None:
    """Several policies of one domain are a permerror."""
    verdict, _ = _drive(
        check("192.0.2.1", "h.example", "kim@a.example"), {("a.example", "TXT"): ["v=spf1 +all"] * 2}
    )
    assert verdict.result == "permerror"


def test_unanswered_question_is_temporary() -> None:
    """No answer from DNS is temperror, never a fail."""
    question = ("a.example", "TXT")
    verdict, _ = _drive(check("192.0.2.1", "h.example", "kim@a.example"), {}, frozenset((question,)))
    assert verdict.result == "temperror"


def test_null_sender_is_judged_by_helo() -> None:
    """For MAIL FROM:<> the HELO name is the domain."""
    verdict, _ = _drive(check("203.0.113.9", "other.example", None), ZONE)
    assert (verdict.result, verdict.domain) == ("pass", "other.example")


@pytest.mark.parametrize("peer", ["::ffff:192.0.2.1", "192.0.2.1"])
def test_mapped_address_is_the_ipv4_address(peer: str) -> None:
    """A client seen through a dual-stack socket is the IPv4 client it is."""
    verdict, _ = _drive(
        check(peer, "h.example", "kim@a.example"), {("a.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"]}
    )
    assert verdict.result == "pass"


@pytest.mark.parametrize(
    ("peer", "sender"), [("", "kim@a.example"), ("192.0.2.1", "kim@[192.0.2.1]"), ("1.2.3.4", "@")]
)
def test_nothing_to_judge_is_none(peer: str, sender: str) -> None:
    """Without a peer address or a domain nothing is asked and nothing raised."""
    assert _drive(check(peer, "h", sender), ZONE)[0].result == "none"


def test_includes_that_go_round_end_at_the_limit() -> None:
    """A policy that includes itself is a permerror after eleven questions."""
    verdict, asked = _drive(
        check("192.0.2.1", "h.example", "kim@a.example"), {("a.example", "TXT"): ["v=spf1 include:a.example"]}
    )
    assert (verdict.result, asked) == ("permerror", 11)


def test_void_answers_end_at_the_limit() -> None:
    """The third question without a record is a permerror, whatever follows."""
    policy = "v=spf1 " + " ".join(f"a:v{i}.example" for i in range(9)) + " +all"
    verdict, asked = _drive(
        check("192.0.2.1", "h.example", "kim@a.example"), {("a.example", "TXT"): [policy]}
    )
    assert (verdict.result, asked) == ("permerror", 4)


def test_many_hosts_and_terms_are_bounded() -> None:
    """Eleven mail hosts, or a thousand terms, are a permerror with a bounded number of questions."""
    hosts = [f"m{i}.example" for i in range(40)]
    zone = {("a.example", "TXT"): ["v=spf1 mx -all"], ("a.example", "MX"): hosts}
    assert _drive(check("192.0.2.1", "h.example", "kim@a.example"), zone)[0].result == "permerror"
    many = {("a.example", "TXT"): ["v=spf1 " + "ip4:192.0.2.9 " * 1_000]}
    assert _drive(check("192.0.2.1", "h.example", "kim@a.example"), many)[1] == 1

"""Is a mail from whom it says? SPF, DKIM and the author's policy judged together. Pure: DNS is asked by the caller.

``authenticate`` is a generator of rounds (``dns_questions``): it yields the questions it has, is sent the answers,
and returns an ``Authentication``. All keys and policies are asked for together, in one round besides those of SPF. No
answer is temperror, never a refusal. It is about the domain of ``author``'s one value: whoever believes the verdict
takes the address from there. Sources: RFC 7489 (DMARC), RFC 8601 for the words. The organisational domain is found by
the Public Suffix List that the package publicsuffixlist carries (ICANN and private).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from publicsuffixlist import PublicSuffixList

from mailhub.message import dkim
from mailhub.message.author import read as read_author
from mailhub.message.dns_questions import NO_ANSWER, DnsAnswer, Question, Rounds
from mailhub.message.spf import Spf
from mailhub.message.values import Authentication

_POLICIES = ("none", "quarantine", "reject")
_RANK = (
    "pass",
    "temperror",
    "fail",
    "permerror",
    "neutral",
    "none",
)  # what the best of several signatures is


@cache
def _suffixes() -> PublicSuffixList:
    """The list, read once (0.2 s, 3 MB) and only where mail is authenticated."""
    return PublicSuffixList()


def organisation(domain: str) -> str:
    """The organisational domain (RFC 7489 3.2): the public suffix and one label; the domain itself when it has none."""
    return str(_suffixes().privatesuffix(domain) or domain)


def public_suffix(domain: str) -> bool:
    """Whether anybody can have a name under this domain."""
    return bool(_suffixes().is_public(domain)) if "." in domain else True


def authenticate(raw: bytes, spf: Spf, now_seconds: int) -> Rounds[Authentication]:
    """Judges a message. ``raw``: as received, nothing added; ``spf``: the verdict on the client. Raises nothing."""
    author = read_author(raw).domain
    signatures = dkim.signatures(raw, author, now_seconds)
    questions = {each.question for each in signatures if not each.fault}
    policies = _policy_questions(author)
    answers: Mapping[Question, DnsAnswer] = {}
    if questions or policies:
        answers = yield frozenset(questions.union(policies))
    verdicts = [dkim.verify(each, answers.get(each.question, NO_ANSWER)) for each in signatures]
    return _judged(author, spf, verdicts, [answers.get(each, NO_ANSWER) for each in policies])


def _policy_questions(author: str) -> list[Question]:
    if not author:
        return []
    return [(f"_dmarc.{name}", "TXT") for name in dict.fromkeys((author, organisation(author)))]


def _judged(
    author: str, spf: Spf, verdicts: Iterable[dkim.DkimVerdict], answers: list[DnsAnswer]
) -> Authentication:
    verdicts = list(verdicts)
    passed = tuple(dict.fromkeys(each.domain for each in verdicts if each.result == "pass"))
    best = min((each.result for each in verdicts), key=_RANK.index, default="none")
    record, level = _record(answers)
    result, policy = _dmarc(author, spf, verdicts, record, level)
    if not record and any(answer.failed for answer in answers):
        result = "temperror"
    why = [
        f"spf={spf.result}:{spf.reason}",
        *(f"dkim={each.result}:{each.domain}:{each.reason}" for each in verdicts),
    ]

    return Authentication(
        spf=spf.result,
        dkim=best,
        dmarc=result if author else "permerror",
        policy=policy,
        domain=author,
        spf_domain=spf.domain,
        dkim_domains=passed,
        reason=" ".join(why)[:500],
        source="checked",
    )


def _record(answers: list[DnsAnswer]) -> tuple[dict[str, str], int]:
    """The policy record that holds, and whether it is the domain's own (0) or its organisation's (1)."""
    for level, answer in enumerate(answers):
        records = [found for text in answer.records if (found := _tags(text))]
        if len(records) == 1:
            return records[0], level
        if records or answer.failed:
            return {}, level
    return {}, 0


def _tags(text: str) -> dict[str, str]:
    """The tags of a policy record, {} when it is none (RFC 7489 6.3: v=DMARC1 comes first)."""
    first, _, rest = text[:4_000].partition(";")
    if "".join(first.split()) != "v=DMARC1":
        return {}
    pairs = (item.partition("=") for item in rest.split(";"))
    return {
        "v": "DMARC1",
        **{name.strip().lower(): value.strip().lower() for name, equals, value in pairs if equals},
    }


def _dmarc(
    author: str, spf: Spf, verdicts: Iterable[dkim.DkimVerdict], record: Mapping[str, str], level: int
) -> tuple[str, str]:
    """RFC 7489 6.6.2: one aligned pass is enough; an unanswered question that could have been one is temperror."""
    if not record:
        return "none", ""

    policy = record.get("sp", record.get("p", "")) if level else record.get("p", "")
    if policy not in _POLICIES:
        if not record.get("rua"):
            return "permerror", ""
        policy = "none"

    strict_spf = record.get("aspf", "r") == "s"
    strict_dkim = record.get("adkim", "r") == "s"
    results = [each.result for each in verdicts if aligned(each.domain, author, strict=strict_dkim)]
    if aligned(spf.domain, author, strict=strict_spf):
        results.append(spf.result)
    if "pass" in results:
        return "pass", policy

    return ("temperror" if "temperror" in results else "fail"), policy


def aligned(domain: str, author: str, *, strict: bool) -> bool:
    """RFC 7489 3.1: the same domain, or, relaxed, of the same organisation."""
    if not domain or not author:
        return False
    return domain == author or (not strict and organisation(domain) == organisation(author))

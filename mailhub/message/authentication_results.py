"""Believes what a trusted host says about a mail: its Authentication-Results header (RFC 8601). Pure, linear.

For doors behind somebody else's MX (LMTP, loopback, IMAP). Only a host the operator names counts, and only fields
above the first Received below the topmost of them: anything lower was there before the trusted host had the mail, and
may be forged (RFC 8601 5). Milters put theirs below their own host's Received, right on top of what the sender wrote:
so of each method the topmost field that has it decides, and where the host writes none it must strip forged ones
(README, "Behind Postfix"). Policies are written in every way but a standard one: OpenDMARC and Gmail ``(p=reject
dis=none)``, rspamd ``(policy=reject)``, Microsoft ``action=oreject``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailhub.message.dmarc import aligned, organisation
from mailhub.message.dns_questions import ascii_name
from mailhub.message.values import Authentication

VALUE_CHARACTERS = 8_000
FIELDS = 10  # of one host; a host writes one, or one a method
RESULTS = 50  # of one field

_RESULT = re.compile(r"\s{0,50}(spf|dkim|dmarc)\s{0,9}(?:/\d{1,3}\s{0,9})?=\s{0,9}([a-z]{1,20})", re.IGNORECASE)
_PROPERTY = re.compile(
    r"\b(header\.d|header\.i|header\.from|smtp\.mailfrom|smtp\.helo)\s{0,9}=\s{0,9}\"?([^\s;\"]{1,300})",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"(?<![\w.])(p|sp|dis|policy|policy\.dmarc|action)\s{0,9}=\s{0,9}(?:o\.?|pct\.)?(none|quarantine|reject)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r'"[^"]*"?')
_STRICTNESS = ("none", "quarantine", "reject")
_WORDS = frozenset(("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"))
_ALIASES = {"hardfail": "fail", "policy": "fail", "error": "temperror", "unknown": "permerror", "bestguesspass": "none"}
_RANK = ("pass", "temperror", "fail", "permerror", "softfail", "neutral", "none")


def authentication_results(
    headers: Sequence[tuple[str, str]], trusted_hosts: Collection[str], author: str
) -> Authentication | None:
    """What a trusted host found, None when no such field counts. ``headers``: name and unfolded value, from the top.

    ``author`` is the domain of the one author (``dmarc.author_domain``), "" when there is none or several: that is a
    permerror, whatever the host found. A result about another domain (``header.from``) fails: it says nothing of him.
    """
    trusted = {host.lower() for host in trusted_hosts}
    found: list[str] = []
    host = ""
    for name, value in headers:
        key = name.lower()
        if key == "received" and found:
            break
        if key == "authentication-results" and (identity := _identity(value)) in trusted:
            found.append(value[:VALUE_CHARACTERS])
            host = host or identity
            if len(found) >= FIELDS:
                break
    return _read(found, host, author) if found else None


def _identity(value: str) -> str:
    """The authserv-id: the first word before the first semicolon, comments aside (RFC 8601 2.2)."""
    words = _without_comments(value[:500])[0].partition(";")[0].split()
    return words[0].lower() if words else ""


def _without_comments(text: str) -> tuple[str, str]:
    """The text outside comments and the text inside; quoted strings may hold parentheses (RFC 5322 3.2.2)."""
    outside: list[str] = []
    inside: list[str] = []
    depth, quoted = 0, False
    for character in text:
        if character == '"' and not depth:
            quoted = not quoted
        if not quoted and character == "(":
            depth += 1
        (inside if depth else outside).append(character)
        if not quoted and character == ")" and depth:
            depth -= 1
            inside.append(" ")
    return "".join(outside), "".join(inside)


@dataclass(frozen=True, slots=True)
class _Result:
    word: str
    properties: dict[str, str]
    policies: tuple[tuple[str, str], ...]


def _results(value: str) -> dict[str, list[_Result]]:
    """Method -> what one field says of it."""
    results: dict[str, list[_Result]] = {}
    for item in _items(value):
        plain, comment = _without_comments(item)
        match = _RESULT.match(plain)
        if match is None:
            continue
        word = match[2].lower()
        properties = {name.lower(): text for name, text in _PROPERTY.findall(plain)}
        said = _POLICY.findall(f"{_QUOTED.sub(' ', plain)} {comment}")
        policies = tuple((name.lower(), policy.lower()) for name, policy in said)
        result = _Result(word if word in _WORDS else _ALIASES.get(word, "neutral"), properties, policies)
        results.setdefault(match[1].lower(), []).append(result)
    return results


def _read(values: Sequence[str], host: str, author: str) -> Authentication:
    found: dict[str, list[_Result]] = {}
    for value in values:
        for method, results in _results(value).items():
            found.setdefault(method, results)  # the topmost field that has the method
    best = {
        method: min((each.word for each in found.get(method, ())), key=_RANK.index, default="none")
        for method in ("spf", "dkim")
    }
    senders = [
        each.properties.get("smtp.mailfrom", each.properties.get("smtp.helo", "")) for each in found.get("spf", ())
    ]
    signed = [
        _domain(each.properties.get("header.d", each.properties.get("header.i", "")))
        for each in found.get("dkim", ())
        if each.word == "pass"
    ]
    dmarc, policy = _dmarc(found.get("dmarc", ()), author)
    return Authentication(
        **best,
        dmarc=dmarc,
        policy=policy,
        domain=author if "dmarc" in found else "",
        spf_domain=next((domain for each in senders if (domain := _domain(each))), ""),
        dkim_domains=tuple(dict.fromkeys(each for each in signed if each)),
        reason="authentication-results",
        source=host,
    )


def _dmarc(results: Sequence[_Result], author: str) -> tuple[str, str]:
    """The result and the policy for this author: the worst said of him, and the strictest policy that is named."""
    words = {each.word for each in results} or {"none"}
    about = [domain for each in results if (domain := _domain(each.properties.get("header.from", "")))]
    word = "fail" if "fail" in words else max(words, key=_RANK.index)
    if not author:
        word = "fail" if word == "fail" else "permerror"
    elif not all(aligned(each, author, strict=False) for each in about):
        word = "fail"
    elif word == "pass" and not about:
        word = "none"
    named = [pair for each in results for pair in each.policies]
    below = any(name == "sp" for name, _ in named) and author != organisation(author)
    named = [(name, policy) for name, policy in named if name != ("p" if below else "sp")]
    policy = max((policy for _, policy in named), key=_STRICTNESS.index, default="")
    return word, policy or ("unknown" if word == "fail" else "")


def _items(value: str) -> list[str]:
    """The results of a field: what stands between semicolons outside comments and quotes."""
    items, start, depth, quoted = [], 0, 0, False
    for place, character in enumerate(value):
        if character == '"' and not depth:
            quoted = not quoted
        elif not quoted:
            depth += (character == "(") - (character == ")" and depth > 0)
            if character == ";" and not depth:
                items.append(value[start:place])
                start = place + 1
    return [*items, value[start:]][1 : RESULTS + 1]


def _domain(value: str) -> str:
    return ascii_name(value.rpartition("@")[2])

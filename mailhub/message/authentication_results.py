"""Believes what a trusted host says about a mail: its Authentication-Results header (RFC 8601). Pure, linear.

For doors behind somebody else's MX (LMTP, loopback, IMAP). Only a host the operator names counts, and only fields
above the first Received below the topmost of them: anything lower was there before the trusted host had the mail, and
may be forged (RFC 8601 5).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from mailhub.message.dns_questions import ascii_name
from mailhub.message.values import Authentication

VALUE_CHARACTERS = 8_000
FIELDS = 10  # of one host; a host writes one, or one a method
RESULTS = 50  # of one field

_RESULT = re.compile(r"\s{0,50}(spf|dkim|dmarc)\s{0,9}(?:/\d{1,3}\s{0,9})?=\s{0,9}([a-z]{1,20})", re.IGNORECASE)
_PROPERTY = re.compile(
    r"\b(header\.d|header\.i|header\.from|smtp\.mailfrom|smtp\.helo|policy\.dmarc)\s{0,9}=\s{0,9}\"?([^\s;\"]{1,300})",
    re.IGNORECASE,
)
_POLICY = re.compile(r"\b(?:p|dis)=(none|quarantine|reject)\b", re.IGNORECASE)
_WORDS = frozenset(("pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"))
_ALIASES = {"hardfail": "fail", "policy": "fail", "error": "temperror", "unknown": "permerror", "bestguesspass": "none"}
_RANK = ("pass", "temperror", "fail", "permerror", "softfail", "neutral", "none")


def authentication_results(headers: Sequence[tuple[str, str]], trusted_hosts: Collection[str]) -> Authentication | None:
    """What a trusted host found, None when no such field counts. ``headers``: name and unfolded value, from the top."""
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
    return _read(found, host) if found else None


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


def _read(values: Sequence[str], host: str) -> Authentication:
    results: dict[str, list[str]] = {"spf": [], "dkim": [], "dmarc": []}
    signed: list[str] = []
    domain = policy = spf_domain = ""
    for value in values:
        for item in _items(value):
            plain, comment = _without_comments(item)
            match = _RESULT.match(plain)
            if match is None:
                continue
            method, word = match[1].lower(), match[2].lower()
            word = word if word in _WORDS else _ALIASES.get(word, "neutral")
            results[method].append(word)
            properties = {name.lower(): text for name, text in _PROPERTY.findall(plain)}
            if method == "dmarc":
                domain = domain or _domain(properties.get("header.from", ""))
                said = _POLICY.search(comment)
                policy = policy or str(properties.get("policy.dmarc", said[1] if said else "")).lower()
            elif method == "spf":
                spf_domain = spf_domain or _domain(properties.get("smtp.mailfrom", properties.get("smtp.helo", "")))
            elif word == "pass":
                signed.append(_domain(properties.get("header.d", properties.get("header.i", ""))))
    best = {method: min(words, key=_RANK.index, default="none") for method, words in results.items()}
    return Authentication(
        **best,
        policy=policy,
        domain=domain,
        spf_domain=spf_domain,
        dkim_domains=tuple(dict.fromkeys(each for each in signed if each)),
        reason="authentication-results",
        source=host,
    )


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

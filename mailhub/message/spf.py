"""Sender Policy Framework: may this client send for this domain? A pure generator of DNS questions (RFC 7208).

Bounded by the RFC's own limits: 10 terms that ask, 10 MX hosts, 10 PTR names, 2 void answers; so includes
nest at most 10 deep. The p macro and exp= explanations are not looked up: the first is to be avoided (RFC
7208 5.5), the second is for replies, and strangers shall not write ours.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailhub.message.dns_questions import Question, Rounds, ascii_name, one

LOOKUPS = 10  # RFC 7208 4.6.4
VOID_LOOKUPS = 2
HOSTS = 10  # of one mx or ptr term
RECORD_CHARACTERS = 4_000  # of one policy; RFC 7208 3.4 advises 512 octets
TERMS = 100

_TERM = re.compile(
    r"([+?~-]?)([a-z0-9]{1,20})(?::([^/ ]{1,300}))?((?:/\d{1,2})?(?://\d{1,3})?)", re.IGNORECASE
)
_ADDRESS_TERM = re.compile(r"([+?~-]?)(ip[46]):([0-9a-f:.]{2,50}(?:/\d{1,3})?)", re.IGNORECASE)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]{0,60})=([^ ]{0,300})", re.IGNORECASE)
_MACRO = re.compile(r"%(?:\{([slodiphcrtv])(\d{0,3})(r?)([.+,/_=-]{0,7})\}|([%_-]))", re.IGNORECASE)
_RESULTS = {"": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_NAMED = frozenset(("include", "exists"))
_MECHANISMS = frozenset(("all", "a", "mx", "ptr", *_NAMED))

Peer = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Spf:
    """The verdict: an RFC 7208 2.6 word, the domain it holds for (ASCII), and what decided."""

    result: str
    domain: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    result: str
    name: str
    domain: str  # of a, mx, ptr, include, exists: as written, macros unexpanded; of ip4, ip6: the network
    prefix4: int
    prefix6: int


@dataclass(slots=True)
class _State:
    peer: Peer
    sender: str
    helo: str
    lookups: int = 0
    voids: int = 0


class _Stop(Exception):
    """Ends the evaluation at any depth."""

    def __init__(self, result: str, reason: str) -> None:
        super().__init__(result)
        self.result = result
        self.reason = reason


def check(peer: str, helo: str, mail_from: str | None) -> Rounds[Spf]:
    """Judges a client's address for MAIL FROM, or for HELO when the sender is null (RFC 7208 2.4). Raises nothing."""
    sender = mail_from if mail_from and "@" in mail_from else f"postmaster@{helo}"
    domain = ascii_name(sender.rpartition("@")[2])

    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return Spf("none", domain, "no-peer-address")

    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not domain:
        return Spf("none", "", "no-domain")

    state = _State(address, sender, helo)
    try:
        result, reason = yield from _evaluate(state, domain)
    except _Stop as stop:
        return Spf(stop.result, domain, stop.reason)

    return Spf(result, domain, reason)


def _evaluate(state: _State, domain: str) -> Rounds[tuple[str, str]]:
    """check_host() for one domain (RFC 7208 4): at most LOOKUPS deep, since every include and redirect counts."""
    answer = yield from one((domain, "TXT"))
    if answer.failed:
        raise _Stop("temperror", "no-answer")

    policies = [text for text in answer.records if text[:7].lower() in ("v=spf1", "v=spf1 ")]
    if not policies:
        return "none", "no-policy"
    if len(policies) > 1:
        raise _Stop("permerror", "several-policies")

    terms, redirect = _parse(policies[0][6 : RECORD_CHARACTERS + 6])
    for term in terms:
        if (yield from _matches(state, term, domain)):
            return term.result, term.name

    if redirect:
        _count(state)
        result, reason = yield from _evaluate(state, _expand(state, redirect, domain))
        if result == "none":
            raise _Stop("permerror", "redirect-without-policy")
        return result, reason

    return "neutral", "default"


def _parse(text: str) -> tuple[list[_Term], str]:
    """The terms of a policy and the target of its redirect; any fault makes the whole a permerror (RFC 7208 4.6)."""
    terms: list[_Term] = []
    redirect = ""

    for word in text.split()[: TERMS + 1]:
        modifier = _MODIFIER.fullmatch(word)
        if modifier is not None:
            if modifier[1].lower() == "redirect":
                if redirect or not modifier[2]:
                    raise _Stop("permerror", "syntax")
                redirect = modifier[2]
                _require_macros(redirect)
            continue
        terms.append(_term(word))

    if len(terms) > TERMS:
        raise _Stop("permerror", "too-many-terms")

    return terms, redirect if not any(term.name == "all" for term in terms) else ""


def _term(word: str) -> _Term:
    address = _ADDRESS_TERM.fullmatch(word)
    if address is not None:
        _require_network(address[3], int(address[2][-1]))
        return _Term(
            result=_RESULTS[address[1]], name=address[2].lower(), domain=address[3], prefix4=32, prefix6=128
        )

    match = _TERM.fullmatch(word)
    name = match[2].lower() if match else ""
    if match is None or name not in _MECHANISMS or (name in _NAMED and not match[3]):
        raise _Stop("permerror", "syntax")

    first, _, second = match[4].partition("//")
    prefix4 = int(first.strip("/") or 32)
    prefix6 = int(second or 128)
    if (
        prefix4 > 32
        or prefix6 > 128
        or (match[4] and name not in ("a", "mx"))
        or (name == "all" and match[3])
    ):
        raise _Stop("permerror", "syntax")

    _require_macros(match[3] or "")
    return _Term(
        result=_RESULTS[match[1]], name=name, domain=match[3] or "", prefix4=prefix4, prefix6=prefix6
    )


def _require_network(text: str, version: int) -> None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise _Stop("permerror", "syntax") from None
    if network.version != version:
        raise _Stop("permerror", "syntax")


def _require_macros(text: str) -> None:
    if "%" in _MACRO.sub("", text):
        raise _Stop("permerror", "syntax")


def _matches(state: _State, term: _Term, domain: str) -> Rounds[bool]:
    if term.name == "all":
        return True
    if term.name in ("ip4", "ip6"):
        return _in(state.peer, term.domain)

    _count(state)
    target = _expand(state, term.domain, domain) if term.domain else domain
    if term.name == "include":
        return (yield from _includes(state, target))
    if term.name == "exists":
        return bool((yield from _addresses(state, [target], "A")))
    if term.name == "ptr":
        return (yield from _is_named(state, target))

    hosts: Sequence[str] = [target]
    if term.name == "mx":
        hosts = (yield from _ask(state, (target, "MX")))[: HOSTS + 1]
        if len(hosts) > HOSTS:
            raise _Stop("permerror", "too-many-mx")

    found = yield from _addresses(state, hosts, _type(state.peer))
    prefix = term.prefix4 if state.peer.version == 4 else term.prefix6

    return any(_in(state.peer, f"{address}/{prefix}") for address in found)


def _includes(state: _State, target: str) -> Rounds[bool]:
    """RFC 7208 5.2: the inner pass is a match, the inner none a permerror."""
    result, _ = yield from _evaluate(state, target)
    if result == "none":
        raise _Stop("permerror", "include-without-policy")
    return result == "pass"


def _is_named(state: _State, target: str) -> Rounds[bool]:
    """RFC 7208 5.5: a name of the client, confirmed by its address, is the target or below it."""
    answer = yield from one((state.peer.reverse_pointer, "PTR"))
    if not answer.records and not answer.failed:
        _count_void(state)
    names = [name for name in answer.records[:HOSTS] if f".{name}".endswith(f".{target}")]
    for name in names:
        confirmed = yield from one((name, _type(state.peer)))
        if any(_in(state.peer, address) for address in confirmed.records):
            return True
    return False


def _ask(state: _State, question: Question) -> Rounds[tuple[str, ...]]:
    answer = yield from one(question)
    if answer.failed:
        raise _Stop("temperror", "no-answer")
    if not answer.records:
        _count_void(state)
    return answer.records


def _addresses(state: _State, hosts: Sequence[str], kind: str) -> Rounds[list[str]]:
    """The addresses of some hosts, asked for together."""
    questions = [(name, kind) for host in hosts if (name := ascii_name(host))]
    if not questions:
        return []

    answers = yield frozenset(questions)
    found: list[str] = []

    for question in questions:
        answer = answers.get(question)
        if answer is None or answer.failed:
            raise _Stop("temperror", "no-answer")
        if not answer.records:
            _count_void(state)
        found += answer.records

    return found


def _count(state: _State) -> None:
    state.lookups += 1
    if state.lookups > LOOKUPS:
        raise _Stop("permerror", "too-many-lookups")


def _count_void(state: _State) -> None:
    state.voids += 1
    if state.voids > VOID_LOOKUPS:
        raise _Stop("permerror", "too-many-void-lookups")


def _type(peer: Peer) -> str:
    return "A" if peer.version == 4 else "AAAA"


def _in(peer: Peer, network: str) -> bool:
    try:
        return peer in ipaddress.ip_network(network, strict=False)
    except (ValueError, TypeError):  # not an address, or one of the other family
        return False


def _expand(state: _State, text: str, domain: str) -> str:
    """Expands the macros of a domain-spec (RFC 7208 7); a name too long loses labels from the left."""

    def macro(match: re.Match[str]) -> str:
        if match[5]:
            return {"%": "%", "_": " ", "-": "%20"}[match[5]]

        value = _letter(state, match[1].lower(), domain)
        parts = re.split(f"[{re.escape(match[4] or '.')}]", value)
        if match[3]:
            parts.reverse()
        if match[2]:
            parts = parts[-max(1, int(match[2])) :]
        value = ".".join(parts)

        return quote(value, safe="") if match[1].isupper() else value

    name = _MACRO.sub(macro, text).rstrip(".")
    while len(name) > 253 and "." in name:
        name = name.partition(".")[2]
    return ascii_name(name) or "invalid.invalid"


def _letter(state: _State, letter: str, domain: str) -> str:
    local, _, sender_domain = state.sender.rpartition("@")
    if letter in "it" or letter == "c":
        return ".".join(state.peer.exploded.replace(":", "")) if state.peer.version == 6 else str(state.peer)

    return {
        "s": state.sender,
        "l": local,
        "o": sender_domain,
        "d": domain,
        "h": state.helo,
        "v": "in-addr" if state.peer.version == 4 else "ip6",
        "p": "unknown",
        "r": "unknown",
    }[letter]

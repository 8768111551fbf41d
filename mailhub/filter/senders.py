"""Allow and deny lists of senders: what a rule is, and which one wins over the score. Pure: values in, values out.

A rule is an address or a domain; a domain holds for its subdomains too. Of several that match, the nearest
decides: address, then domain, then its parents.

A deny rule holds whatever authentication said, for the author and for the reverse path: who forges a denied
sender only loses their own mail. An allow rule opens the door, so it holds only for a single author who is
proven: DMARC passes, or their domain publishes no policy and SPF or DKIM passes for it (RFC 7489 3.1,
relaxed); or where nobody was asked to look (LMTP or a pipe without a trusted host, by the operator's choice).
Otherwise the score decides, and the reason says that the rule was not used.

Must not: know tables, or what a verdict does to a ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailhub.errors import BadRequest
from mailhub.message.dmarc import public_suffix
from mailhub.message.dns_questions import ascii_name
from mailhub.message.values import Authentication
from mailhub.reading.authenticated import proves_author

ALLOW = "allow"
DENY = "deny"
PARENTS = 8  # domains above the sender's that are asked for
PATTERN_CHARACTERS = 254  # RFC 5321 4.5.3.1.3

# reasons of a verdict
ALLOWED = "allow-list"
DENIED = "deny-list"
UNPROVEN = "allow-list-unproven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends a message. ``author`` is "" unless From names exactly one address; addresses in lower case."""

    author: str
    reverse_path: str
    authentication: Authentication | None
    looked_for: bool  # whether somebody was to look, so that no result is no proof


@dataclass(frozen=True, slots=True)
class Ruling:
    """The rule that decides, and how. ``reason``: allow-list, deny-list, or allow-list-unproven (the score decides)."""

    reason: str
    pattern: str


def pattern_of(text: str) -> str:
    """A rule in its one spelling. Raises ``BadRequest`` for what is no rule, or holds for half the world."""
    written = text.strip()
    local, at, host = written.rpartition("@")
    domain = ascii_name(host)
    if at and not local:
        raise BadRequest(f"write the domain without an @: {host}")
    if not domain or any(
        not label.replace("-", "").replace("_", "").isalnum() for label in domain.split(".")
    ):
        raise BadRequest("a rule is an address (kim@example.com) or a domain (example.com)")
    if len(written) > PATTERN_CHARACTERS or any(each.isspace() or not each.isprintable() for each in local):
        raise BadRequest("this is no address that mail could come from")
    if public_suffix(domain):
        raise BadRequest(f"{domain} is no one's: everybody can have a name under it; name a domain below it")

    return f"{local.lower()}@{domain}" if at else domain


def candidates(address: str) -> tuple[str, ...]:
    """Every rule that would match an address, the nearest first."""
    local, _, host = address.lower().rpartition("@")
    domain = ascii_name(host)
    if not local or not domain:
        return ()
    labels = domain.split(".")
    parents = (".".join(labels[start:]) for start in range(min(len(labels) - 1, PARENTS)))
    return (f"{local}@{domain}", *parents)


def decide(sender: Sender, rules: Mapping[str, str]) -> Ruling | None:
    """The rule that holds for a sender, of ``rules`` (pattern -> list); None when none does."""
    nearest = _nearest(sender.author, rules)
    if nearest is not None and rules[nearest] == DENY:
        return Ruling(DENIED, nearest)
    if nearest is not None and _proven(sender):
        return Ruling(ALLOWED, nearest)
    denied = _nearest(sender.reverse_path, rules)
    if denied is not None and rules[denied] == DENY:
        return Ruling(DENIED, denied)
    return None if nearest is None else Ruling(UNPROVEN, nearest)


def _nearest(address: str, rules: Mapping[str, str]) -> str | None:
    return next((each for each in candidates(address) if each in rules), None)


def _proven(sender: Sender) -> bool:
    known = sender.authentication
    domain = ascii_name(sender.author.rpartition("@")[2])
    return not sender.looked_for if known is None else proves_author(known, domain)

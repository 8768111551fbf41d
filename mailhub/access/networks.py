"""Allow-lists: from which networks people may come, and who a request really comes from. Values only; rows: storage.

A rule is one address or one network, IPv4 or IPv6, in the one spelling that nobody reads otherwise: what some programs
take for octal, decimal or a host name is refused where it is entered, with the reason. IPv4-mapped IPv6
(::ffff:a.b.c.d, RFC 4291 2.5.5.2) is the IPv4 address it carries, in rules and in addresses.

A forwarded header is believed only when the connection comes from a configured proxy, and is walked from the
right: the first address that is no proxy of ours is the client's. What stands left of it, anybody may have
written. Sources: RFC 7239 (Forwarded), RFC 4632 (CIDR), RFC 4007 11 (zone ids), RFC 6943 3.1 (why spellings
matter).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from mailhub.errors import BadRequest

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

EVERYONE = "everyone"  # the role of a rule for the whole account
HEADERS = ("x-forwarded-for", "forwarded")  # what a proxy may tell the client's address in
MAPPED_BITS = 96  # of ::ffff:0:0/96, before the IPv4 address

_DIGITS = re.compile(r"[0-9]+\Z")
_NUMBERS = re.compile(r"(?:0[xX][0-9a-fA-F]*+|[0-9]++)(?:\.(?:0[xX][0-9a-fA-F]*+|[0-9]++))*+\.?\Z")


def parse_rule(text: str) -> Network:
    """The network of one rule. Raises ``BadRequest``, which says what is wrong with it."""
    written = text.strip()
    address, slash, prefix = written.partition("/")
    parsed = _rule_address(address)
    bits = parsed.max_prefixlen if not slash else _prefix(prefix, parsed)
    network = _folded(ip_network((parsed, bits), strict=False))
    if network.prefixlen == 0:
        raise BadRequest("a network of /0 is everybody: remove the rules instead, then nobody is kept out")
    if _folded_address(parsed) != network.network_address:
        raise BadRequest(f"{parsed} is an address within {network}: write {network}, or {parsed} alone")
    if network.is_unspecified or network.is_multicast:
        raise BadRequest(f"nobody comes from {network}")

    return network


def parse_rules(text: str) -> tuple[Network, ...]:
    """The networks of a text with white space or commas between them."""
    return tuple(parse_rule(each) for each in text.replace(",", " ").split())


def _rule_address(text: str) -> Address:
    if "%" in text:
        raise BadRequest(f"{text}: a zone id (%...) means something on one machine only; leave it out")
    try:
        return ip_address(text)
    except ValueError:
        raise BadRequest(_why_not(text)) from None


def _why_not(text: str) -> str:
    if not text:
        return "a rule is an address or a network: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32"
    if _NUMBERS.match(text):
        parts = text.split(".")
        if any(len(part) > 1 and part[0] == "0" for part in parts):
            return f"{text}: some programs read a leading 0 as octal or hexadecimal; write four decimal numbers, no zeros"
        if len(parts) < 4:
            return f"{text}: an IPv4 address is four numbers with dots between, not one number and not a short form"
        return f"{text} is no IPv4 address: four numbers from 0 to 255"

    if ":" in text:
        return f"{text} is no IPv6 address (no port, no brackets)"

    return f"{text} is no address: a rule names no hosts, since names change and can be forged"


def _prefix(text: str, address: Address) -> int:
    if not _DIGITS.match(text) or (len(text) > 1 and text[0] == "0"):
        raise BadRequest(
            f"/{text}: write the length of the network in bits, as in {address}/{address.max_prefixlen}"
        )
    bits = int(text[:4])
    if bits > address.max_prefixlen:
        raise BadRequest(f"/{text}: at most /{address.max_prefixlen}")
    return bits


def _folded(network: Network) -> Network:
    """An IPv4-mapped network as the IPv4 network it is; one that merely contains all of these stays as it is."""
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return network


def _folded_address(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def parse_address(text: str) -> Address | None:
    """The address of a peer, folded and without a zone id; None for what is none (a Unix socket)."""
    try:
        return _folded_address(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Whether the address lies in one of the networks; an unknown address lies in none."""
    return address is not None and any(address in network for network in networks)


def admits(rules: Sequence[tuple[str, str]], role: str, address: Address | None) -> bool:
    """Whether (role or ``everyone``, network) rules let this role in from there.

    Each list that there is must hold the address, the account's and the role's; where there is none, all are let in.
    """
    for name in (EVERYONE, role):
        networks = [ip_network(network) for whose, network in rules if whose == name]
        if networks and not within(address, networks):
            return False
    return True


def client_address(
    peer: str, headers: Sequence[str], header: str, proxies: Sequence[Network]
) -> Address | None:
    """Who a request comes from: the peer, or whom a configured proxy says it speaks for; None where nobody can tell.

    ``headers`` are the values of the header named ``header``, in the order they came.
    """
    client = parse_address(peer)
    if not within(client, proxies):
        return client
    hops = (
        _forwarded(headers)
        if header == "forwarded"
        else [each for value in headers for each in value.split(",")]
    )
    for hop in reversed(hops):
        client = _hop_address(hop.strip())
        if not within(client, proxies):
            return client
    return client


def _forwarded(values: Sequence[str]) -> list[str]:
    """The ``for`` of each element (RFC 7239 4), "" where it has none."""
    return [_for(element) for value in values for element in _split(value, ",") if element.strip()]


def _for(element: str) -> str:
    for pair in _split(element, ";"):
        name, _, value = pair.partition("=")
        if name.strip().lower() == "for":
            return value.strip().removeprefix('"').removesuffix('"')
    return ""


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators outside of quotes, in one pass; a quote that never ends spoils the part it is in."""
    parts = list[str]()
    start = 0
    quoted = False
    escaped = False

    for place, character in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:place])
            start = place + 1

    return [*parts, "?" if quoted else text[start:]]


def _hop_address(hop: str) -> Address | None:
    """The address of one hop: bare, with a port, or in brackets; None for names (``unknown``, ``_hidden``)."""
    if hop.startswith("["):
        address, bracket, port = hop[1:].partition("]")
        return parse_address(address) if bracket and ":" in address and _is_port(port) else None
    if hop.count(":") == 1:
        address, _, port = hop.partition(":")
        return parse_address(address) if _is_port(f":{port}") else None
    return parse_address(hop)


def _is_port(text: str) -> bool:
    return not text or (text.startswith(":") and len(text) <= 6 and bool(_DIGITS.match(text[1:])))

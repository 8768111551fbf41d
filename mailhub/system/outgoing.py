"""The one guard of connections that a tenant's settings lead to: IMAP servers, token endpoints.

A name is looked up once, what it leads to is judged, and exactly that is dialled: no second look-up may say
something else meanwhile (DNS rebinding). Open is what is reachable for everybody on the Internet. This
machine's own addresses, private networks, clouds' metadata, and every form that hides an IPv4 address in an
IPv6 one are open only where the operator's configuration names host and port (``imap.local_servers``).

Must not: know a protocol. Not for what the operator's configuration itself names (relay, database, name servers).
Sources: RFC 6890 (special addresses), RFC 4291 2.5.5 (IPv4 in IPv6), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380
(Teredo), RFC 3879 (site-local), RFC 5214 6.1 (ISATAP).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network(
    "2000::/3"
)  # nothing else is given out (RFC 4291 2.4): ::/96, 64:ff9b::, fc00::, fec0::
_SHUT = (
    IPv6Network("2001::/23"),  # protocol assignments: Teredo, ORCHID, benchmarking
    IPv6Network("2002::/16"),  # 6to4: leads to any IPv4 address
    IPv6Network("3fff::/20"),  # documentation (RFC 9637); Python 3.11 does not know it
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata at .192
    IPv4Network("192.88.99.0/24"),  # 6to4's relays
    IPv4Network("168.63.129.16/32"),  # Azure's own host, for everybody's machines; the others' are link-local
)
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # the interface's id, before the IPv4 address
_ENTRY = re.compile(r"\[?(?P<host>[A-Za-z0-9_.:-]+?)\]?:(?P<first>[0-9]{1,5})(?:-(?P<last>[0-9]{1,5}))?")


class Unreachable(Exception):
    """No connection may or can be made; ``str`` says why, and names no host."""


class Shut(Unreachable):
    """The host leads only to where a tenant's settings may not."""

    def __init__(self, port: int) -> None:
        super().__init__(
            "the host is in a private network, or is this machine: only the operator may add one there, and"
            f" imap.local_servers in the configuration must name it, as HOST:{port}"
        )


@dataclass(frozen=True, slots=True)
class LocalServers:
    """What the operator's configuration opens: hosts as they are written in settings, each with its ports."""

    entries: tuple[tuple[str, int, int], ...] = ()

    def names(self, host: str, port: int) -> bool:
        """Whether host and port are among them. A host is compared as written: a name is not its address."""
        return any(plain(host) == named and first <= port <= last for named, first, last in self.entries)


def parse_local_servers(text: str) -> LocalServers:
    """The servers of a text with spaces between: HOST:PORT, or HOST:FIRST-LAST. Raises ``ValueError``."""
    entries = []
    for each in text.split():
        match = _ENTRY.fullmatch(each)
        first = int(match["first"]) if match else 0
        last = int(match["last"] or first) if match else 0
        if match is None or not 1 <= first <= last <= 65_535:
            raise ValueError(f"{each!r} is not HOST:PORT, as in 127.0.0.1:143 or [::1]:993")
        entries.append((plain(match["host"]), first, last))
    return LocalServers(tuple(entries))


def plain(host: str) -> str:
    """A host in the one spelling that is compared."""
    return host.strip("[]").rstrip(".").lower()


def look_up(host: str, port: int, *, local: bool) -> Sequence[str]:
    """The IP addresses to dial, in order; only public ones, unless it may be ``local``. Raises ``Unreachable``."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("its name cannot be found: check it, and this machine's DNS") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = addresses if local else [each for each in addresses if is_public(each)]
    if not allowed:
        raise Shut(port)
    return allowed


def dial(addresses: Sequence[str], port: int, seconds: float) -> socket.socket:
    """A connection to the first address that answers. Raises the last one's ``OSError``. Looks up nothing."""
    last = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=seconds)
        except OSError as error:
            last = error
    raise last


def is_public(text: str) -> bool:
    """Whether an address is one machine on the Internet, and neither this one nor one that only its own network has."""
    if "%" in text:  # a zone: means something on this machine only
        return False

    address = ip_address(text)
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if any(address in network for network in _SHUT if network.version == address.version):
        return False
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_UNICAST or _is_isatap(address)):
        return False

    return not _is_own(address)


def _is_isatap(address: IPv6Address) -> bool:
    return int.from_bytes(address.packed[8:12]) in _ISATAP


def _is_own(address: IPv4Address | IPv6Address) -> bool:
    """Whether this machine has the address: only then can a socket be bound to it. Nothing is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True

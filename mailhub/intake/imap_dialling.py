"""The way to an IMAP server: its name looked up, a connection made; into private networks only where that may be."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.intake.imap_faults import ImapFault, in_words, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to reach a server, and how patient to be there."""

    host: str
    port: int
    tls: str  # implicit, starttls or none
    ca_file: str = ""  # "" trusts the system's certificate authorities
    local: bool = False  # whether it may lead into private networks
    seconds: float = 60.0  # for one command with its answer


def look_up(way: Way) -> Sequence[str]:
    """The IP addresses of a host; only public ones, unless it may be local. Raises ``ImapFault``."""
    try:
        found = socket.getaddrinfo(way.host, way.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ImapFault(f"the name {said(way.host)} cannot be found: check it, and this machine's DNS") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [each for each in addresses if way.local or ipaddress.ip_address(each.partition("%")[0]).is_global]
    if not allowed:
        raise ImapFault("the host is in a private network: only the operator may add one there")
    return allowed


def dial(way: Way, addresses: Sequence[str]) -> socket.socket:
    """A connection to the first address that answers. Raises ``ImapFault``."""
    last: Exception = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((address, way.port), timeout=way.seconds)
        except OSError as error:
            last = error
    raise ImapFault(in_words(last)) from last

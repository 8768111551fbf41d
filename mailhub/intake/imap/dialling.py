"""The way to an IMAP server, by the guard of outgoing connections (``mailhub/system/outgoing.py``)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.intake.imap.faults import ImapFault, in_words, said
from mailhub.system import outgoing


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
        return outgoing.look_up(way.host, way.port, local=way.local)
    except outgoing.Shut as shut:
        raise ImapFault(str(shut)) from shut
    except outgoing.Unreachable as error:
        raise ImapFault(
            f"the name {said(way.host)} cannot be found: check it, and this machine's DNS"
        ) from error


def dial(way: Way, addresses: Sequence[str]) -> socket.socket:
    """A connection to the first address that answers. Raises ``ImapFault``."""
    try:
        return outgoing.dial(addresses, way.port, way.seconds)
    except OSError as error:
        raise ImapFault(in_words(error)) from error

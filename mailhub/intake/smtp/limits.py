"""The bounds of the SMTP and LMTP doors and the accounts kept against them: connections, bytes, errors. No sockets.

Defaults are Postfix's own (postconf(5)) where it has one. Nothing here is durable: a restart begins with empty ones.
"""

from __future__ import annotations

import ssl
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

from mailhub.errors import ConfigurationError
from mailhub.system.budget import SMALL_BYTES, ByteBudget

MIB = 1024 * 1024

SMALL_MESSAGE_BYTES = SMALL_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """What one door allows. Sizes in bytes, periods in seconds, the rest are counts.

    Raises ``ConfigurationError`` when the values contradict each other.
    """

    hostname: str = "localhost"  # in the greeting and in EHLO
    command_bytes: int = 2_048  # line_length_limit
    message_bytes: int = 50 * MIB  # the value; Postfix's message_size_limit is 10 MB
    line_bytes: int = MIB  # within a message; real senders pass the 998 of RFC 5322 2.1.1
    recipients: int = 1_000  # smtpd_recipient_limit
    connections: int = 1_000
    connections_per_address: int = 50  # smtpd_client_connection_count_limit; IPv6 counts by /64
    errors: int = 20  # smtpd_hard_error_limit
    junk_commands: int = 100  # smtpd_junk_command_limit
    in_flight_bytes: int = 256 * MIB  # message bytes held by all sessions, being read or being committed
    command_seconds: float = 300.0  # smtpd_timeout, RFC 5321 4.5.3.2.7
    data_seconds: float = 300.0  # the period over which the rate of DATA is judged
    data_bytes_per_second: int = 100  # in every such period; 0 asks only that something arrives
    greeting_seconds: float = 0.05  # how long a client must hold its tongue (RFC 5321 4.3.1); 0 does not look
    linger_seconds: float = 2.0  # how long a refused client may take to read why
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    require_tls: bool = False

    def __post_init__(self) -> None:
        if self.require_tls and self.tls is None:
            raise ConfigurationError("TLS is required but there is no certificate")
        if self.message_bytes > self.in_flight_bytes - self.in_flight_bytes // 8:
            raise ConfigurationError(
                "seven eighths of in_flight_bytes must hold one message of message_bytes"
            )


@dataclass(slots=True)
class Counters:
    """What a door counted since it opened; read by metrics and readiness."""

    connections: int = 0  # open now
    connections_total: int = 0
    in_flight_bytes: int = 0  # now
    messages: int = 0  # taken over: answered 250 to at least one recipient
    message_bytes: int = 0  # of those
    last_mail_at: int | None = None  # microseconds since the epoch; None before the first
    faults: int = 0  # answered 451 because something raised
    refusals: Counter[str] = field(default_factory=Counter)  # by machine reason


def address_group(peer: str) -> str:
    """What counts as one client: the IPv4 address, the /64 of an IPv6 one, "" for a Unix socket."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))


def is_loopback(peer: str) -> bool:
    """Whether a client is on this machine: a Unix socket, too, and whatever is no address."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return True
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


class Connections:
    """Admits connections up to a total and up to a number per client."""

    def __init__(self, settings: DoorSettings, counters: Counters) -> None:
        self.settings = settings
        self._counters = counters
        self._by_group: Counter[str] = Counter()

    def admit(self, peer: str) -> str:
        """Count one connection in; "" or the machine reason why it may not stay (then nothing was counted)."""
        group = address_group(peer)
        if self._counters.connections >= self.settings.connections:
            return "too-many-connections"
        if group and self._by_group[group] >= self.settings.connections_per_address:
            return "too-many-connections-per-address"
        self._by_group[group] += 1
        self._counters.connections += 1
        self._counters.connections_total += 1
        return ""

    def leave(self, peer: str) -> None:
        """Count out a connection that was admitted."""
        group = address_group(peer)
        self._counters.connections -= 1
        self._by_group[group] -= 1
        if not self._by_group[group]:
            del self._by_group[group]


class InFlight:
    """What one door's sessions hold of the house's bytes (``budget.py``): its own count, and each client's share."""

    def __init__(self, settings: DoorSettings, counters: Counters, budget: ByteBudget | None = None) -> None:
        self._counters = counters
        self._budget = budget or ByteBudget(settings.in_flight_bytes, settings.message_bytes)

    def configure(self, settings: DoorSettings) -> None:
        """Use other limits: a reload."""
        self._budget.configure(settings.in_flight_bytes, settings.message_bytes)

    def has_room(self, message_bytes: int, peer: str) -> bool:
        """Whether a message of this size would fit now; nothing is set aside."""
        return self._budget.has_room(message_bytes, _share_of(peer))

    def take(self, count: int, message_bytes: int, peer: str) -> bool:
        """Charge ``count`` bytes to a message that has ``message_bytes`` with them; False (nothing charged) if over."""
        taken = self._budget.take(count, message_bytes, _share_of(peer))
        self._counters.in_flight_bytes += count if taken else 0
        return taken

    def give_back(self, count: int, peer: str) -> None:
        """Release what ``take`` charged."""
        self._counters.in_flight_bytes -= count
        self._budget.give_back(count, _share_of(peer))


def _share_of(peer: str) -> str:
    """Whose share a client's bytes count to; "" for this machine's own MX, which brings everybody's."""
    return "" if is_loopback(peer) else address_group(peer)


class Patience:
    """How much one session may waste without delivering mail; delivering restores it, as in Postfix."""

    __slots__ = ("_errors", "_junk", "_settings")

    def __init__(self, settings: DoorSettings) -> None:
        self._settings = settings
        self._errors = 0
        self._junk = 0

    @property
    def exhausted(self) -> bool:
        """Whether the session has to end."""
        return self._errors >= self._settings.errors

    def error(self) -> None:
        """A command was refused."""
        self._errors += 1

    def junk(self) -> None:
        """A command that brings no mail nearer; beyond the limit each is an error."""
        self._junk += 1
        if self._junk > self._settings.junk_commands:
            self._errors += 1

    def delivered(self) -> None:
        """A message was taken over."""
        self._errors = self._junk = 0

"""The accounts a door keeps against its bounds."""

import pytest

from mailhub.errors import ConfigurationError
from mailhub.intake.smtp.limits import (
    MIB,
    Connections,
    Counters,
    DoorSettings,
    InFlight,
    Patience,
    address_group,
)


@pytest.mark.parametrize(
    ("peer", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("/run/client.sock", ""),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(peer: str, group: str) -> None:
    """IPv6 counts by /64, mapped IPv4 as IPv4, Unix sockets not at all."""
    assert address_group(peer) == group


def test_connections_are_counted_in_and_out() -> None:
    """The limit per client and the total hold, and a place that is left can be taken again."""
    counters = Counters()
    connections = Connections(DoorSettings(connections=3, connections_per_address=2), counters)
    assert [connections.admit("192.0.2.1") for _ in range(3)] == ["", "", "too-many-connections-per-address"]
    assert [connections.admit(peer) for peer in ("192.0.2.2", "192.0.2.3")] == ["", "too-many-connections"]
    connections.leave("192.0.2.1")
    assert connections.admit("192.0.2.1") == ""
    assert (counters.connections, counters.connections_total) == (3, 4)


def test_unix_sockets_have_no_address_to_count() -> None:
    """Peers without an address share no limit but the total."""
    connections = Connections(DoorSettings(connections=5, connections_per_address=1), Counters())
    assert [connections.admit("") for _ in range(6)] == [""] * 5 + ["too-many-connections"]


def test_the_last_eighth_is_for_small_messages() -> None:
    """Large messages stop at seven eighths; a small one still fits, up to the whole."""
    counters = Counters()
    room = InFlight(DoorSettings(in_flight_bytes=80 * MIB), counters)
    assert room.take(70 * MIB, 70 * MIB, "")
    assert not room.take(1, 2 * MIB, "")
    assert not room.has_room(2 * MIB, "")
    assert room.take(MIB, MIB, "")
    room.give_back(70 * MIB, "")
    assert counters.in_flight_bytes == MIB


def test_one_client_holds_a_quarter_of_the_bytes() -> None:
    """A client, IPv6 by its /64, is refused beyond a quarter; others are not, nor is this machine's own MX."""
    room = InFlight(DoorSettings(in_flight_bytes=240 * MIB), Counters())
    assert room.take(50 * MIB, 50 * MIB, "2001:db8::1")
    assert room.has_room(10 * MIB, "2001:db8::2")
    assert not room.take(10 * MIB + 1, 50 * MIB, "2001:db8::2")
    assert room.take(50 * MIB, 50 * MIB, "2001:db8:0:1::1")
    assert room.take(50 * MIB, 50 * MIB, "127.0.0.1")
    assert room.take(50 * MIB, 50 * MIB, "::1")
    room.give_back(50 * MIB, "2001:db8::1")
    assert room.take(10 * MIB, 10 * MIB, "2001:db8::2")


def test_the_share_holds_one_message_of_any_size() -> None:
    """Where a quarter is less than the largest message, one of that size is taken all the same."""
    room = InFlight(DoorSettings(in_flight_bytes=80 * MIB, message_bytes=50 * MIB), Counters())
    assert room.take(50 * MIB, 50 * MIB, "192.0.2.1")
    assert not room.take(1, 1, "192.0.2.1")


def test_patience_ends_with_errors_and_comes_back_with_mail() -> None:
    """Errors end a session, junk beyond its limit counts as errors, a delivered message wipes both."""
    patience = Patience(DoorSettings(errors=2, junk_commands=3))
    for _ in range(4):
        patience.junk()
    assert not patience.exhausted
    patience.delivered()
    for _ in range(5):
        patience.junk()
    assert patience.exhausted


@pytest.mark.parametrize("settings", [{"require_tls": True}, {"in_flight_bytes": 50 * MIB}])
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, int]) -> None:
    """TLS cannot be required without a certificate, nor can a message be larger than what may be held."""
    with pytest.raises(ConfigurationError):
        DoorSettings(**settings)  # type: ignore[arg-type]

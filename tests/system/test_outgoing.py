"""The guard of outgoing connections: what is open to tenants' settings, and that what was judged is what is dialled."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from mailhub.config import Imap
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.dialling import Way
from mailhub.intake.imap.faults import ImapFault
from mailhub.intake.imap.mailbox import way_of
from mailhub.oauth.endpoint import OauthFault, Reach, ask
from mailhub.system import outgoing
from mailhub.system.outgoing import is_public, parse_local_servers
from tests.houses.imap_rows import source_row

SHUT = {
    "this machine": "127.0.0.1 127.1.2.3 ::1 0.0.0.0 ::",
    "private": "10.1.2.3 172.16.0.1 192.168.0.1 fc00::1 fd12:3456::1",
    "link-local, with a zone or without": "169.254.0.1 fe80::1 fe80::1%lo",
    "site-local": "fec0::1 feff::1",
    "carriers' own": "100.64.0.1",
    "metadata": "169.254.169.254 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254",
    "IPv4-mapped": "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8",
    "IPv4-compatible": "::127.0.0.1 ::8.8.8.8",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::127.0.0.1 64:ff9b::8.8.8.8 64:ff9b:1::10.0.0.1",
    "6to4": "2002:7f00:1::1 2002:808:808::1 192.88.99.1",
    "Teredo": "2001::1 2001:0:7f00:1::1",
    "ISATAP": "2620:0:1:2:0:5efe:7f00:1 2620:0:1:2:200:5efe:7f00:1",
    "multicast and broadcast": "224.0.0.1 239.1.1.1 ff02::1 255.255.255.255",
    "reserved, documentation": "240.0.0.1 192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 3fff::1 5f00::1 100::1",
}
OPEN = ("8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::6c")


@pytest.mark.parametrize(
    ("kind", "address"), [(kind, each) for kind, all_ in SHUT.items() for each in all_.split()]
)
def test_no_setting_of_a_tenant_leads_to(kind: str, address: str) -> None:
    """No address of a special kind, in any form, is dialled for IMAP or a token endpoint where no operator named it."""
    assert not is_public(address), kind
    with pytest.raises(ImapFault, match=r"private|cannot be found"):
        Conversation.connect(Way(host=address, port=1, tls="none", seconds=1))
    shown = f"[{address}]" if ":" in address else address
    with pytest.raises(OauthFault, match=r"private|does not answer|malformed"):
        ask(f"https://{shown}:1/token", {}, Reach(seconds=1))


@pytest.mark.parametrize("address", OPEN)
def test_the_internet_is_open(address: str) -> None:
    """Addresses that the Internet routes may be dialled."""
    assert is_public(address)


def test_the_machines_own_public_address_is_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that the machine can bind is its own, however public."""
    monkeypatch.setattr(outgoing, "socket", _Bindable())
    assert not is_public("8.8.8.8")


class _Bindable:
    """The module of sockets of a machine that has every address."""

    AF_INET, AF_INET6, SOCK_DGRAM = socket.AF_INET, socket.AF_INET6, socket.SOCK_DGRAM

    def socket(self, *_: object) -> _Bindable:
        return self

    def bind(self, address: tuple[str, int]) -> None:
        assert address == ("8.8.8.8", 0)

    def __enter__(self) -> _Bindable:
        return self

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server on loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        yield listening


def rebinding(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """A name that leads somewhere else with each look-up; the look-ups made of names."""
    asked, real, left = list[str](), socket.getaddrinfo, list(answers)

    def look_up(host: str, *more: object, **how: object) -> object:
        if host != "rebound.example":
            return real(host, *more, **how)  # type: ignore[arg-type]  # passed on as it came
        asked.append(host)
        return real(left.pop(0), *more, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("scheme", ["imap", "https"])
def test_a_name_is_looked_up_once(
    monkeypatch: pytest.MonkeyPatch, listener: socket.socket, scheme: str
) -> None:
    """A name that leads to the Internet first and to this machine then is dialled where it led first."""
    port, dialled = listener.getsockname()[1], list[str]()
    asked = rebinding(monkeypatch, "8.8.8.8", "127.0.0.1")

    def connect(address: tuple[str, int], **_: object) -> socket.socket:
        dialled.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    if scheme == "imap":
        with pytest.raises(ImapFault):
            Conversation.connect(Way(host="rebound.example", port=port, tls="none", seconds=1))
    else:
        with pytest.raises(OauthFault):
            ask(f"https://rebound.example:{port}/token", {}, Reach(seconds=1))
    assert (asked, dialled) == (["rebound.example"], ["8.8.8.8"])


def test_of_several_addresses_the_public_ones_are_dialled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with a public and a private address leads to the public one alone."""
    entries = [(0, 0, 0, "", (each, 993)) for each in ("10.0.0.1", "8.8.8.8", "::1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: entries)
    assert outgoing.look_up("imap.example", 993, local=False) == ["8.8.8.8"]


@pytest.mark.parametrize(
    ("named", "added_by_operator", "local"),
    [
        ("127.0.0.1:143", True, True),
        ("127.0.0.1:100-200", True, True),
        ("127.0.0.1:143", False, False),
        ("127.0.0.1:993", True, False),
        ("localhost:143", True, False),
        ("", True, False),
    ],
)
def test_a_local_server_is_named_with_its_port(named: str, added_by_operator: bool, local: bool) -> None:
    """This machine is dialled for a mailbox that the operator added, where the configuration names host and port."""
    source = source_row(account=1, source=1, mailbox=1, port=143, local=int(added_by_operator))
    assert way_of(source, Imap(local_servers=named)).local == local


@pytest.mark.parametrize(
    "text", ["127.0.0.1", "host:", ":143", "host:0", "host:65536", "host:20-10", "host:143,x:1"]
)
def test_a_malformed_local_server_is_told(text: str) -> None:
    """An entry without host, or with a port that is none, is refused and named."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_local_servers(text)


def test_spellings_of_a_host_are_one() -> None:
    """Case, brackets and a final dot make no other host."""
    servers = parse_local_servers("Dovecot.Internal:993 [::1]:143")
    assert servers.names("dovecot.internal.", 993)
    assert servers.names("::1", 143)

"""Every way to write an address that somebody tried: in a rule, and in a header that says for whom a proxy speaks."""

from __future__ import annotations

import pytest

from mailhub.access.networks import admits, client_address, parse_address, parse_rule, parse_rules
from mailhub.errors import BadRequest


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        (" 192.0.2.0/24 ", "192.0.2.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:c000:207", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::/1", "::/1"),
        ("128.0.0.0/1", "128.0.0.0/1"),
    ],
)
def test_a_rule_has_one_meaning(written: str, meant: str) -> None:
    """Each of these is one network, and is stored in one spelling."""
    assert str(parse_rule(written)) == meant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "a rule is an address"),
        ("0.0.0.0/0", "everybody"),
        ("::/0", "everybody"),
        ("10.0.0.1/0", "everybody"),
        ("::ffff:0:0/96", "everybody"),
        ("10.1.2.3/8", "write 10.0.0.0/8, or 10.1.2.3 alone"),
        ("2001:db8::1/32", "write 2001:db8::/32"),
        ("::ffff:192.0.2.1/120", "write 192.0.2.0/24"),
        ("010.0.0.1", "octal"),
        ("192.0.2.08", "octal"),
        ("0x7f.0.0.1", "octal or hexadecimal"),
        ("0x7f000001", "octal or hexadecimal"),
        ("017700000001", "octal"),
        ("2130706433", "four numbers with dots"),
        ("127.1", "four numbers with dots"),
        ("192.0.2", "four numbers with dots"),
        ("192.0.2.256", "from 0 to 255"),
        ("1.2.3.4.5", "from 0 to 255"),
        ("192.0.2.7.", "from 0 to 255"),
        ("fe80::1%eth0", "zone id"),
        ("fe80::1%25eth0/64", "zone id"),
        ("10.0.0.0/255.0.0.0", "length of the network in bits"),
        ("10.0.0.0/0.255.255.255", "length of the network in bits"),
        ("10.0.0.0/08", "length of the network in bits"),
        ("10.0.0.0/", "length of the network in bits"),
        ("10.0.0.0/-1", "length of the network in bits"),
        ("10.0.0.0/33", "at most /32"),
        ("10.0.0.0/8/8", "length of the network in bits"),
        ("2001:db8::/129", "at most /128"),
        ("2001:db8::/99999999999", "at most /128"),
        ("[2001:db8::1]", "no brackets"),
        ("[2001:db8::1]:443", "no brackets"),
        ("192.0.2.7:443", "no port"),
        ("2001:db8:::1", "no IPv6 address"),
        ("::ffff:192.0.2.07", "no IPv6 address"),
        ("١٩٢.٠.٢.٧", "no hosts"),
        ("office.example.com", "no hosts"),
        ("*", "no hosts"),
        ("0.0.0.0", "nobody comes from"),
        ("::", "nobody comes from"),
        ("224.0.0.0/4", "nobody comes from"),
        ("ff02::1", "nobody comes from"),
    ],
)
def test_a_bad_rule_is_refused_with_the_reason(written: str, why: str) -> None:
    """What is wrong, ambiguous, or lets everybody in is refused where it is entered."""
    with pytest.raises(BadRequest, match=why):
        parse_rule(written)


PROXIES = parse_rules("10.0.0.0/8, 2001:db8:ffff::/48 127.0.0.1")
XFF, FORWARDED = "x-forwarded-for", "forwarded"


@pytest.mark.parametrize(
    ("peer", "header", "values", "client"),
    [
        # no proxy of ours: whatever it says, it is itself
        ("203.0.113.9", XFF, ["192.0.2.7"], "203.0.113.9"),
        ("203.0.113.9", FORWARDED, ["for=192.0.2.7"], "203.0.113.9"),
        ("::ffff:203.0.113.9", XFF, ["192.0.2.7"], "203.0.113.9"),
        # a proxy of ours that says nothing
        ("10.0.0.1", XFF, [], "10.0.0.1"),
        # once
        ("10.0.0.1", XFF, ["192.0.2.7"], "192.0.2.7"),
        ("::ffff:10.0.0.1", XFF, ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", XFF, ["::ffff:192.0.2.7"], "192.0.2.7"),
        ("2001:db8:ffff::1", XFF, ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", XFF, ["192.0.2.7:50123"], "192.0.2.7"),
        ("10.0.0.1", XFF, ["[2001:db8::7]:50123"], "2001:db8::7"),
        ("10.0.0.1", XFF, ["[2001:db8::7]"], "2001:db8::7"),
        # many: from the right, over our own proxies
        ("10.0.0.1", XFF, ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", XFF, ["198.51.100.1, 192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", XFF, ["198.51.100.1", "192.0.2.7", "10.0.0.2, 10.0.0.3"], "192.0.2.7"),
        ("10.0.0.1", XFF, ["10.0.0.3,10.0.0.2"], "10.0.0.3"),
        # what cannot be read ends the walk: nobody knows who it is
        ("10.0.0.1", XFF, ["192.0.2.7, unknown"], None),
        ("10.0.0.1", XFF, ["192.0.2.7,"], None),
        ("10.0.0.1", XFF, ["192.0.2.07"], None),
        ("10.0.0.1", XFF, ["3221225991"], None),
        ("10.0.0.1", XFF, ["0xc0000207"], None),
        ("10.0.0.1", XFF, ["192.0.2.7:port"], None),
        ("10.0.0.1", XFF, ["[192.0.2.7]"], None),
        ("10.0.0.1", XFF, ["fe80::1%eth0"], "fe80::1"),
        # RFC 7239
        ("10.0.0.1", FORWARDED, ["for=192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", FORWARDED, ["For=192.0.2.7;Proto=https;By=203.0.113.43"], "192.0.2.7"),
        ("10.0.0.1", FORWARDED, ['for="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        ("10.0.0.1", FORWARDED, ["for=198.51.100.1, for=192.0.2.7, for=10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", FORWARDED, ["for=198.51.100.1", "for=192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", FORWARDED, ['for=192.0.2.7;host="a, for=198.51.100.1"'], "192.0.2.7"),
        ("10.0.0.1", FORWARDED, ['for="a\\", for=198.51.100.1", for=192.0.2.7'], "192.0.2.7"),
        ("10.0.0.1", FORWARDED, ["for=192.0.2.7, for=unknown"], None),
        ("10.0.0.1", FORWARDED, ["for=192.0.2.7, for=_hidden"], None),
        ("10.0.0.1", FORWARDED, ["for=192.0.2.7, proto=https"], None),
        # a quote that the client opened and never closed swallows what the proxy added: nobody, not the
        # client's word
        ("10.0.0.1", FORWARDED, ['for="192.0.2.7, for=198.51.100.1'], None),
        # a Unix socket has no address
        ("", XFF, ["192.0.2.7"], None),
    ],
)
def test_whom_a_request_comes_from(peer: str, header: str, values: list[str], client: str | None) -> None:
    """Only configured proxies are believed, and of a chain only what they wrote themselves."""
    found = client_address(peer, values, header, PROXIES)
    assert found == (None if client is None else parse_address(client))


def test_no_proxy_is_configured_by_default() -> None:
    """Without configuration not even this machine is believed."""
    assert str(client_address("127.0.0.1", ["192.0.2.7"], XFF, ())) == "127.0.0.1"


@pytest.mark.parametrize(
    ("rules", "role", "address", "in_"),
    [
        ([], "agent", "203.0.113.9", True),
        ([], "agent", None, True),
        ([("everyone", "192.0.2.0/24")], "agent", "192.0.2.7", True),
        ([("everyone", "192.0.2.0/24")], "agent", "::ffff:192.0.2.7", True),
        ([("everyone", "192.0.2.0/24")], "owner", "203.0.113.9", False),
        ([("everyone", "192.0.2.0/24")], "owner", None, False),
        ([("everyone", "192.0.2.0/24")], "owner", "2001:db8::1", False),
        ([("everyone", "192.0.2.0/24"), ("everyone", "2001:db8::/32")], "owner", "2001:db8::1", True),
        ([("agent", "192.0.2.7/32")], "agent", "192.0.2.8", False),
        ([("agent", "192.0.2.7/32")], "admin", "192.0.2.8", True),
        ([("everyone", "192.0.2.0/24"), ("agent", "192.0.2.7/32")], "agent", "192.0.2.7", True),
        ([("everyone", "192.0.2.0/24"), ("agent", "192.0.2.7/32")], "agent", "192.0.2.8", False),
        ([("everyone", "192.0.2.0/24"), ("agent", "198.51.100.0/24")], "agent", "198.51.100.1", False),
    ],
)
def test_every_list_that_there_is_must_hold_the_address(
    rules: list[tuple[str, str]], role: str, address: str | None, in_: bool
) -> None:
    """The account's list binds everybody, a role's binds that role too; where there is none, all are let in."""
    assert admits(rules, role, None if address is None else parse_address(address)) is in_

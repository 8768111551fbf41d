"""Authentication-Results of trusted hosts (RFC 8601), and of nobody else."""

from __future__ import annotations

import pytest

from mailhub.message.authentication_results import authentication_results as read
from mailhub.message.author import fields_of
from mailhub.message.values import Authentication

FIELD = (
    "mx.ours.example; dkim=pass (good; key) header.d=a.example header.s=k; spf=softfail smtp.mailfrom=kim@a.example;"
    " dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=a.example"
)


def authentication_results(
    headers: list[tuple[str, str]], trusted_hosts: set[str], author: str
) -> Authentication | None:
    """What is believed of a mail with these headers."""
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n"
    return read(fields_of(raw.encode())[0], trusted_hosts, author)


def test_trusted_host_is_believed() -> None:
    """Results, domains and policy are read from a field of a trusted host."""
    found = authentication_results([("Authentication-Results", FIELD)], {"MX.ours.example"}, "a.example")
    assert found is not None
    assert (found.dkim, found.spf, found.dmarc, found.policy) == ("pass", "softfail", "pass", "reject")
    assert (found.domain, found.spf_domain, found.dkim_domains) == ("a.example", "a.example", ("a.example",))
    assert found.source == "mx.ours.example"


def test_results_may_be_spread_over_fields() -> None:
    """Fields of the trusted host that stand together are read together."""
    fields = [
        ("Authentication-Results", "mx; spf=pass"),
        ("authentication-results", "mx 1; dkim=fail; dkim=pass header.d=b.example"),
    ]
    found = authentication_results(fields, {"mx"}, "a.example")
    assert found is not None
    assert (found.spf, found.dkim, found.dkim_domains) == ("pass", "pass", ("b.example",))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authentication-Results", FIELD.replace("mx.ours", "mx.evil"))],
        [("Authentication-Results", f"(mx.ours.example) {FIELD.replace('mx.ours.example', 'evil')}")],
        [("X-Authentication-Results", FIELD)],
    ],
)
def test_nobody_else_counts(headers: list[tuple[str, str]]) -> None:
    """Fields of other hosts, and other headers, count for nothing."""
    assert authentication_results(headers, {"mx.ours.example"}, "a.example") is None


def test_field_below_the_trusted_hosts_received_counts_for_nothing() -> None:
    """What stood in the mail when the trusted host got it may be forged in its name."""
    headers = [
        ("Authentication-Results", "mx.ours.example; dmarc=fail header.from=a.example"),
        ("Received", "from evil by mx.ours.example"),
        ("Authentication-Results", FIELD),
    ]
    found = authentication_results(headers, {"mx.ours.example"}, "a.example")
    assert found is not None
    assert (found.dmarc, found.dkim) == ("fail", "none")


@pytest.mark.parametrize(
    "value", ["mx", "mx; none", "mx (amavis); none", "mx 1; none;", "mx; x-other=pass smtp.x=y"]
)
def test_a_field_without_results_says_nothing(value: str) -> None:
    """A host that has looked at nothing we know gives no result, and no fault."""
    found = authentication_results([("Authentication-Results", value)], {"mx"}, "a.example")
    assert found is not None
    assert (found.spf, found.dkim, found.dmarc) == ("none", "none", "none")


ODD = [
    "mx;" * 5_000,
    "mx; spf",
    "mx; (((((" * 900,
    'mx; "' + "a;" * 9_000,
    "mx; spf=" + "x" * 9_000,
    "mx 2; spf=pass",
    "mx; spf=pass)",
    "mx; spf=pass (a",
    'mx; spf=pass (by "a) ; dmarc=pass header.from=a.example; x=pass (" b)',
    "mx; dmarc=fail header.from=a.example \\; dmarc=pass header.from=a.example",
    "mx; dmarc=pass header.from=a.example \x7f",
    "mx; dmarc=pass header.from=a.exämple",
    "mx; dmarc=pass header.from a.example",
    "mx; dmarc=pass/x header.from=a.example",
]


@pytest.mark.parametrize("value", ODD)
def test_an_odd_field_of_the_host_proves_nobody(value: str) -> None:
    """What is not of the grammar, for which a sender's own words are enough, is a permanent error and never a pass."""
    for more in ([], [("Authentication-Results", FIELD.replace("mx.ours.example", "mx"))]):
        found = authentication_results([("Authentication-Results", value), *more], {"mx"}, "a.example")
        assert found is not None
        assert (found.spf, found.dkim, found.dmarc, found.domain) == ("none", "none", "permerror", "")


FORGED = [
    ("Authentication-Results", "=?utf-8?q?mx=2Eours=2Eexample?=" + FIELD.removeprefix("mx.ours.example")),
    ("Authentication-Results", '"mx.ours.example"' + FIELD.removeprefix("mx.ours.example")),
    ("Authentication-Results", "(c) " + FIELD),
    ("Authentication-Results", "mx.ours.example." + FIELD.removeprefix("mx.ours.example")),
    ("Authentication-Results", "mx.ours.example/1" + FIELD.removeprefix("mx.ours.example")),
    ("Authentication-Results", "mx.ours.example=" + FIELD.removeprefix("mx.ours.example")),
    ("Authentication-Results", "\xa0" + FIELD),
    ("Authentication-Results", "x, " + FIELD),
    ("Authentication-Results ", FIELD),
    ("Authentication-Results\t", FIELD),
    ("\ufeffAuthentication-Results", FIELD),
    ("Authentication-Results\0", FIELD),
    ("X\rAuthentication-Results", FIELD),
    ("ARC-Authentication-Results", "i=1; " + FIELD),
]


@pytest.mark.parametrize("header", FORGED)
def test_what_a_host_need_not_strip_is_not_believed(header: tuple[str, str]) -> None:
    """A field that is the trusted host's only after decoding or repair is nobody's."""
    assert authentication_results([header], {"mx.ours.example"}, "a.example") is None


def test_senders_words_are_no_property() -> None:
    """An address as long or as odd as a sender likes puts no property and no policy beside the one it stands in."""
    for local in (
        "header.from=a.example",
        "x" * 400 + "+header.from=a.example",
        '"; dmarc=pass header.from=a.example;"',
    ):
        value = f"mx; spf=pass smtp.mailfrom={local}@e.example; dmarc=pass smtp.mailfrom={local}@e.example"
        found = authentication_results([("Authentication-Results", value)], {"mx"}, "a.example")
        assert found is not None
        assert (found.dmarc, found.spf_domain) == ("none", "e.example")
    escaped = r'mx; spf=pass smtp.mailfrom="a\" ; dmarc=pass header.from=a.example ; x=pass y.z="'
    found = authentication_results([("Authentication-Results", escaped)], {"mx"}, "a.example")
    assert found is not None
    assert (found.spf, found.dmarc, found.spf_domain) == ("pass", "none", "")


@pytest.mark.parametrize(
    "said",
    [
        'dkim=pass (2048-bit key; unprotected) header.d=a.example header.b="Bq/+4"; dkim-atps=neutral',
        "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=a.example; dkim=pass (signature was verified)\r\n"
        " header.d=a.example;dmarc=pass action=none\r\n header.from=a.example;compauth=pass reason=100",
        "\r\n\tdkim=pass header.d=a.example header.b=Zx9;\r\n\tdmarc=pass (policy=reject) header.from=a.example;",
        "iprev=pass policy.iprev=192.0.2.1 (h.example); dkim / 1 = pass header . d = a.example",
        'dkim=pass reason="good; \\"signature\\"" header.d=a.example',
        'spf=pass smtp.mailfrom="a b"@a.example; dkim=pass header.d=a.example; bimi=skipped policy.uri=https://x.example/a?b=c',
    ],
)
def test_what_real_hosts_write_is_read(said: str) -> None:
    """Comments, quotes, folds and blanks stand where RFC 8601 lets them, and properties that nobody knows."""
    found = authentication_results([("Authentication-Results", f"mx; {said}")], {"mx"}, "a.example")
    assert found is not None
    assert (found.dkim, found.dkim_domains) == ("pass", ("a.example",))


TOP = "from DB9PR08.eurprd08.prod.outlook.com (2603:10a6::1) by AM0PR01.eurprd01.prod.exchangelabs.com with HTTPS; Mon"
HOP = "from out.a.example (192.0.2.48) by DB1PEPF0003.mail.protection.outlook.com (10.0.0.1) with Microsoft SMTP Server"
PLAIN = (
    "spf=pass (sender IP is 192.0.2.48)\r\n smtp.mailfrom=a.example; dkim=pass (signature was verified)\r\n"
    " header.d=a.example;dmarc=pass action=none\r\n header.from=a.example;compauth=pass reason=100"
)
OUTLOOK = {"mail.protection.outlook.com"}
RECEIVED, RESULTS = "Received", "Authentication-Results"


def test_microsofts_results_without_an_identity_are_believed_where_they_are_named() -> None:
    """The topmost field above the hop's own Received, where the operator names Microsoft 365; nowhere else."""
    headers = [
        (RECEIVED, TOP),
        (RESULTS, PLAIN),
        (RECEIVED, HOP),
        (RESULTS, "dmarc=fail"),
        ("From", "kim@a.example"),
    ]
    found = authentication_results(headers, OUTLOOK, "a.example")
    assert found is not None
    assert (found.spf, found.dkim, found.dmarc, found.policy) == ("pass", "pass", "pass", "none")
    assert (found.source, found.dkim_domains) == ("mail.protection.outlook.com", ("a.example",))
    assert authentication_results(headers, {"mx.ours.example"}, "a.example") is None
    other = authentication_results(headers, OUTLOOK, "b.example")
    assert other is not None
    assert other.dmarc == "fail"


OUR_HOP = "from evil.example (evil [192.0.2.66]) by mx.ours.example with ESMTP"


@pytest.mark.parametrize(
    "headers",
    [
        [(RESULTS, PLAIN)],
        [(RESULTS, PLAIN), ("From", "kim@a.example"), (RECEIVED, OUR_HOP)],
        [(RECEIVED, OUR_HOP), (RESULTS, PLAIN), (RECEIVED, HOP)],
        [(RECEIVED, f"from by.x.outlook.com (by x.outlook.com {OUR_HOP}"), (RESULTS, PLAIN), (RECEIVED, HOP)],
        [(RECEIVED, "from evil.example"), (RESULTS, PLAIN), (RECEIVED, HOP)],
        [
            (RECEIVED, TOP.replace("exchangelabs.com", "exchangelabs.com.evil.example")),
            (RESULTS, PLAIN),
            (RECEIVED, HOP),
        ],
        [(RECEIVED, TOP), (RECEIVED, OUR_HOP), (RESULTS, PLAIN), (RECEIVED, HOP)],
        [(RECEIVED, TOP), (RESULTS, "mx.evil.example; dmarc=pass"), (RESULTS, PLAIN), (RECEIVED, HOP)],
        [(RECEIVED, TOP), (RESULTS + " ", PLAIN), (RESULTS, PLAIN), (RECEIVED, HOP)],
    ],
)
def test_what_may_be_forged_in_microsofts_name_is_not_believed(headers: list[tuple[str, str]]) -> None:
    """Below a Received of anybody else, without the hop's own below it, or under another field nothing counts."""
    assert authentication_results(headers, OUTLOOK, "a.example") is None


def test_microsofts_results_with_odd_words_prove_nothing() -> None:
    """What a reverse path smuggles into the field makes it a permerror, as anybody's."""
    odd = PLAIN.replace("smtp.mailfrom=a.example", 'smtp.mailfrom="x; dmarc=pass')
    found = authentication_results([(RECEIVED, TOP), (RESULTS, odd), (RECEIVED, HOP)], OUTLOOK, "a.example")
    assert found is not None
    assert found.dmarc == "permerror"

"""Authentication-Results of trusted hosts (RFC 8601), and of nobody else."""

from __future__ import annotations

import pytest

from mailhub.message.authentication_results import authentication_results

FIELD = (
    "mx.ours.example; dkim=pass (good; key) header.d=a.example header.s=k; spf=softfail smtp.mailfrom=kim@a.example;"
    " dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=a.example"
)


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
    "value",
    ["mx", "mx; none", "mx;" * 5_000, "mx; spf", "mx; (((((" * 900, 'mx; "' + "a;" * 9_000, "mx; spf=" + "x" * 9_000],
)
def test_strange_fields_are_read_as_nothing(value: str) -> None:
    """Broken, empty and hostile fields give no result, and no exception."""
    found = authentication_results([("Authentication-Results", value)], {"mx"}, "a.example")
    assert found is None or (found.spf in ("none", "neutral") and found.dmarc == "none")

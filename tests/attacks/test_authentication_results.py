"""What strangers can make of a trusted host's Authentication-Results, and the ways in which hosts write them."""

from __future__ import annotations

import pytest

from mailhub.message.values import Trust
from tests.houses.postroom import KIM, MALLORY, MINE, PostRoom, answering, mail

MX = "mx.example.com"
FAILS = [
    'dmarc=fail reason="No valid SPF, No valid DKIM" header.from=customer.example (policy=reject)',
    "dmarc=fail (p=reject dis=none) header.from=customer.example",
    "dmarc=fail (p=QUARANTINE sp=NONE dis=NONE) header.from=customer.example",
    "dmarc=fail action=quarantine header.from=customer.example;compauth=fail reason=000",
    "dmarc=fail action=oreject header.from=customer.example;compauth=pass reason=130",
    "dmarc=fail action=o.reject header.from=customer.example",
    "dmarc=fail action=pct.reject header.from=customer.example",
    "dmarc=fail policy.dmarc=reject header.from=customer.example",
    "dmarc=fail header.from=customer.example",
    'dmarc=fail reason="p=none" header.from=customer.example',
    "dmarc=fail",
    "dmarc=pass header.from=evil.example",
    "dmarc=none header.from=evil.example",
]
BELIEVED = [
    "dmarc=pass (policy=reject) header.from=customer.example",
    "dmarc=pass header.from=CUSTOMER.example.",
    "dmarc=pass (p=reject) header.from=mail.customer.example",
    "dmarc=fail (p=none dis=none) header.from=customer.example",
    'dmarc=fail reason="no" header.from=customer.example (policy=none)',
    "dmarc=fail action=none header.from=customer.example;compauth=pass reason=109",
    "dmarc=fail (p=none sp=reject dis=none) header.from=customer.example",
    "dmarc=none header.from=customer.example",
    "spf=pass smtp.mailfrom=evil.example",
    "dmarc=temperror header.from=customer.example",
]


def field(*results: str) -> tuple[str, str]:
    """One header of the trusted host."""
    return "Authentication-Results", "; ".join((MX, *results))


def joins(room: PostRoom, ticket: int, *fields: tuple[str, str], sender: str = KIM) -> bool:
    """Whether an answer with these headers, on top of the others, gets into Kim's ticket."""
    top = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    raw = top + mail("Pay me.", sender=sender, headers=[*answering(MINE), ("Cc", MALLORY)])
    return room.deliver(raw, trust=Trust.of(MX)).ticket == ticket


@pytest.mark.parametrize("said", FAILS)
def test_every_way_to_say_that_it_fails_is_read(room: PostRoom, kims_ticket: int, said: str) -> None:
    """A failure under a policy, under one that is not named, and a result about another domain keep the mail out."""
    assert not joins(room, kims_ticket, field(said))
    assert room.participants(kims_ticket) == {}


@pytest.mark.parametrize("said", BELIEVED)
def test_what_asks_for_nothing_keeps_nobody_out(room: PostRoom, kims_ticket: int, said: str) -> None:
    """A pass for the author's organisation, a policy of none, and no result at all let the participant in."""
    assert joins(room, kims_ticket, field(said))


def test_a_forged_field_below_the_true_one_changes_nothing(room: PostRoom, kims_ticket: int) -> None:
    """Of each method the topmost field decides, wherever the host puts its own relative to Received."""
    true, forged = (
        field("dmarc=fail (p=reject) header.from=customer.example"),
        field("dmarc=pass header.from=customer.example"),
    )
    received = ("Received", f"from evil by {MX}; Mon, 23 Nov 2026 18:00:00 +0000")
    for fields in (
        [true, forged],
        [received, true, forged],
        [true, received, forged],
        [field("spf=none"), true, forged],
    ):
        assert not joins(room, kims_ticket, *fields)


@pytest.mark.parametrize(
    "sender", [f"{KIM}, eve@evil.example", f"{KIM}\r\nFrom: eve@evil.example", f"{KIM}\r\nFrom: {KIM}"]
)
@pytest.mark.parametrize("said", ["dmarc=pass header.from=customer.example", "dmarc=none", "spf=pass"])
def test_several_authors_never_pass(room: PostRoom, kims_ticket: int, sender: str, said: str) -> None:
    """With two authors, or two From headers, no result of the host lets the mail in."""
    assert not joins(room, kims_ticket, field(said), sender=sender)


def test_a_forgery_names_nobody(room: PostRoom) -> None:
    """A mail that fails under a policy brings nobody into the ticket that it opens."""
    top = ": ".join(field("dmarc=fail (p=reject) header.from=customer.example")).encode() + b"\r\n"
    made = room.deliver(top + mail(headers=[("Cc", MALLORY)]), trust=Trust.of(MX)).ticket
    assert made is not None
    assert room.participants(made) == {}

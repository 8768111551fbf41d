"""May this mail be sent at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.outbound.gate import REPLIES_AN_HOUR, Outgoing, decide, valid_address

PERSON = Outgoing(
    recipient="kim@customer.example",
    by_person=True,
    own_address=False,
    sent_lately=0,
    cap=10,
    now=1,
    not_after=2,
)
ROBOT = replace(PERSON, by_person=False)


def test_an_answer_of_a_person_may_go() -> None:
    """Nothing forbids an agent's answer to a customer, even to automatic mail."""
    deliberate = replace(PERSON, answers_null_sender=True, answers_automatic="list")
    assert [decide(PERSON).reason, decide(deliberate).reason] == ["allowed", "allowed"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recipient": "no address"}, "bad-address"),
        ({"own_address": True}, "own-address"),
        ({"now": 3}, "too-late"),
        ({"sent_lately": REPLIES_AN_HOUR}, "cap"),
    ],
)
def test_hard_rules_hold_for_everybody(change: dict[str, Any], reason: str) -> None:
    """What is wrong with any mail stops an agent's answer too, with a reason."""
    decisions = [decide(replace(mail, **change)) for mail in (PERSON, ROBOT)]
    assert [(decision.allowed, decision.reason) for decision in decisions] == [(False, reason)] * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, "allowed"),
        ({"answers_null_sender": True}, "null-sender"),
        ({"answers_automatic": "list"}, "mailing-list"),
        ({"answers_automatic": "bulk"}, "mailing-list"),
        ({"answers_automatic": "out-of-office"}, "automatic"),
        ({"recipient": "MAILER-DAEMON@customer.example"}, "robot-address"),
        ({"recipient": "no-reply@customer.example"}, "robot-address"),
        ({"recipient": "owner-friends@customer.example"}, "robot-address"),
        ({"recipient": "friends-request@customer.example"}, "robot-address"),
        ({"recipient": "northrop@customer.example"}, "allowed"),
        ({"sent_lately": 10}, "cap"),
        ({"sent_lately": 9}, "allowed"),
        ({"cap": 0}, "cap"),
    ],
)
def test_rules_for_mail_that_no_person_wrote(change: dict[str, Any], reason: str) -> None:
    """An automatic mail answers no robot, no list, not the null sender, and nobody too often (RFC 3834)."""
    assert decide(replace(ROBOT, **change)).reason == reason


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "kim.lee+tag@customer.example",
        "o'neil@x.example",
        "x_y@a-b.example",
        "用户@例子.example",
        "a@xn--fsq.example",
    ],
)
def test_addresses_that_can_be_sent_to(address: str) -> None:
    """Ordinary addresses in any script are valid."""
    assert valid_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "", "@", "a@", "@b", "a", "a b@c.example", "a@b c", "a@b@c", "a@b\r\nRCPT TO:<x@y>", "a\n@b.example", "<a@b>",
        "a,b@c.example", "a@b.example,c@d.example", "a@b..example", ".a@b", "a.@b", "a..b@c", "a@-b.example", "a@b-",
        '"a b"@c.example', "a@[127.0.0.1]", "a@b\0", "a\u202e@b.example", "x" * 65 + "@b.example",
        "a@" + "b" * 64 + ".example", "a@" + ".".join(["b" * 60] * 5),
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_sent_to(address: str) -> None:
    """What is no address, what is too long, and what would need quoting is refused."""
    assert not valid_address(address)


@given(st.text(alphabet=st.sampled_from("a@.\r\n\0 <>\u2028-"), max_size=40))
def test_no_valid_address_breaks_a_line(address: str) -> None:
    """Whatever is accepted holds no white space, no control and no angle bracket."""
    assert not (valid_address(address) and set(address) & set("\r\n\0 <>\u2028"))

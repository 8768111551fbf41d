"""Allow and deny lists: what is a rule, who is proven, and that a rule wins over the score and says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.envelope import Outcome, Source
from mailhub.errors import BadRequest
from mailhub.filter.senders import (
    ALLOW,
    ALLOWED,
    DENIED,
    DENY,
    UNPROVEN,
    Ruling,
    Sender,
    candidates,
    decide,
    pattern_of,
)
from mailhub.message.values import Authentication
from storage.filter.senders import SenderRule, add_sender_rule
from tests.houses.postroom import OURS, START, PostRoom, mail

KIM = "kim@mail.shop.example"
PASS = Authentication(dmarc="pass", policy="reject", domain="mail.shop.example", source="checked")


def sender(
    author: str = KIM, *, known: Authentication | None = PASS, looked_for: bool = True, back: str = ""
) -> Sender:
    """Somebody who sends, proven unless said otherwise."""
    return Sender(author=author, reverse_path=back, authentication=known, looked_for=looked_for)


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        (" Kim@Shop.Example ", "kim@shop.example"),
        ("SHOP.example.", "shop.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a+b@x.shop.example", "a+b@x.shop.example"),
    ],
)
def test_a_rule_has_one_spelling(written: str, pattern: str) -> None:
    """Capitals, white space, a final dot and the domain's script make no difference."""
    assert pattern_of(written) == pattern


@pytest.mark.parametrize(
    "written",
    [
        "",
        "@",
        "@shop.example",
        "kim@",
        "com",
        "co.uk",
        "kim",
        "a b@shop.example",
        "*.shop.example",
        "x" * 300 + "@a.example",
        "192.0.2.1/24",
        "kim@co.uk",
        "shop..example",
        "k\x07m@shop.example",
        "localhost",
    ],
)
def test_a_bad_rule_is_refused_at_entry(written: str) -> None:
    """What is no address and no domain, or is everybody's, is a bad request."""
    with pytest.raises(BadRequest):
        pattern_of(written)


def test_the_nearest_rule_decides() -> None:
    """Address before domain before its parents; nothing matches half a label."""
    assert candidates(KIM) == (KIM, "mail.shop.example", "shop.example")
    rules = {"shop.example": DENY, "mail.shop.example": ALLOW}
    assert decide(sender(), rules) == Ruling(ALLOWED, "mail.shop.example")
    assert decide(sender(), rules | {KIM: DENY}) == Ruling(DENIED, KIM)
    assert decide(sender("kim@myshop.example"), {"shop.example": ALLOW}) is None
    assert candidates("x@" + "a." * 100 + "example")[-1].count(".") > 80


@pytest.mark.parametrize(
    ("known", "looked_for", "proven"),
    [
        (PASS, True, True),
        (None, False, True),
        (None, True, False),
        (replace(PASS, dmarc="fail", policy="none"), True, False),
        (replace(PASS, dmarc="temperror"), True, False),
        (replace(PASS, dmarc="none", spf="pass", spf_domain="shop.example"), True, True),
        (replace(PASS, dmarc="none", spf="pass", spf_domain="other.example"), True, False),
        (replace(PASS, dmarc="none", dkim="pass", dkim_domains=("shop.example",)), True, True),
        (replace(PASS, dmarc="none"), True, False),
    ],
)
def test_an_allowed_sender_must_be_proven(
    known: Authentication | None, looked_for: bool, proven: bool
) -> None:
    """An allow rule holds for a proven author, or where nobody was to look; else the score decides, and it is said."""
    found = decide(sender(known=known, looked_for=looked_for), {"shop.example": ALLOW})
    assert found == Ruling(ALLOWED if proven else UNPROVEN, "shop.example")


def test_a_denied_sender_needs_no_proof() -> None:
    """A deny rule holds for author and reverse path, forged or not; a proven allowed author outweighs their bouncer."""
    assert decide(sender(known=None), {KIM: DENY}) == Ruling(DENIED, KIM)
    bulk = sender(back="x@bulk.example")
    assert decide(bulk, {"bulk.example": DENY}) == Ruling(DENIED, "bulk.example")
    assert decide(bulk, {"bulk.example": DENY, KIM: ALLOW}) == Ruling(ALLOWED, KIM)
    assert decide(replace(bulk, authentication=None), {"bulk.example": DENY, KIM: ALLOW}) == Ruling(
        DENIED, "bulk.example"
    )
    assert decide(bulk, {"bulk.example": ALLOW}) is None


def add(room: PostRoom, name: str, pattern: str, account: int = OURS) -> None:
    row = SenderRule(account_id=account, id=len(pattern), list=name, pattern=pattern, created_at=START)
    room.do(lambda tx: add_sender_rule(tx.connection, row))


def decided(room: PostRoom, outcome: Outcome) -> tuple[str, str | None, str | None, str]:
    """Verdict, reason and evidence of a message, and the state of its ticket."""
    row = room.message(outcome.message)
    return row.verdict, row.verdict_reason, row.verdict_evidence, room.ticket(outcome.ticket).state


def test_a_rule_wins_over_the_score(room: PostRoom) -> None:
    """A filter that knows nothing is unsure; the lists are not, and the message tells which rule it was."""
    add(room, DENY, "spammer.example")
    add(room, ALLOW, "customer.example")
    denied = room.deliver(mail(sender="a@x.spammer.example", id="1@x.example"), source=Source.LMTP)
    allowed = room.deliver(mail(sender="kim@customer.example", id="2@x.example"), source=Source.LMTP)
    neither = room.deliver(mail(sender="lee@else.example", id="3@x.example"), mail_from=None)
    assert decided(room, denied) == ("spam", "deny-list", "spammer.example", "spam")
    assert decided(room, allowed) == ("ham", "allow-list", "customer.example", "open")
    assert decided(room, neither) == ("unsure", None, None, "open")
    assert room.message(denied.message).log_odds == 0.0


def test_the_spam_state_is_sticky(room: PostRoom) -> None:
    """Further mail of a denied sender joins their spam ticket and opens nothing; the score of it stays on record."""
    add(room, DENY, "spammer.example")
    first = room.deliver(mail(sender="a@spammer.example", id="1@x.example"))
    again = mail(sender="a@spammer.example", id="2@x.example", headers=[("In-Reply-To", "<1@x.example>")])
    second = room.deliver(again)
    assert second.ticket == first.ticket
    assert room.ticket(first.ticket).state == "spam"


def test_a_rule_is_one_accounts_own(room: PostRoom) -> None:
    """Another account's rules decide nothing here."""
    add(room, DENY, "customer.example", account=OURS + 1)
    assert decided(room, room.deliver(mail(), mail_from=None))[0] == "unsure"


def test_several_authors_are_nobody(room: PostRoom) -> None:
    """A From with two addresses matches no rule for authors: whose word would it be?"""
    add(room, ALLOW, "customer.example")
    two = mail(sender="kim@customer.example, eve@evil.example")
    assert decided(room, room.deliver(two, mail_from=None, source=Source.LMTP))[1] is None

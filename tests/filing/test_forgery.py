"""Mail that is not from whom it says joins nothing, is shown as nobody's but its own, and is kept all the same."""

from __future__ import annotations

import pytest

from mailhub.envelope import Fate
from mailhub.message.values import Authentication
from mailhub.tickets.reply import Replied
from tests.houses.postroom import ANA, KIM, MALLORY, MINE, PostRoom, answering, filed, mail

FORGED = Authentication(
    spf="fail", dmarc="fail", policy="reject", domain="customer.example", source="checked"
)
WAYS = [{"subject": "Re: [#1]"}, {"headers": answering(MINE)}, {"headers": answering(references=[MINE])}]


def alone(room: PostRoom, kims_ticket: int, raw: bytes, *, reason: str, **how: object) -> int:
    """Assert that a mail has a ticket of its own, linked to Kim's; that ticket."""
    outcome = room.deliver(raw, **how)
    assert outcome.fate is Fate.FILED
    assert (outcome.reason, room.ticket(outcome.ticket).may_belong_to) == (reason, kims_ticket)
    assert room.ticket(kims_ticket).message_count == 1
    return filed(outcome)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sender", [KIM, "ana@example.com"])
def test_a_forged_reply_joins_nothing(
    room: PostRoom, kims_ticket: int, way: dict[str, object], sender: str
) -> None:
    """When DMARC fails under a policy, neither the requester's nor an agent's address opens the ticket."""
    raw = mail("Pay me.", sender=sender, **way)  # type: ignore[arg-type]
    made = alone(room, kims_ticket, raw, reason="authentication-failed", authentication=FORGED)
    assert [row.user_id for row in room.rows_of(made)] == [None]


@pytest.mark.parametrize("sender", [KIM, "ana@example.com"])
def test_the_same_reply_joins_when_it_passes_or_nobody_asks(
    room: PostRoom, kims_ticket: int, sender: str
) -> None:
    """DMARC that passes, or fails for a domain without a policy, lets the participant in."""
    for result, policy in (("pass", "reject"), ("fail", "none"), ("fail", ""), ("temperror", "reject")):
        known = Authentication(dmarc=result, policy=policy, domain=sender.partition("@")[2], source="checked")
        raw = mail(f"{result} {policy}", sender=sender, headers=answering(MINE))
        assert room.deliver(raw, authentication=known).ticket == kims_ticket


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("claimed", [KIM, "ana@example.com"])
@pytest.mark.parametrize("sender", [None, "Kim", "kim@"])
def test_the_reverse_path_opens_no_ticket(
    room: PostRoom, kims_ticket: int, way: dict[str, object], claimed: str, sender: str | None
) -> None:
    """Without a usable From there is nothing DMARC could check, so whom MAIL FROM claims to be joins nothing."""
    raw = mail("Pay me.", sender=sender, **way)  # type: ignore[arg-type]
    made = alone(room, kims_ticket, raw, reason="not-a-participant", mail_from=claimed)
    assert (room.requester(made), [row.user_id for row in room.rows_of(made)]) == (claimed, [None])


def test_a_forger_with_a_reply_address_brings_nobody_in(
    room: PostRoom, kims_ticket: int, anas_answer: Replied
) -> None:
    """A proof joins even when authentication fails, as a guest: people in copy become no participants."""
    raw = mail("Add my friend.", headers=[("Cc", MALLORY)])
    outcome = room.deliver_to(raw, anas_answer.queued[0].mail_from or "", authentication=FORGED)[0]
    assert (outcome.ticket, outcome.reason, room.participants(kims_ticket)) == (
        kims_ticket,
        "reply-address",
        {},
    )
    assert room.message(outcome.message).thread_evidence == "its sender could not be authenticated"


def test_a_forged_agents_mail_is_not_the_agents(room: PostRoom) -> None:
    """A forged mail in an agent's name to a customer is nobody's message but a stranger's, and assigned to nobody."""
    raw = mail(sender="ana@example.com", to=KIM, headers=[("Cc", "support@example.com")])
    forged = room.deliver(raw, authentication=FORGED)
    assert (room.message(forged.message).user_id, room.ticket(forged.ticket).assignee_id) == (None, None)
    genuine = room.deliver(raw.replace(b"fire", b"ice"))
    assert (room.message(genuine.message).user_id, room.ticket(genuine.ticket).assignee_id) == (ANA, ANA)


def test_a_second_author_is_no_way_in(room: PostRoom, kims_ticket: int) -> None:
    """A mail of several authors, for whom our check can ask no policy, joins nothing in the name of the first."""
    unchecked = Authentication(spf="pass", dmarc="none", domain="", source="checked")
    raw = mail("Pay me.", sender=f"{KIM}, {MALLORY}", headers=answering(MINE))
    alone(room, kims_ticket, raw, reason="authentication-failed", authentication=unchecked)
    believed = Authentication(dmarc="none", domain="", source="mx.example.com")
    assert room.deliver(mail("Hi.", headers=answering(MINE)), authentication=believed).ticket == kims_ticket

"""What authentication does to a message on its way in: who asks, who is believed, and what a forged reply gets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from classifier.tokens import features, features_to_bytes
from mailhub.config.live import Live
from mailhub.envelope import Envelope, Outcome, Source
from mailhub.intake.reception import Reception
from mailhub.intake.resolver import Resolver
from mailhub.message.dns_questions import DnsAnswer, Question
from mailhub.message.values import Authentication, Trust
from mailhub.reading.prepare import prepare, read_document
from storage.mail.derived import find_received
from storage.schema import message, ticket
from tests.houses.postroom import OURS, START, PostRoom, answering, mail

RECORDS = {
    ("bank.example", "TXT"): "v=spf1 ip4:192.0.2.1 -all",
    ("_dmarc.bank.example", "TXT"): "v=DMARC1; p=reject",
    ("shop.example", "TXT"): "v=spf1 ip4:192.0.2.1 -all",
    ("_dmarc.shop.example", "TXT"): "v=DMARC1; p=none",
}
HONEST, FORGER = "192.0.2.1", "192.0.2.66"


async def _ask(question: Question) -> tuple[DnsAnswer, float]:
    found = RECORDS.get(question)
    return (DnsAnswer((found,)) if found else DnsAnswer()), 60.0


@pytest.fixture
def reception(room: PostRoom) -> Iterator[Reception]:
    """A running reception that asks our own records."""
    started = Reception(
        Live(room.context),
        room.writer,
        room.secrets,
        room.context.directory,
        resolver=Resolver(_ask),
        trust=Live(Trust.of("mx.example.com", "alumni.example")),
    )
    started.start()
    yield started
    started.close()


def send(
    room: PostRoom, reception: Reception, raw: bytes, *, peer: str, author: str, source: Source = Source.SMTP
) -> Outcome:
    """As a door would: the check begins before the message is there."""

    async def main() -> Outcome:
        envelope = Envelope(
            source=source, mail_from=author, recipients=("support@example.com",), received_at=START, peer=peer
        )
        check = reception.begin(source, peer, "client.example", author)
        return (await reception.deliver(envelope, raw, check))[0]

    outcome = asyncio.run(main())
    assert outcome.message is not None
    room.delivered += 1
    room.sent[outcome.message] = raw
    return outcome


def stored(room: PostRoom, outcome: Outcome) -> tuple[str, str, int | None]:
    """Authentication, thread reason, and where its ticket may belong."""
    joined = select(message.c.authentication, message.c.thread_reason, ticket.c.may_belong_to).join_from(
        message, ticket, (ticket.c.account_id == message.c.account_id) & (ticket.c.id == message.c.ticket_id)
    )
    with room.database.read() as connection:
        row = connection.execute(joined.where(message.c.id == outcome.message)).one()
    return row[0], row[1], row[2]


def exchange(
    room: PostRoom, reception: Reception, author: str, *, peer: str, headers: list[tuple[str, str]]
) -> tuple[Outcome, Outcome]:
    """A ticket of the author, and an answer to it in their name from ``peer``."""
    first = send(room, reception, mail(sender=author, id="first@x.example"), peer=HONEST, author=author)
    answer = mail(sender=author, id="second@x.example", headers=[*headers, *answering("first@x.example")])
    return first, send(room, reception, answer, peer=peer, author=author)


def test_a_forged_reply_gets_a_ticket_of_its_own(room: PostRoom, reception: Reception) -> None:
    """The requester's address joins nothing when DMARC fails for a domain that asks to keep such mail out."""
    first, second = exchange(room, reception, "kim@bank.example", peer=FORGER, headers=[])
    expected = (
        "spf=fail dkim=none dmarc=fail policy=reject by=checked",
        "authentication-failed",
        first.ticket,
    )
    assert stored(room, second) == expected


def test_a_proven_reply_joins(room: PostRoom, reception: Reception) -> None:
    """The same mail from the domain's own host passes by SPF and joins."""
    first, second = exchange(room, reception, "kim@bank.example", peer=HONEST, headers=[])
    assert second.ticket == first.ticket
    assert stored(room, second)[0] == "spf=pass dkim=none dmarc=pass policy=reject by=checked"


def test_a_domain_that_asks_for_nothing_keeps_nobody_out(room: PostRoom, reception: Reception) -> None:
    """With p=none a failed check is shown, and the reply joins."""
    first, second = exchange(room, reception, "kim@shop.example", peer=FORGER, headers=[])
    assert second.ticket == first.ticket
    assert stored(room, second)[0] == "spf=fail dkim=none dmarc=fail policy=none by=checked"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", ""])
def test_loopback_asks_nobody(reception: Reception, peer: str) -> None:
    """Mail from this machine was taken in by somebody else: our view of its peer says nothing."""
    assert reception.begin(Source.SMTP, peer, "client.example", "kim@bank.example") is None


def test_lmtp_believes_a_trusted_host_only(room: PostRoom, reception: Reception) -> None:
    """Behind an MX its Authentication-Results count if it is configured; a stranger's header counts for nothing."""
    assert reception.begin(Source.LMTP, FORGER, "client.example", "kim@bank.example") is None
    results = "{}; dmarc=fail (p=reject) header.from=bank.example"
    for host, reason in (("mx.example.com", "authentication-failed"), ("mx.evil.example", "in-reply-to")):
        author = f"kim-{host}@bank.example"
        send(
            room,
            reception,
            mail(sender=author, id=f"1.{host}"),
            peer="127.0.0.1",
            author=author,
            source=Source.LMTP,
        )
        headers = [("Authentication-Results", results.format(host)), *answering(f"1.{host}")]
        answer = mail(sender=author, id=f"2.{host}", headers=headers)
        second = send(room, reception, answer, peer="127.0.0.1", author=author, source=Source.LMTP)
        assert stored(room, second)[1] == reason


@pytest.mark.parametrize(("sealer", "joins"), [("alumni.example", True), ("elsewhere.example", False)])
def test_an_answer_that_a_trusted_sealer_sent_on_joins(
    room: PostRoom, reception: Reception, sealer: str, joins: bool
) -> None:
    """DMARC fails behind a forwarder; its own sealed result excuses that, and anybody else's does not."""
    passes = "mx.example.com; dmarc=pass (p=reject) header.from=bank.example"
    asked = mail(sender="kim@bank.example", id="arc1@x.example", headers=[("Authentication-Results", passes)])
    first = send(room, reception, asked, peer="127.0.0.1", author="kim@bank.example", source=Source.LMTP)
    headers = [
        (
            "Authentication-Results",
            "mx.example.com; arc=pass; dmarc=fail (p=reject) header.from=bank.example",
        ),
        ("Received", f"from {sealer} by mx.example.com; Mon, 2 Nov 2026 09:00:00 +0000"),
        ("ARC-Seal", f"i=1; a=rsa-sha256; d={sealer}; s=arc; cv=none; b=AAAA"),
        ("ARC-Message-Signature", f"i=1; a=rsa-sha256; d={sealer}; s=arc; h=from; bh=AAAA; b=AAAA"),
        ("ARC-Authentication-Results", f"i=1; {sealer}; dmarc=pass header.from=bank.example"),
        *answering("arc1@x.example"),
    ]
    top = "".join(f"{name}: {value}\r\n" for name, value in headers).encode()
    answer = top + mail("Thanks.", sender="kim@bank.example", id="arc2@x.example")
    second = send(room, reception, answer, peer="127.0.0.1", author="fwd@alumni.example", source=Source.LMTP)

    words, reason, linked = stored(room, second)
    if joins:
        assert second.ticket == first.ticket
        assert (reason, words.split()[-1]) == ("in-reply-to", "arc=alumni.example")
    else:
        assert (reason, linked) == ("authentication-failed", first.ticket)


@pytest.mark.parametrize(("peer", "believed"), [(FORGER, ""), ("127.0.0.1", "pass")])
def test_a_stranger_cannot_vouch_for_himself(room: PostRoom, peer: str, believed: str) -> None:
    """Where we check nothing, Authentication-Results of a trusted host count from loopback, not from elsewhere."""
    envelope = Envelope(
        source=Source.SMTP, mail_from="", recipients=("support@example.com",), received_at=START, peer=peer
    )
    raw = mail(
        headers=[("Authentication-Results", "mx.example.com; dmarc=pass header.from=customer.example")]
    )
    trusted = frozenset({"mx.example.com"})
    found = prepare(raw, envelope, room.secrets, room.directory, trust=Trust(trusted)).authentication
    assert (found.dmarc if found else "") == believed


def test_what_is_taught_is_what_came(room: PostRoom, reception: Reception) -> None:
    """The features of a mark are those the message was scored by, with what our check found and the null sender."""
    for author in ("kim@bank.example", None):
        raw = mail(sender="kim@bank.example", id=f"{author}@x.example")
        envelope = Envelope(
            source=Source.SMTP, mail_from=author, recipients=("support@example.com",), received_at=START
        )
        known = Authentication(spf="pass", dkim="fail", dmarc="pass", domain="bank.example", source="checked")
        came = prepare(raw, envelope, room.secrets, room.directory, authentication=known)
        ((outcome,),) = room.file_all([(raw, came)])
        with room.database.read() as connection:
            kept = find_received(connection, OURS, outcome.message or 0)
        assert kept is not None
        taught = read_document(kept.raw, kept.authentication, mail_from_null=kept.mail_from_null)
        assert features_to_bytes(features(taught, secret=room.secrets.features)) == features_to_bytes(
            came.features
        )
        unknown = read_document(kept.raw, "", mail_from_null=kept.mail_from_null)
        assert features_to_bytes(features(unknown, secret=room.secrets.features)) != features_to_bytes(
            came.features
        )

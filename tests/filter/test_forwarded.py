"""Mail to spam@ and ham@: who may mark by it, what is marked, and that nobody learns anything by its answer."""

from __future__ import annotations

from email.message import EmailMessage
from functools import partial

import pytest

from mailhub.envelope import Fate, Outcome
from mailhub.intake.smtp import replies
from mailhub.message.parse import parse
from mailhub.message.values import Authentication
from storage.mail import mailboxes
from storage.mail.mailboxes import HAM_FEEDBACK, SPAM_FEEDBACK, Mailbox
from storage.schema import intake, mark_request, message, ticket
from storage.writer import Transaction
from tests.houses.postroom import ANA, OURS, START, THEIRS, PostRoom, mail

PROVEN = Authentication(dmarc="pass", policy="reject", domain="example.com", source="checked")
FORGED = Authentication(dmarc="fail", policy="none", domain="example.com", source="checked")
SPAM = "spam@example.com"


@pytest.fixture(autouse=True)
def addresses(room: PostRoom) -> None:
    """spam@ and ham@ of our account."""
    for id_, name, purpose in ((13, "spam", SPAM_FEEDBACK), (14, "ham", HAM_FEEDBACK)):
        row = Mailbox(
            account_id=OURS, id=id_, address=f"{name}@example.com", name="", purpose=purpose, created_at=START
        )
        room.do(partial(_add, row=row))
    room.directory.refresh()


def _add(tx: Transaction, row: Mailbox) -> None:
    mailboxes.add_mailbox(tx.connection, row)


def forwarding(*mails: bytes, sender: str = "Ana <ana@example.com>", octets: bool = False) -> bytes:
    """What a mail program makes of "forward as attachment"; Outlook sends octets named .eml."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"], made["Message-ID"] = sender, SPAM, "Fwd", "<f@example.com>"
    made.set_content("See attached.")
    made.make_mixed()
    for each in mails:
        if octets:
            made.add_attachment(each, maintype="application", subtype="octet-stream", filename="A mail.EML")
        else:
            inner = EmailMessage()
            inner["Content-Type"], inner["Content-Transfer-Encoding"] = "message/rfc822", "8bit"
            inner.set_payload(each.decode())
            made.attach(inner)
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def send(
    room: PostRoom, raw: bytes, *to: str, known: Authentication | None = PROVEN
) -> list[tuple[str, str]]:
    """Fates and reasons of a mail to these addresses."""
    outcomes = room.deliver_to(raw, *(to or (SPAM,)), authentication=known)
    assert all(replies.for_outcome(each).startswith(b"250 ") for each in outcomes)
    return [(each.fate.value, each.reason) for each in outcomes]


def asked(room: PostRoom) -> list[tuple[int, str, int, str]]:
    """Marks that are asked for: message, label, giver, source."""
    rows = room.rows(mark_request)
    return sorted((row.message_id, row.label, row.giver_id, row.source) for row in rows)


def filed(room: PostRoom, *names: str) -> list[int]:
    """Messages of ours."""
    outcomes: list[Outcome] = [room.deliver(mail(id=f"{name}@customer.example")) for name in names]
    return [each.message for each in outcomes if each.message is not None]


@pytest.mark.parametrize("octets", [False, True])
def test_what_a_user_attaches_is_marked_by_him(room: PostRoom, octets: bool) -> None:
    """Each attached mail that we have; the mail itself is no message and no ticket, and its delivery says what came."""
    one, two = filed(room, "one", "two")
    mails = [mail(id=f"{name}@customer.example") for name in ("one", "two", "unknown")]
    raw = forwarding(*mails, octets=octets)
    assert len(parse(raw).attachments) == 3
    assert send(room, raw) == [("feedback", "marks-asked")]
    assert asked(room) == [(one, "spam", ANA, "forward"), (two, "spam", ANA, "forward")]
    assert (room.count(message), room.count(ticket)) == (2, 2)
    assert room.rows(intake)[-1].trace == "2 of 3 attached mails are known"


def test_ham_is_said_at_the_other_address(room: PostRoom) -> None:
    """And the last word of a user replaces the one before."""
    (one,) = filed(room, "one")
    raw = forwarding(mail(id="one@customer.example"))
    send(room, raw)
    assert send(room, raw, "ham@example.com") == [("feedback", "marks-asked")]
    assert asked(room) == [(one, "ham", ANA, "forward")]


@pytest.mark.parametrize(
    ("sender", "known", "reason"),
    [
        ("Ana <ana@example.com>", None, "not-proven"),
        ("Ana <ana@example.com>", FORGED, "not-proven"),
        ("Kim <kim@customer.example>", PROVEN, "not-a-user"),
        ("Ana <ana@example.com>, Kim <kim@customer.example>", PROVEN, "not-a-user"),
    ],
)
def test_nobody_else_marks(room: PostRoom, sender: str, known: Authentication | None, reason: str) -> None:
    """Who is no user, or cannot be told to be one, hears 250 like everybody and marks nothing."""
    filed(room, "one")
    raw = forwarding(mail(id="one@customer.example"), sender=sender)
    assert send(room, raw, known=known) == [("feedback", reason)]
    assert asked(room) == []
    assert room.count(ticket) == 1


def test_another_accounts_mail_is_not_known(room: PostRoom) -> None:
    """Only messages of the account of the address are marked; an empty letter says nothing."""
    room.deliver_to(mail(id="theirs@customer.example"), "help@other.example")
    assert send(room, forwarding(mail(id="theirs@customer.example"))) == [("feedback", "nothing-known")]
    assert send(room, forwarding()) == [("feedback", "nothing-attached")]
    assert asked(room) == []
    assert room.count(message, THEIRS) == 1


def test_another_body_under_the_same_id_is_not_known(room: PostRoom) -> None:
    """The identity is the body's as well."""
    filed(room, "one")
    raw = forwarding(mail("Something else.", id="one@customer.example"))
    assert send(room, raw) == [("feedback", "nothing-known")]


def test_a_mail_to_support_as_well_is_filed_there(room: PostRoom) -> None:
    """Each recipient has a fate of its own."""
    (one,) = filed(room, "one")
    raw = forwarding(mail(id="one@customer.example"))
    assert [fate for fate, _ in send(room, raw, "support@example.com", SPAM)] == [Fate.FILED, Fate.FEEDBACK]
    assert asked(room) == [(one, "spam", ANA, "forward")]


def test_more_than_a_mail_may_carry_is_not_read(room: PostRoom) -> None:
    """The first twenty attached mails, and no more."""
    names = [f"m{number}" for number in range(24)]
    messages = filed(room, *names)
    send(room, forwarding(*(mail(id=f"{name}@customer.example") for name in names)))
    assert [row[0] for row in asked(room)] == messages[:20]


def test_postmaster_leads_to_no_feedback_address(room: PostRoom) -> None:
    """Mail for the role accounts is for people, even where the feedback address was there first."""
    row = Mailbox(
        account_id=OURS, id=15, address="spam@new.example", name="", purpose=SPAM_FEEDBACK, created_at=START
    )
    room.do(lambda tx: mailboxes.add_mailbox(tx.connection, row))
    room.directory.refresh()
    assert room.directory.purpose_of("postmaster@example.com") == mailboxes.SUPPORT
    assert not hasattr(room.directory.resolve("postmaster@new.example"), "mailbox")

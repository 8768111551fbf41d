"""FLOW 5: an agent answers, and the customer's answer to it comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from functools import partial

import pytest

from mailhub.config import Relay
from mailhub.errors import BadRequest, Conflict, MailhubError, NotFound
from mailhub.message.parse import parse
from mailhub.message.values import Bounce, BouncedRecipient, Parsed
from mailhub.outbound import gate
from mailhub.proof.act import Act
from mailhub.reading import reply_token
from mailhub.tickets import acts, reply
from storage.mail import message_lists, outbox, raws
from storage.mail.outbox import OutboxRow
from storage.mail.search import find_messages
from storage.proof import journal
from storage.tickets.tickets import change_ticket
from storage.writer import Transaction
from tests.houses.desk import SUPPORT, Desk


def raw_of(desk: Desk, message: int) -> bytes:
    """A stored message as it goes out."""
    with desk.database.read() as connection:
        raw = raws.read(connection, desk.account, message)
    assert raw is not None
    return raw


def queued(desk: Desk, message: int) -> list[OutboxRow]:
    with desk.database.read() as connection:
        return list(outbox.rows_of_messages(connection, desk.account, [message]))


def sent_mail(desk: Desk, replied: reply.Replied) -> Parsed:
    return parse(raw_of(desk, replied.message))


def test_an_answer_is_stored_and_queued(desk: Desk) -> None:
    """An answer is a message of the ticket with its raw, index and record, and one row for its recipient."""
    first = desk.mail(Message_ID="<first@customer.example>", Subject="Broken")
    replied = desk.answer(desk.ticket_of(first), "Have you tried quokka?")
    (row,) = queued(desk, replied.message)
    assert row == replied.queued[0]
    assert (row.recipient, row.state, row.attempts) == ("kim@customer.example", "queued", 0)
    assert row.not_after - desk.now == 120 * 3600 * 1_000_000
    with desk.database.read() as connection:
        stored = message_lists.find_message(connection, desk.account, replied.message)
        assert find_messages(connection, desk.account, "quokka", before=2**62, limit=9) == [replied.message]
        (entry,) = journal.of_object(connection, desk.account, f"message:{replied.message}")
    assert stored is not None
    assert (stored.direction, stored.source, stored.user_id, stored.ticket_id) == (
        "out", "reply", desk.ana, first.ticket,
    )  # fmt: skip
    assert (entry.verb, dict(entry.detail)) == ("ticket.reply", {"ticket": first.ticket, "outbox": [row.id]})
    assert desk.ticket(desk.ticket_of(first)).message_count == 2
    assert (desk.woken, desk.faults()) == (1, [])


def test_the_mail_of_an_answer(desk: Desk) -> None:
    """It names the customer's mail, its thread, the ticket, and an address that proves it; it quotes nothing."""
    desk.mail(Message_ID="<first@customer.example>", Subject="Broken", text="secret words")
    last = desk.mail(
        Message_ID="<last@customer.example>", References="<first@customer.example>", Subject="Re: Broken"
    )
    replied = desk.answer(desk.ticket_of(last), "Try again.")
    mail = message_from_bytes(raw_of(desk, replied.message), policy=default)
    contact = desk.ticket(desk.ticket_of(last)).contact_id
    assert contact is not None
    token = reply_token.make(desk.ticket_of(last), contact, desk.secrets.reply_token)
    assert mail["From"] == "Example Support <support@example.com>"
    assert mail["To"] == "Kim <kim@customer.example>"
    assert mail["Reply-To"] == f"Example Support <support+{token}@example.com>"
    assert mail["Subject"] == "Re: Broken [#1]"
    assert mail["Message-ID"] == f"<{replied.message_id}>"
    assert replied.message_id.startswith(f"{token}.")
    assert mail["In-Reply-To"] == "<last@customer.example>"
    assert mail["References"].split() == ["<first@customer.example>", "<last@customer.example>"]
    assert mail["Auto-Submitted"] is None
    assert sent_mail(desk, replied).text.strip() == "Try again."


def by_token(desk: Desk, answer: Parsed) -> dict[str, str]:
    return {"to": answer.reply_to[0].address}


def by_message_id(_desk: Desk, answer: Parsed) -> dict[str, str]:
    return {"In_Reply_To": f"<{answer.message_id}>"}


def by_references(_desk: Desk, answer: Parsed) -> dict[str, str]:
    return {"References": f"<x@y.example> <{answer.message_id}>"}


def by_subject(_desk: Desk, answer: Parsed) -> dict[str, str]:
    return {"Subject": f"Re: {answer.subject}"}


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (by_token, "reply-address"),
        (by_message_id, "reply-message-id"),
        (by_references, "reply-message-id"),
        (by_subject, "subject-tag"),
    ],
)
def test_the_customers_answer_comes_back(
    desk: Desk, way: Callable[[Desk, Parsed], dict[str, str]], reason: str
) -> None:
    """An answer to our answer joins the ticket by its address, by our Message-ID, and by the subject."""
    first = desk.mail()
    replied = desk.answer(desk.ticket_of(first))
    back = desk.mail(**way(desk, sent_mail(desk, replied)))
    assert (back.ticket, back.reason) == (first.ticket, reason)


def test_an_answer_that_comes_back_to_us_is_no_new_message(desk: Desk) -> None:
    """Our own mail, sent back to us by a list or a copy, is the message we have already."""
    replied = desk.answer(desk.ticket_of(desk.mail()))
    outcome = desk.receive(b"Received: from a by b\r\n" + raw_of(desk, replied.message))
    assert (outcome.fate, outcome.message) == ("duplicate", replied.message)


def test_without_a_relay_nothing_is_queued(desk: Desk) -> None:
    """With no relay configured an answer is a conflict that says how to configure one, and nothing is stored."""
    ticket = desk.ticket_of(desk.mail())
    desk.relay = Relay()
    with pytest.raises(Conflict, match=r"\[relay\] host"):
        desk.answer(ticket)
    assert (len(desk.messages_in(ticket)), desk.woken) == (1, 0)


def refused(
    desk: Desk, ticket: int, error: type[MailhubError], match: str, *, copies: tuple[str, ...] = ()
) -> None:
    with pytest.raises(error, match=match):
        desk.answer(ticket, copies=copies)
    assert (desk.woken, desk.faults()) == (0, [])


def test_answers_that_cannot_be_given(desk: Desk) -> None:
    """No ticket, no requester, trash, no text: each is refused with its reason."""
    nobody = desk.receive(b"Subject: x\r\n\r\nno sender\r\n", mail_from=None)
    refused(desk, 99, NotFound, "no ticket 99")
    refused(desk, desk.ticket_of(nobody), Conflict, "no requester")
    ticket = desk.ticket_of(desk.mail())
    with pytest.raises(BadRequest, match="empty"):
        desk.answer(ticket, "  \n")
    desk.do(lambda tx: acts.trash(Act(tx, desk.actor, desk.account, desk.now), ticket))
    refused(desk, ticket, Conflict, "restore it first")


def test_no_answer_to_ourselves(desk: Desk) -> None:
    """A ticket whose requester became one of our own addresses is not answered: the mail would come back."""
    ticket = desk.ticket_of(desk.mail("other@example.com"))
    served = replace(desk.directory._served.addresses[SUPPORT], address="other@example.com")
    desk.directory._served.addresses["other@example.com"] = served
    refused(desk, ticket, Conflict, "own-address")


def test_not_too_many_to_one_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the cap of an hour an answer is refused; an hour later it may go."""
    monkeypatch.setattr(gate, "REPLIES_AN_HOUR", 2)
    ticket = desk.ticket_of(desk.mail())
    for _ in range(2):
        desk.answer(ticket)
    with pytest.raises(Conflict, match="cap"):
        desk.answer(ticket)
    desk.now += 3600 * 1_000_000
    desk.answer(ticket)
    assert desk.woken == 3


def test_copies_only_to_people_of_the_ticket(desk: Desk) -> None:
    """An answer is copied to people the customer had copied, a row each, and to nobody else."""
    first = desk.mail(Cc="Lou <LOU@customer.example>")
    refused(desk, desk.ticket_of(first), BadRequest, "copied to before", copies=("mallory@evil.example",))
    replied = desk.answer(desk.ticket_of(first), copies=("lou@customer.example", "kim@customer.example"))
    assert [row.recipient for row in replied.queued] == ["kim@customer.example", "lou@customer.example"]
    assert [person.address for person in sent_mail(desk, replied).cc] == ["lou@customer.example"]


def test_not_more_copies_than_people_fit_a_ticket(desk: Desk) -> None:
    """An answer to a crowd is a bad request."""
    crowd = tuple(f"p{n}@customer.example" for n in range(41))
    refused(desk, desk.ticket_of(desk.mail()), BadRequest, "at most 40", copies=crowd)


def test_an_answer_from_a_mailbox_that_is_gone(desk: Desk) -> None:
    """Without its mailbox a ticket has no address to answer from."""
    ticket = desk.ticket_of(desk.mail())
    desk.do(lambda tx: change_ticket(tx.connection, desk.account, ticket, at=desk.now, mailbox_id=5))
    refused(desk, ticket, Conflict, "mailbox of ticket 1 is gone")


def test_a_customer_who_writes_headers(desk: Desk) -> None:
    """A name or subject that decodes to line ends adds no header to our answer."""
    evil = "=?utf-8?q?x=0D=0ABcc:_victim@other.example?="
    raw = desk.written("kim@customer.example").replace(b"Subject: Help", f"Subject: {evil}".encode())
    raw = raw.replace(b"From: kim@customer.example", f"From: {evil} <kim@customer.example>".encode())
    replied = desk.answer(desk.ticket_of(desk.receive(raw)))
    mail = message_from_bytes(raw_of(desk, replied.message), policy=default)
    assert mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == ["kim@customer.example"]


DSN = """\
From: Mail Delivery System <mailer-daemon@relay.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <dsn@relay.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; kim@customer.example
Action: failed
Status: 5.1.1

--b
Content-Type: message/rfc822

Message-ID: <{message_id}>
Subject: Re: Help [#1]

text
--b--
"""


@pytest.mark.parametrize("signed", [True, False])
def test_a_bounce_comes_in(desk: Desk, signed: bool) -> None:
    """A bounce, to our signed return path or to the mailbox, is filed in its ticket and fails the answer's row."""
    first = desk.mail()
    replied = desk.answer(desk.ticket_of(first))
    to = replied.queued[0].mail_from if signed else SUPPORT
    assert to is not None
    report = DSN.format(to=to, message_id=replied.message_id).replace("\n", "\r\n").encode()
    outcome = desk.receive(report, recipient=to, mail_from=None)
    assert outcome.ticket == first.ticket
    assert [(row.state, row.reply) for row in queued(desk, replied.message)] == [("failed", "5.1.1")]


def bounce(message_id: str, *recipients: tuple[str, str, bool], complaint: bool = False) -> Bounce:
    people = tuple(BouncedRecipient(*recipient) for recipient in recipients)
    return Bounce("multipart-report", people, message_id, complaint=complaint)


def note_bounce(desk: Desk, ticket: int, report: Bounce) -> int:
    return desk.do(partial(_bounced, desk, ticket, report))


def _bounced(desk: Desk, ticket: int, report: Bounce, transaction: Transaction) -> int:
    return reply.bounced(transaction, desk.account, ticket, report, now=desk.now)


def test_a_bounce_fails_its_row(desk: Desk) -> None:
    """A permanent bounce marks the one row it is about as failed, with its status, once."""
    first = desk.mail(Cc="lou@customer.example")
    ticket = desk.ticket_of(first)
    replied = desk.answer(ticket, copies=("lou@customer.example",))
    report = bounce(replied.message_id, ("LOU@customer.example", "5.1.1", True))
    assert [note_bounce(desk, ticket, report) for _ in range(2)] == [1, 0]
    assert [(row.state, row.reason, row.reply) for row in queued(desk, replied.message)] == [
        ("queued", "allowed", None), ("failed", "bounced", "5.1.1"),
    ]  # fmt: skip


@pytest.mark.parametrize("forwarded", ["kim@customer.example", "kim.private@elsewhere.example"])
def test_a_bounce_of_a_mail_to_one_person(desk: Desk, forwarded: str) -> None:
    """A mail that went to one person failed for them, even if the bounce names where it was forwarded to."""
    ticket = desk.ticket_of(desk.mail())
    replied = desk.answer(ticket)
    assert note_bounce(desk, ticket, bounce(replied.message_id, (forwarded, "5.2.2", True))) == 1


def test_bounces_that_change_nothing(desk: Desk) -> None:
    """A delay, a complaint, a mail we did not send and another ticket's mail mark nothing."""
    ticket, other = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail("leo@other.example"))
    replied = desk.answer(ticket)
    person = ("kim@customer.example", "5.1.1", True)
    reports = [
        (ticket, bounce(replied.message_id, ("kim@customer.example", "4.4.1", False))),
        (ticket, bounce(replied.message_id, person, complaint=True)),
        (ticket, bounce("unknown@example.com", person)),
        (ticket, bounce("", person)),
        (other, bounce(replied.message_id, person)),
    ]
    assert [note_bounce(desk, *report) for report in reports] == [0] * len(reports)
    assert [row.state for row in queued(desk, replied.message)] == ["queued"]


HOME = "kim@home.example"


def _answer_to(desk: Desk, ticket: int, to: str) -> list[str]:
    return [row.recipient for row in desk.answer(ticket, to=to).queued]


def test_who_answers_chooses_where_reply_to_differs(desk: Desk) -> None:
    """Without a choice From is answered, with one the address of Reply-To, whose next mail joins the ticket."""
    ticket = desk.ticket_of(desk.mail(Reply_To=f"Kim at home <{HOME}>", Message_ID="<a@customer.example>"))
    assert _answer_to(desk, ticket, "") == ["kim@customer.example"]
    assert _answer_to(desk, ticket, "Kim@Customer.example") == ["kim@customer.example"]
    assert _answer_to(desk, ticket, HOME.upper()) == [HOME]
    assert desk.mail(HOME, In_Reply_To="<a@customer.example>").ticket == ticket


def test_an_answer_goes_nowhere_that_nobody_asked_for(desk: Desk) -> None:
    """Neither a stranger's address nor one of our own can be chosen."""
    ticket = desk.ticket_of(desk.mail(Reply_To="support@example.com"))
    with pytest.raises(BadRequest, match="asks for"):
        _answer_to(desk, ticket, "else@where.example")
    with pytest.raises(Conflict, match="own-address"):
        _answer_to(desk, ticket, "support@example.com")


def test_people_are_named_in_any_spelling(desk: Desk) -> None:
    """Whoever an agent accepts, excludes or copies an answer to is meant however their domain is written."""
    ticket = desk.ticket_of(desk.mail(Cc="jo@xn--bcher-kva.example"))
    assert [row.recipient for row in desk.answer(ticket, copies=("Jo@BÜCHER.example.",)).queued] == [
        "kim@customer.example",
        "jo@xn--bcher-kva.example",
    ]
    desk.act(acts.exclude, ticket, "jo@bücher.example")
    with pytest.raises(BadRequest, match="copied"):
        desk.answer(ticket, copies=("jo@bücher.example",))
    desk.act(acts.accept, ticket, "jo@bücher.example ")

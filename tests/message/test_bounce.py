"""Bounces and complaints recognised in the formats of many servers, all in our own words; ordinary mail left alone."""

from __future__ import annotations

import pytest

from mailhub.message.parse import parse
from mailhub.message.values import Bounce

RETURNED = (
    "Received: from a by b\nMessage-ID: <m1@ours.example>\nFrom: desk@ours.example\nTo: kim@b.example\n\nHi"
)

# name -> (sender, subject, text, recipients, statuses, permanent)
FORMATS: dict[str, tuple[str, str, str, list[str], list[str], bool]] = {
    "qmail": (
        "MAILER-DAEMON@b.example",
        "failure notice",
        "Hi. This is the qmail-send program.\n\n<kim@b.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
        f"--- Below this line is a copy of the message.\n\n{RETURNED}",
        ["kim@b.example"],
        ["5.1.1"],
        True,
    ),
    "exim": (
        "Mail Delivery System <Mailer-Daemon@b.example>",
        "Mail delivery failed: returning message to sender",
        "The following address(es) failed:\n\n  kim@b.example\n    host mx [192.0.2.1]: 550 5.1.1 unknown user\n"
        "  lea@b.example\n    host mx.b.example [192.0.2.1]: 552 5.2.2 mailbox full\n\n"
        f"------ This is a copy of the message, including all the headers. ------\n\n{RETURNED}",
        ["kim@b.example", "lea@b.example"],
        ["5.1.1", "5.2.2"],
        True,
    ),
    "sendmail": (
        "Mail Delivery Subsystem <MAILER-DAEMON@b.example>",
        "Returned mail: see transcript for details",
        "  --- The following addresses had fatal errors ---\n<kim@b.example>\n    (reason: 550 Host unknown)\n\n"
        "   ----- Transcript of session follows -----\n550 5.1.2 <kim@b.example>... Host unknown",
        ["kim@b.example"],
        ["5.1.2"],
        True,
    ),
    "sendmail alias": (
        "MAILER-DAEMON@b.example",
        "Returned mail: see transcript for details",
        "   ----- The following addresses had permanent fatal errors -----\n<kim@c.example>\n"
        "    (reason: 550 5.1.1 no user)\n"
        "    (expanded from: <team@b.example>)\n\nQuestions go to postmaster@b.example",
        ["team@b.example"],
        ["5.1.1"],
        True,
    ),
    "gmail": (
        "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification (Failure)",
        "Delivery to the following recipient failed:\n\n     kim@b.example\n\nTechnical details:\n"
        f"The error that was returned: 550 550 5.7.1 rejected as spam\n\n----- Original message -----\n\n{RETURNED}",
        ["kim@b.example"],
        ["5.7.1"],
        False,
    ),
    "notes": (
        "Postmaster@b.example",
        "DELIVERY FAILURE: User kim not listed",
        "Your message\n\n  Subject: x\n\nwas not delivered to:\n\n  kim@b.example\n\nbecause:\n\n  not listed in it",
        ["kim@b.example"],
        ["5.1.1"],
        True,
    ),
    "exchange 2000": (
        "System Administrator <postmaster@b.example>",
        "Undeliverable: order",
        "Your message\n\n  To:      kim@b.example\n  Subject: order\n\ndid not reach the following recipient(s):\n\n"
        "kim@b.example on Tue, 3 Mar 2026 09:14:00 +0100\n    The recipient name is not recognized",
        ["kim@b.example"],
        ["5.1.1"],
        True,
    ),
    "fields in the text": (
        "MAILER-DAEMON@b.example",
        "Delivery failure",
        "We could not deliver your mail.\n\nReporting-MTA: dns; b.example\n\nFinal-Recipient: rfc822; kim@b.example\n"
        "Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 5.4.7 expired <421 4.4.2 timed out>\n",
        ["kim@b.example"],
        ["4.4.2"],
        False,
    ),
    "delay": (
        "MAILER-DAEMON@b.example",
        "Warning: message delayed",
        "Your message to <kim@b.example> has been delayed: 421 4.4.1 connection timed out. It will be retried.",
        ["kim@b.example"],
        ["4.4.1"],
        False,
    ),
    "james": (
        "postmaster@b.example",
        "Re: order",
        "Hi. This mail server was not able to deliver your message.\n\nMessage details:\n"
        "  Subject: order\n  RCPT TO: kim@b.example\n"
        "  From: desk@ours.example\nFailed to send: 550 - Requested action not taken: no such user here",
        ["kim@b.example"],
        ["5.1.1"],
        True,
    ),
    "gateway": (
        "Mail Administrator <postmaster@b.example>",
        "Undeliverable Mail: order",
        "Your message:\n   From:    desk@ours.example\n   Subject: order\n\n"
        "Could not be delivered because of\n\n  550 5.1.1 User unknown"
        "\n\nThe following recipients were affected:\n   kim@b.example\n\nMessage headers follow:\n",
        ["kim@b.example"],
        ["5.1.1"],
        True,
    ),
    "attempts": (
        "Mail System <postmaster@b.example>",
        "Message not delivered",
        "Your message could not be sent.\nAddressed To: kim@b.example\n\nTue 3 Mar 2026\n"
        "Failed to send to identified host,\n"
        "kim@b.example: [192.0.2.1], 550 5.2.2 over quota\n",
        ["kim@b.example"],
        ["5.2.2"],
        False,
    ),
    "virus wall": (
        "postmaster@b.example",
        "Mail could not be delivered",
        "****** Message from the wall ******\n\nSent <<< RCPT TO:<kim@b.example>\n"
        "Received >>> 550 5.1.1 <kim@b.example>... user unknown\n"
        "\nUnable to deliver message to <kim@b.example>.\n\n****** End of message ******",
        ["kim@b.example"],
        ["5.1.1"],
        True,
    ),
    "brackets": (
        "Postmaster <POSTMASTER@b.example>",
        "Message Delivery Failure",
        "Message could not be delivered to some recipients.\n\nRecipient: [SMTP:kim@b.example]\n"
        "Reason: 5.7.1 relaying denied\n"
        "\nMessage headers follow:\n",
        ["kim@b.example"],
        ["5.7.1"],
        False,
    ),
    "postponed": (
        "postmaster@b.example",
        "Delivery delayed",
        "Your message to:\n\n  kim@b.example\n\nhas not yet been delivered. It is deferred: connection timed out.",
        ["kim@b.example"],
        ["4.4.7"],
        False,
    ),
    "no code at all": (
        "MAILER-DAEMON@b.example",
        "Mail failure",
        "<kim@b.example>: the mailbox is full",
        ["kim@b.example"],
        ["5.2.2"],
        False,
    ),
}


def _parse(sender: str, subject: str, body: str, *more: str) -> Bounce | None:
    head = "\n".join((f"From: {sender}", "To: desk@ours.example", f"Subject: {subject}", *more))
    return parse(f"{head}\n\n{body}\n".encode()).bounce


@pytest.mark.parametrize("name", FORMATS)
def test_private_format_is_read(name: str) -> None:
    """Recipients, statuses and permanence are read from the text of each kind of server."""
    sender, subject, text, recipients, statuses, permanent = FORMATS[name]
    found = _parse(sender, subject, text)
    assert found is not None
    assert [each.address for each in found.recipients] == recipients
    assert [each.status for each in found.recipients] == statuses
    assert any(each.permanent for each in found.recipients) is permanent


def test_original_message_id_is_read_from_the_returned_message() -> None:
    """The Message-ID of the returned mail, in the text or attached, leads back to what was sent."""
    found = _parse(*FORMATS["qmail"][:3])
    assert found is not None
    assert found.original_message_id == "m1@ours.example"


REPORT = """--b
Content-Type: text/plain

Delivery failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.b.example

Final-Recipient: rfc822;kim@b.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {answer}

--b
Content-Type: message/rfc822

Message-ID: <m2@ours.example>
Subject: order

Hi
--b--
"""


@pytest.mark.parametrize(
    ("action", "status", "answer", "expected", "permanent"),
    [
        ("failed", "5.1.1", "550 5.1.1 no such user", "5.1.1", True),
        ("failed", "5.0.0", "550-5.1.1 The account that you tried to reach does not exist", "5.1.1", True),
        ("failed", "4.4.7", "550 5.7.26 unauthenticated mail", "5.7.26", False),
        ("failed", "5.1.1", "550 5.1.1 sent to too many recipients this hour", "5.1.1", False),
        (
            "failed",
            "5.4.1",
            "550 5.4.1 [kim@b.example]: Recipient address rejected: Access denied",
            "5.4.1",
            True,
        ),
        ("failed", "5.7.27", "550 host does not accept mail", "5.7.27", True),
        ("delayed", "4.4.1", "connection timed out", "4.4.1", False),
        ("failed", "5.2.2", "552 over quota", "5.2.2", False),
    ],
)
def test_delivery_report_is_read(
    action: str, status: str, answer: str, expected: str, permanent: bool
) -> None:
    """Of the status field and the server's own code the one that says more counts, and words decide on permanence."""
    kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    found = _parse("a@b.example", "x", REPORT.format(action=action, status=status, answer=answer), kind)
    assert found is not None
    assert (found.reason, found.original_message_id) == ("multipart-report", "m2@ours.example")
    assert [(each.status, each.permanent) for each in found.recipients] == [(expected, permanent)]


def test_report_of_success_is_no_bounce() -> None:
    """A report that everything was delivered bounces nothing."""
    kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'
    assert (
        _parse("a@b.example", "x", REPORT.format(action="delivered", status="2.0.0", answer="250 ok"), kind)
        is None
    )


def test_feedback_report_is_a_complaint() -> None:
    """RFC 5965: a feedback report is a complaint, with the recipients it names and the mail it is about."""
    body = (
        "--b\nContent-Type: text/plain\n\nabuse\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        "Original-Rcpt-To: kim@b.example\n--b\nContent-Type: message/rfc822\n\n"
        "Message-ID: <m3@ours.example>\n\n--b--\n"
    )
    kind = 'Content-Type: multipart/report; report-type=feedback-report; boundary="b"'
    found = _parse("fbl@b.example", "complaint", body, kind)
    assert found is not None
    assert (found.reason, found.complaint, found.original_message_id) == ("arf", True, "m3@ours.example")
    assert [each.address for each in found.recipients] == ["kim@b.example"]


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        (
            "Delivery failure",
            "My parcel was not delivered, it could not be delivered to kim@b.example. Please help.",
        ),
        ("Undeliverable: parcel 550", "The courier says it is undeliverable. 550 EUR are at stake!"),
        ("Re: Undelivered Mail Returned to Sender", "I got this bounce, what does it mean?"),
        ("Mail delivery failed", "Since Monday mail to kim@b.example comes back, user unknown."),
        ("returned mail: which address do I use?", "To return the goods I need your postal address."),
    ],
)
def test_people_who_write_of_failed_deliveries_are_no_bounces(subject: str, body: str) -> None:
    """A customer may write about parcels or bounces in the words of a server."""
    assert _parse("Karla Ude <karla@c.example>", subject, body) is None


def test_a_bounce_attached_to_a_persons_mail_is_no_bounce() -> None:
    """The report must belong to the message itself, not to one that is attached."""
    inner = f'Content-Type: multipart/report; boundary="c"\n\n{REPORT.replace("--b", "--c")}'
    body = f"--b\n\nSee what I got.\n--b\nContent-Type: message/rfc822\n\n{inner}\n--b--\n"
    assert _parse("karla@c.example", "help", body, 'Content-Type: multipart/mixed; boundary="b"') is None


def test_advertising_with_a_null_sender_is_no_bounce() -> None:
    """Advertisers forge the null sender: with a link and without a word of delivery it is no bounce."""
    assert _parse("a@b.example", "Buy", "Buy now: https://a.example", "Return-Path: <>") is None
    assert _parse("a@b.example", "hello", "body", "Return-Path: <>") is not None

"""Who wrote a mail and who takes part: requesters, agents, copies, our own addresses, bounces."""

from __future__ import annotations

import pytest

from mailhub.envelope import Fate
from mailhub.filing.places import PARTICIPANTS_ADDED
from storage.schema import contact
from tests.houses.postroom import ANA, KIM, MALLORY, PostRoom, answering, mail


@pytest.mark.parametrize(
    ("sender", "mail_from", "requester"),
    [
        (None, "envelope@customer.example", "envelope@customer.example"),
        (None, None, None),
        ("", None, None),
        ("Kim", "envelope@customer.example", "envelope@customer.example"),
        ("Kim <kim@>", None, None),
        ("<<>>,;:", "Envelope@Customer.example", "envelope@customer.example"),
        ("KIM@Customer.Example", None, KIM),
        ("a@one.example, b@two.example", "envelope@customer.example", "a@one.example"),
    ],
)
def test_a_mail_without_a_usable_sender_is_a_ticket(
    room: PostRoom, sender: str | None, mail_from: str | None, requester: str | None
) -> None:
    """No From, a broken one or a null sender still makes a ticket; its requester is whoever can be named."""
    outcome = room.deliver(mail(sender=sender), mail_from=mail_from)
    assert outcome.fate is Fate.FILED
    assert room.requester(outcome.ticket) == requester


def test_addresses_are_one_person_whatever_their_case(room: PostRoom) -> None:
    """Two mails of one address in other case, in one batch or two, are of one contact."""
    room.deliver_all([mail("1"), mail("2", sender="KIM@CUSTOMER.EXAMPLE")])
    room.deliver(mail("3", sender="Kim@Customer.Example"))
    assert room.count(contact) == 1


def test_an_agents_mail_belongs_to_the_customer(room: PostRoom) -> None:
    """A user writes to a customer with support in copy: the ticket is the customer's, the message the user's."""
    headers = [("Cc", "support@example.com, Lee <lee@customer.example>")]
    outcome = room.deliver(mail(sender="Ana <ana@example.com>", to=f"Kim <{KIM}>", headers=headers))
    assert room.requester(outcome.ticket) == KIM
    stored = room.message(outcome.message)
    assert (stored.user_id, stored.contact_id) == (ANA, None)
    assert room.ticket(outcome.ticket).assignee_id == ANA
    assert room.participants(outcome.ticket) == {"lee@customer.example": "cc"}
    answer = room.deliver(mail("Thanks.", subject="[#1]"))
    assert (answer.ticket, answer.reason) == (outcome.ticket, "subject-tag")


def test_an_agents_mail_to_nobody_is_a_ticket(room: PostRoom) -> None:
    """A user's mail to support alone makes a ticket without a requester."""
    outcome = room.deliver(mail(sender="ana@example.com"))
    assert (outcome.fate, room.requester(outcome.ticket)) == (Fate.FILED, None)


@pytest.mark.parametrize("sender", ["support@example.com", "Sales+x@EXAMPLE.com", "postmaster@example.com"])
def test_mail_from_our_own_address_starts_nothing(room: PostRoom, sender: str) -> None:
    """Mail that claims to be ours is kept and recorded, in a closed ticket, and makes no contact."""
    outcome = room.deliver(mail(sender=sender))
    assert outcome.fate is Fate.FILED
    assert (room.ticket(outcome.ticket).state, room.count(contact)) == ("closed", 0)
    assert room.message(outcome.message).thread_reason == "own-address"


def test_a_bounce_from_our_own_postmaster_is_a_bounce(room: PostRoom) -> None:
    """What our own mail server says about an answer of ours is filed as its bounce, not as mail of our own."""
    first = room.deliver(mail(id="a@x.example"))
    replied = room.answer(first.ticket or 0)
    outcome = room.deliver(bounce(replied.message_id, sender="postmaster@example.com"), mail_from=None)
    assert (outcome.ticket, outcome.reason) == (first.ticket, "bounce")
    assert room.message(outcome.message).thread_reason == "bounce"


def bounce(message_id: str, *, sender: str = "MAILER-DAEMON@relay.example", cc: str = "") -> bytes:
    """A delivery status notification about a mail of ours (RFC 3464)."""
    report = (
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
        f"Final-Recipient: rfc822; {KIM}\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        f"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{message_id}>\r\nSubject: x\r\n\r\nText\r\n--b--"
    )
    mime = [
        ("MIME-Version", "1.0"),
        ("Content-Type", 'multipart/report; report-type=delivery-status; boundary="b"'),
    ]
    return mail(
        report, sender=sender, subject="Undelivered mail", headers=[*mime, *([("Cc", cc)] if cc else [])]
    )


def test_a_forged_bounce_brings_nobody_in(room: PostRoom) -> None:
    """Who is named in a bounce, which anybody can write, becomes no participant of the ticket."""
    first = room.deliver(mail(id="a@x.example"))
    replied = room.answer(first.ticket or 0)
    forged = room.deliver(bounce(replied.message_id, sender=MALLORY, cc=MALLORY), mail_from=None)
    assert (forged.ticket, room.participants(first.ticket)) == (first.ticket, {})
    assert room.deliver(mail("Let me in.", sender=MALLORY, subject="[#1]")).reason == "not-a-participant"


def test_people_added_by_one_mail_are_bounded(room: PostRoom) -> None:
    """A mail to hundreds of people adds a bounded number of participants and one contact."""
    crowd = ", ".join(f"person{n}@crowd.example" for n in range(300))
    outcome = room.deliver(
        mail(to=f"support@example.com, {crowd}", headers=[("Cc", crowd.replace("person", "cc"))])
    )
    assert len(room.participants(outcome.ticket)) == PARTICIPANTS_ADDED
    assert room.count(contact) == 1


def test_a_batch_of_crowds_is_filed(room: PostRoom) -> None:
    """Sixteen mails to two thousand people each are filed, alone or together, whatever the engine's bounds."""
    crowds = [
        mail(
            f"Mail {n}.",
            to=", ".join(f"p{n}.{m}@crowd.example" for m in range(1000)),
            headers=[("Cc", ", ".join(f"c{n}.{m}@crowd.example" for m in range(1000)))],
            sender=f"sender{n}@crowd.example",
        )
        for n in range(16)
    ]
    assert {outcome.fate for outcome in room.deliver_all(crowds)} == {Fate.FILED}


def test_people_named_twice_are_added_once(room: PostRoom) -> None:
    """Someone named in To, Cc, another case and a later mail is one participant; the requester is none."""
    people = f"{KIM}, Lee@Customer.example, lee@customer.example, support@example.com, ana@example.com"
    first, second = room.deliver_all(
        [
            mail(id="a@x.example", to=people, headers=[("Cc", people)]),
            mail("2", to=people, headers=answering("a@x.example")),
        ]
    )
    third = room.deliver(mail("3", to=people, headers=answering("a@x.example")))
    assert first.ticket == second.ticket == third.ticket
    assert room.participants(first.ticket) == {"lee@customer.example": "cc"}

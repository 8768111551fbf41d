"""Which ticket a mail joins: scenarios of states, loops, bounces and input (see ``test_threading_scenarios.py``)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mailhub.envelope import Fate, Source
from mailhub.tickets.reply import Replied
from storage.schema import contact, mailbox, message, ticket
from tests.houses.postroom import (
    ADDRESSES,
    KIM,
    MALLORY,
    MINE,
    SALES,
    SUPPORT,
    PostRoom,
    alone,
    answering,
    filed,
    joined,
    mail,
    tokened,
)

# --- duplicates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", [pytest.param(MINE, id="T54"), pytest.param(None, id="T55")])
def test_T54_T55_delivered_twice(room: PostRoom, id: str | None) -> None:
    """The same mail twice, with or without Message-ID, by whatever door, is one message and two fates."""
    outcomes = [room.deliver(mail(id=id), source=source) for source in (Source.SMTP, Source.IMAP)]
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED, Fate.DUPLICATE]
    assert room.count(message) == 1


def test_T56_mail_rejected_before(room: PostRoom) -> None:
    """Differs: a rejected mail (a loop) leaves its row and nothing else, so the same mail on a sane path is filed."""
    loop = mail(id=MINE, headers=[("Received", "from a by b")] * 60)
    assert [room.deliver(loop).fate for _ in range(2)] == [Fate.REJECTED, Fate.REJECTED]
    assert alone(room, room.deliver(mail(id=MINE))) == ("new", None)
    assert room.intake() == [("rejected", "hop-count")] * 2 + [("filed", "new")]


# --- state ------------------------------------------------------------------------------------------------------------


def test_T57_reply_to_a_closed_ticket(room: PostRoom, kims_ticket: int) -> None:
    """A participant's answer reopens a closed ticket."""
    room.set_ticket(kims_ticket, state="closed")
    assert joined(room, room.deliver(mail("Still broken.", headers=answering(MINE))), kims_ticket)
    assert room.ticket(kims_ticket).state == "open"


@pytest.mark.parametrize("state", ["closed", "open"])
def test_T58_T61_mailbox_that_wants_new_tickets(room: PostRoom, kims_ticket: int, state: str) -> None:
    """Under new-ticket an answer to a closed ticket starts another one, linked to it; an open one takes it."""
    new_tickets(room)
    room.set_ticket(kims_ticket, state=state)
    outcome = room.deliver(mail("Still broken.", headers=answering(MINE)))
    if state == "open":
        assert joined(room, outcome, kims_ticket)
    else:
        assert alone(room, outcome)[1] == kims_ticket
        assert (room.ticket(kims_ticket).state, room.ticket(outcome.ticket).state) == ("closed", "open")


def new_tickets(room: PostRoom) -> None:
    """Set the support mailbox to new-ticket."""
    change = mailbox.update().where(mailbox.c.id == SUPPORT).values(on_reply_to_closed="new-ticket")
    room.do(lambda tx: tx.connection.execute(change))
    room.directory.refresh()


def test_T62_reply_to_a_trashed_ticket(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """Differs: an answer to a ticket in the trash is not refused; it starts a ticket of its own, by id or by token."""
    room.set_ticket(kims_ticket, state="trash")
    assert alone(room, room.deliver(mail("Hello?", headers=answering(MINE)))) == ("new", None)
    assert alone(room, room.deliver_to(mail("Still there?"), tokened(anas_answer))[0]) == ("new", None)


@pytest.mark.parametrize("by", ["number", "id", "token"])
def test_T63_merged_tickets(room: PostRoom, kims_ticket: int, anas_answer: Replied, by: str) -> None:
    """Number, id and token of a merged ticket lead to the live end of the chain."""
    chain = [kims_ticket, *(filed(room.deliver(mail(f"Ticket {n}."))) for n in range(3))]
    for source, target in pairwise(chain):
        room.set_ticket(source, state="merged", state_before="open", merged_into=target)
    outcome = {
        "number": lambda: room.deliver(mail("Any news?", subject="[#1]")),
        "id": lambda: room.deliver(mail("Any news?", headers=answering(MINE))),
        "token": lambda: room.deliver_to(mail("Any news?"), tokened(anas_answer))[0],
    }[by]()
    assert joined(room, outcome, chain[-1])


# --- forward ----------------------------------------------------------------------------------------------------------


def test_T65_forward_command_of_a_stranger(room: PostRoom) -> None:
    """Commands in a body mean nothing: From stays the sender."""
    outcome = room.deliver(mail(f"@fwd\n\nFrom: Kim <{KIM}>\nSubject: x\n\nText", sender=MALLORY))
    assert room.requester(outcome.ticket) == MALLORY


def test_T66_agent_forwards_to_another_mailbox(room: PostRoom, kims_ticket: int) -> None:
    """An agent's forward to another mailbox, without ids or number, is a ticket there and no reply here."""
    outcome = room.deliver_to(
        mail("Yours?", sender="ana@example.com", subject="Fwd: Printer"), ADDRESSES[SALES]
    )[0]
    assert alone(room, outcome) == ("new", None)
    assert room.ticket(outcome.ticket).mailbox_id == SALES


def test_T67_forwarded_mail(room: PostRoom) -> None:
    """Differs: a forwarded mail belongs to who forwarded it; the text inside proves nothing about its author."""
    text = f"FYI\n\n---------- Forwarded message ---------\nFrom: Kim <{KIM}>\nTo: Lee\nSubject: Printer\n\nIt burns."
    outcome = room.deliver(mail(text, sender="lee@customer.example", subject="Fwd: Printer"))
    assert (room.requester(outcome.ticket), room.count(contact)) == ("lee@customer.example", 1)


# --- loops ------------------------------------------------------------------------------------------------------------


def test_T68_our_own_mail_comes_back(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """Our own answer, coming back as we sent it, is known as that message and files nothing new."""
    raw = room.raw(anas_answer.message)
    assert raw is not None
    outcome = room.deliver(b"Received: from relay.example by us\r\n" + raw)
    assert (outcome.fate, outcome.message) == (Fate.DUPLICATE, anas_answer.message)
    assert room.ticket(kims_ticket).message_count == 2


def test_T69_loop_by_received_headers(room: PostRoom) -> None:
    """A mail that went round too often is rejected with a row, whoever's headers it bears; a loop header is none."""
    assert room.deliver(mail(headers=[("Received", "from a by b")] * 60)).reason == "hop-count"
    assert alone(room, room.deliver(mail(headers=[("X-RT-Loop-Prevention", "mailhub")]))) == ("new", None)


def test_T70_robots_without_loop_headers(room: PostRoom) -> None:
    """What a robot sends over its hourly cap is collected in one ticket; we send no automatic mail it could answer."""
    outcomes = [room.deliver(mail(f"Ticket {n} was opened.", id=f"{n}@robot.example")) for n in range(30)]
    assert {outcome.fate for outcome in outcomes} == {Fate.FILED}
    assert max(row.message_count for row in room.rows(ticket)) == 25


@pytest.mark.parametrize(
    ("headers", "sender", "mail_from"),
    [
        ([("Auto-Submitted", "auto-generated")], KIM, KIM),
        ([("Precedence", "bulk")], KIM, KIM),
        ([("Precedence", "junk")], KIM, KIM),
        ([], KIM, None),
        ([], "MAILER-DAEMON@relay.example", None),
    ],
)
def test_T71_automatic_mail_is_kept(
    room: PostRoom, headers: list[tuple[str, str]], sender: str, mail_from: str | None
) -> None:
    """Automatic mail makes a ticket and is marked as automatic, which the gate sends nothing back to."""
    outcome = room.deliver(mail(sender=sender, headers=headers), mail_from=mail_from)
    assert alone(room, outcome) == ("new", None)
    assert room.message(outcome.message).automatic


@pytest.mark.parametrize(
    "name",
    ["X-Mailhub-Ticket", "X-Mailhub-Verdict", "RT-Squelch-Replies-To", "X-Zammad-Priority", "X-Spam-Flag"],
)
def test_T72_T73_control_headers_of_a_stranger(room: PostRoom, kims_ticket: int, name: str) -> None:
    """No header of a sender controls anything, ours included; it stays in the raw message, which is the truth."""
    outcome = room.deliver(mail("Hi.", sender=MALLORY, headers=[(name, "1"), (name, KIM)]))
    assert alone(room, outcome) == ("new", None)
    plain = room.ticket(filed(room.deliver(mail("Hi!", sender="max@elsewhere.example"))))
    assert (room.ticket(outcome.ticket).state, room.ticket(outcome.ticket).verdict) == (
        plain.state,
        plain.verdict,
    )


# --- automatic --------------------------------------------------------------------------------------------------------


def test_T75_out_of_office(room: PostRoom, kims_ticket: int) -> None:
    """An out-of-office answer is marked as such and reopens nothing; the same person's own words do."""
    room.set_ticket(kims_ticket, state="closed")
    headers = [*answering(MINE), ("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All")]
    away = room.deliver(mail("I am away.", subject="Automatic reply: Printer", headers=headers))
    assert joined(room, away, kims_ticket) and room.message(away.message).automatic in (
        "out-of-office",
        "auto-reply",
    )
    assert room.ticket(kims_ticket).state == "closed"
    back = room.deliver(mail("I am back.", headers=answering(MINE)))
    assert (room.message(back.message).automatic, room.ticket(kims_ticket).state) == ("", "open")


def test_T77_automatic_reply_as_a_first_mail(room: PostRoom) -> None:
    """An automatic reply to nothing we know makes a ticket, marked."""
    outcome = room.deliver(mail("Thanks for your mail.", headers=[("Auto-Submitted", "auto-replied")]))
    assert alone(room, outcome) == ("new", None)
    assert room.message(outcome.message).automatic == "auto-reply"


def test_T78_mailing_list(room: PostRoom) -> None:
    """A mailing list's mail makes a ticket, and an answer on it reopens one as a person's would."""
    headers = [("Precedence", "list"), ("List-Id", "<users.list.example>")]
    outcome = room.deliver(mail(id=MINE, headers=headers))
    assert room.message(outcome.message).automatic == "list"
    room.set_ticket(filed(outcome), state="closed")
    assert joined(room, room.deliver(mail("More.", headers=[*headers, *answering(MINE)])), filed(outcome))
    assert room.ticket(outcome.ticket).state == "open"


# --- bounces ----------------------------------------------------------------------------------------------------------


def report(
    message_id: str,
    *,
    statuses: tuple[str, ...] = ("5.1.1",),
    sender: str | None = "mailer-daemon@relay.example",
) -> bytes:
    """A delivery status notification (RFC 3464) about a mail."""
    fields = "".join(
        f"\nFinal-Recipient: rfc822; {KIM}\nAction: failed\nStatus: {status}\n" for status in statuses
    )
    body = (
        "--b\nContent-Type: text/plain\n\nYour mail could not be delivered.\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n{fields}"
        f"\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <{message_id}>\nSubject: x\n\nText\n--b--"
    )
    mime = [
        ("MIME-Version", "1.0"),
        ("Content-Type", 'multipart/report; report-type=delivery-status; boundary="b"'),
    ]
    return mail(body, sender=sender, subject="Undelivered mail", id=None, headers=mime)


def test_T79_bounce_of_our_mail(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """A bounce that returns our Message-ID joins its ticket without being a participant, and changes no state."""
    room.set_ticket(kims_ticket, state="closed")
    outcome = room.deliver(report(anas_answer.message_id), mail_from=None)
    assert joined(room, outcome, kims_ticket) == "bounce"
    assert room.message(outcome.message).automatic == "bounce"
    assert room.ticket(kims_ticket).state == "closed"


def test_T79_bounce_of_a_customers_mail(room: PostRoom, kims_ticket: int) -> None:
    """A bounce about a mail that we did not send joins nothing: its id is known to anybody who got it."""
    assert alone(room, room.deliver(report(MINE), mail_from=None))[0] in ("new", "not-a-participant")


@pytest.mark.parametrize("sender", [None, "mailer-daemon@relay.example"])
def test_T82_bounce_with_several_statuses_or_no_sender(
    room: PostRoom, kims_ticket: int, anas_answer: Replied, sender: str | None
) -> None:
    """A bounce with several status codes or without From is a bounce like any other."""
    bounced = report(anas_answer.message_id, statuses=("4.4.1", "5.1.1", "5.7.1"), sender=sender)
    assert joined(room, room.deliver(bounced, mail_from=None), kims_ticket) == "bounce"


# --- input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("date", ["Fri, 01 Jan 2199 00:00:00 +0000", None, "yesterday"])
def test_T83_strange_date(room: PostRoom, date: str | None) -> None:
    """The time that counts is when we took the mail; the Date is shown as it was written, and missing where it was."""
    outcome = room.deliver(mail(date=date))
    assert alone(room, outcome) == ("new", None)
    stored = room.message(outcome.message)
    assert (stored.received_at, room.ticket(outcome.ticket).created_at) == (room.now, room.now)


@pytest.mark.parametrize("to", ["<<<>>>", "support@", ", ,;", "=?x?y?z", '"', "@" * 500, None])
def test_T84_malformed_to(room: PostRoom, to: str | None) -> None:
    """To decides nothing about the way, so a malformed one does no harm."""
    assert alone(room, room.deliver(mail(to=to))) == ("new", None)


def test_T85_support_address_in_other_case(room: PostRoom) -> None:
    """Served addresses match without case."""
    assert alone(room, room.deliver_to(mail(), "SuPPort@EXAMPLE.com")[0]) == ("new", None)


def test_T86_thousands_of_links(room: PostRoom) -> None:
    """A mail of six thousand links is filed whole: reading is bounded, and the raw message is the truth."""
    links = "".join(f'<a href="https://x.example/{n}">{n}</a>\n' for n in range(6000))
    outcome = room.deliver(mail(links, headers=[("Content-Type", "text/html")]))
    assert alone(room, outcome) == ("new", None)

"""What becomes of mail: one fate for every delivery, one message for every identity, one ticket to join or to start."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mailhub import prepare as preparing
from mailhub.clock import HOUR
from mailhub.directory import Directory
from mailhub.envelope import Fate, Source
from mailhub.pipeline import PARTICIPANTS_ADDED
from storage.filing import BEARERS
from storage.mailboxes import delete_mailbox
from storage.schema import contact, intake, message, message_reference, ticket
from tests.postroom import (
    ADDRESSES,
    ANA,
    FLOOD_CAP,
    HELP,
    HOPS,
    KIM,
    MALLORY,
    OURS,
    SALES,
    SUPPORT,
    THEIRS,
    PostRoom,
    answering,
    mail,
)

# --- fates ------------------------------------------------------------------------------------------------------------


def test_a_mail_becomes_a_ticket(room: PostRoom) -> None:
    """A first mail is a message in an open ticket of its sender, with its envelope on record."""
    outcome = room.deliver(mail(id="a@customer.example"), source=Source.LMTP)
    assert (outcome.fate, outcome.reason) == (Fate.FILED, "new")
    made = room.ticket(outcome.ticket)
    assert (made.state, made.subject, made.mailbox_id, made.message_count) == ("open", "Printer", SUPPORT, 1)
    assert room.requester(outcome.ticket) == KIM
    stored = room.message(outcome.message)
    assert (stored.message_id, stored.from_address, stored.direction) == ("a@customer.example", KIM, "in")
    row = room.rows(intake)[0]
    assert (row.fate, row.source, row.recipient) == ("filed", "lmtp", ADDRESSES[SUPPORT])
    assert (row.mail_from, row.mailbox_id, row.trace) == ("envelope@customer.example", SUPPORT, None)


@pytest.mark.parametrize(
    "sources", [(Source.SMTP, Source.SMTP), (Source.SMTP, Source.IMAP), (Source.PIPE, Source.LMTP)]
)
@pytest.mark.parametrize("together", [True, False])
def test_the_same_mail_again_is_a_duplicate(room: PostRoom, sources: tuple[Source, Source], together: bool) -> None:
    """The same mail by one door or two, in one batch or two, is one message; the copy's trace is kept."""
    body = mail(id="a@customer.example")
    first, again = b"Received: from a by b\r\n" + body, b"Received: from c by d\r\n" + body.replace(b"\r\n", b"\n")
    prepared = [(raw, room.prepare(raw, source=source)) for raw, source in zip((first, again), sources, strict=True)]
    batches = [prepared] if together else [prepared[:1], prepared[1:]]
    one, two = (outcomes[0] for batch in batches for outcomes in room.file_all(batch))
    assert (one.fate, two.fate, two.reason) == (Fate.FILED, Fate.DUPLICATE, "same-message")
    assert (two.message, two.ticket) == (one.message, one.ticket)
    assert room.count(message) == 1
    traces = [row.trace for row in room.rows(intake)]
    assert traces[0] is None
    assert "from c by d" in traces[1]


@pytest.mark.parametrize("together", [True, False])
def test_a_mail_without_an_id_is_known_again(room: PostRoom, together: bool) -> None:
    """Without Message-ID the sender, date, subject and content tell a resend; another text is another mail."""
    raws_ = [mail(), mail(), mail("Another text.")]
    outcomes = room.deliver_all(raws_) if together else [room.deliver(raw) for raw in raws_]
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED, Fate.DUPLICATE, Fate.FILED]


@pytest.mark.parametrize("together", [True, False])
def test_the_same_id_with_another_body_is_two_messages(room: PostRoom, together: bool) -> None:
    """Two mails that share a Message-ID and differ are both kept, and the second is flagged."""
    raws_ = [mail("One.", id="same@x.example"), mail("Two.", id="same@x.example")]
    one, two = room.deliver_all(raws_) if together else [room.deliver(raw) for raw in raws_]
    assert (one.fate, two.fate) == (Fate.FILED, Fate.FILED)
    assert "same-id-other-body" not in room.message(one.message).flags.split()
    assert "same-id-other-body" in room.message(two.message).flags.split()


def test_an_id_of_many_bodies_is_remembered_so_often(room: PostRoom) -> None:
    """However many mails bear one Message-ID, all are filed and a bounded number is remembered under it."""
    room.deliver_all([mail(f"Body {n}.", id="same@x.example") for n in range(BEARERS + 9)])
    assert room.count(message) == BEARERS + 9
    assert room.count(message_reference) == BEARERS


def test_a_mail_in_a_loop_is_rejected_with_a_row(room: PostRoom) -> None:
    """More Received headers than allowed is fate rejected with its reason; the last allowed number is filed."""
    looped = mail(headers=[("Received", "from a by b")] * (HOPS + 1))
    outcomes = room.deliver_all([looped, mail(headers=[("Received", "from a by b")] * HOPS)])
    assert [(o.fate, o.reason) for o in outcomes] == [(Fate.REJECTED, "hop-count"), (Fate.FILED, "new")]
    assert room.intake() == [("rejected", "hop-count"), ("filed", "new")]
    assert (outcomes[0].message, room.count(message)) == (None, 1)


def test_two_mailboxes_of_an_account_show_one_ticket(room: PostRoom) -> None:
    """A mail to two mailboxes is one message in the first's ticket, which is shown in both; each delivery has a row."""
    outcomes = room.deliver_to(mail(id="a@x.example"), ADDRESSES[SALES], ADDRESSES[SUPPORT])
    assert {(o.fate, o.message) for o in outcomes} == {(Fate.FILED, outcomes[0].message)}
    assert room.mailboxes(outcomes[0].ticket) == [SALES, SUPPORT]
    assert [row.mailbox_id for row in room.rows(intake)] == [SALES, SUPPORT]


@pytest.mark.parametrize("together", [True, False])
def test_a_copy_for_another_mailbox_shows_the_ticket_there(room: PostRoom, together: bool) -> None:
    """When the second mailbox's copy comes as a delivery of its own, it is a duplicate and the ticket shows in both."""
    raw = mail(id="a@x.example")
    prepared = [(raw, room.prepare(raw, recipients=(ADDRESSES[box],))) for box in (SUPPORT, SALES, SALES)]
    for batch in [prepared] if together else [[one] for one in prepared]:
        outcomes = room.file_all(batch)[-1]
    assert outcomes[0].fate is Fate.DUPLICATE
    assert room.mailboxes(outcomes[0].ticket) == [SUPPORT, SALES]


def test_a_copy_shows_the_ticket_that_took_over(room: PostRoom) -> None:
    """A copy for another mailbox of a mail whose ticket was merged shows the live ticket there."""
    raw, live = mail(id="a@x.example"), room.deliver(mail("Other.", id="b@x.example"))
    merged = room.deliver(raw)
    room.set_ticket(merged.ticket or 0, state="merged", merged_into=live.ticket)
    room.deliver_to(raw, ADDRESSES[SALES])
    assert (room.mailboxes(live.ticket), room.mailboxes(merged.ticket)) == ([SUPPORT, SALES], [SUPPORT])


def test_the_same_recipient_twice_has_two_rows(room: PostRoom) -> None:
    """A recipient given twice in other case is one message, shown once, and two deliveries."""
    outcomes = room.deliver_to(mail(), "support@example.com", "Support@Example.COM", "support@example.com")
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED] * 3
    assert (room.count(message), room.mailboxes(outcomes[0].ticket)) == (1, [SUPPORT])


def test_two_accounts_store_it_once_each(room: PostRoom) -> None:
    """A mail to two tenants is filed in each, in a ticket of its own, and neither knows of the other."""
    outcomes = room.deliver_to(mail(id="a@x.example"), ADDRESSES[SUPPORT], ADDRESSES[HELP], ADDRESSES[SALES])
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED] * 3
    assert outcomes[0].message == outcomes[2].message != outcomes[1].message
    assert (room.count(message, OURS), room.count(message, THEIRS)) == (1, 1)
    assert [row.recipient for row in room.rows(intake, THEIRS)] == [ADDRESSES[HELP]]
    again = room.deliver_to(mail(id="a@x.example"), ADDRESSES[HELP])
    assert (again[0].fate, again[0].message) == (Fate.DUPLICATE, outcomes[1].message)


def test_a_reference_into_another_account_leads_nowhere(room: PostRoom) -> None:
    """An answer to a mail of another tenant, by id, number or token, starts a ticket here."""
    ours = room.deliver(mail(id="a@x.example"))
    replied = room.answer(ours.ticket or 0)
    token = room.reply_address(replied).partition("+")[2].partition("@")[0]
    answer = mail("Yes.", subject="Re: [#1]", headers=answering("a@x.example", replied.message_id))
    outcome = room.deliver_to(answer, f"help+{token}@other.example")[0]
    assert (outcome.fate, outcome.reason) == (Fate.FILED, "new")
    assert room.ticket(outcome.ticket, THEIRS).may_belong_to is None


def test_a_recipient_that_went_away_is_deferred_and_nothing_is_stored(room: PostRoom) -> None:
    """A mailbox removed between RCPT and the end of DATA makes that recipient deferred; the others are filed."""
    outcomes = room.deliver_to(mail(), "gone@example.com", ADDRESSES[SUPPORT])
    assert [outcome.fate for outcome in outcomes] == [Fate.DEFERRED, Fate.FILED]
    assert len(room.rows(intake)) == 1


# --- who --------------------------------------------------------------------------------------------------------------


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
    mime = [("MIME-Version", "1.0"), ("Content-Type", 'multipart/report; report-type=delivery-status; boundary="b"')]
    return mail(report, sender=sender, subject="Undelivered mail", headers=[*mime, *([("Cc", cc)] if cc else [])])


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
    outcome = room.deliver(mail(to=f"support@example.com, {crowd}", headers=[("Cc", crowd.replace("person", "cc"))]))
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


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipient", "mailbox"),
    [
        ("SUPPORT@EXAMPLE.COM", SUPPORT),
        ("support+anything@example.com", SUPPORT),
        ("sales+not-a-token@example.com", SALES),
        ("postmaster@example.com", SUPPORT),
        ("Abuse@Example.com", SUPPORT),
        ("postmaster", SUPPORT),
        ("abuse@other.example", HELP),
    ],
)
def test_a_recipient_leads_to_its_mailbox(room: PostRoom, recipient: str, mailbox: int) -> None:
    """Case and plus part do not count, and the role accounts of every domain are taken."""
    outcome = room.deliver_to(mail(to="undisclosed-recipients:;"), recipient)[0]
    assert outcome.fate is Fate.FILED
    assert room.ticket(outcome.ticket, THEIRS if mailbox == HELP else OURS).mailbox_id == mailbox


def test_a_catch_all_takes_the_rest(room: PostRoom) -> None:
    """With the catch-all on, any local part of a served domain leads to its first mailbox, and is not our own."""
    directory = Directory(room.database, catch_all=True)
    room.directory, room.context = directory, replace(room.context, directory=directory)
    outcomes = [room.deliver_to(mail(to), to)[0] for to in ("anybody@example.com", "sales@example.com")]
    assert [room.ticket(outcome.ticket).mailbox_id for outcome in outcomes] == [SUPPORT, SALES]
    assert room.ticket(room.deliver(mail(sender="colleague@example.com")).ticket).state == "open"


def test_a_reply_to_a_closed_ticket_whose_mailbox_is_gone_is_filed(room: PostRoom) -> None:
    """When the mailbox of a closed ticket has been removed, an answer by another door still joins and reopens it."""
    first = room.deliver_to(mail(id="a@x.example"), ADDRESSES[SALES])[0]
    room.set_ticket(first.ticket or 0, state="closed")
    room.do(lambda tx: delete_mailbox(tx.connection, OURS, SALES))
    room.directory.refresh()
    outcome = room.deliver(mail("Still broken.", headers=answering("a@x.example")))
    assert (outcome.fate, outcome.ticket) == (Fate.FILED, first.ticket)
    assert room.ticket(first.ticket).state == "open"


# --- flood ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_is_over_the_cap_joins_one_ticket(room: PostRoom, size: int) -> None:
    """However a flood is cut into batches, all of it is filed: its cap in tickets of their own, the rest in one."""
    flood = [mail(f"Mail {n}.", id=f"{n}@x.example") for n in range(FLOOD_CAP + 7)]
    outcomes = [o for at in range(0, len(flood), size) for o in room.deliver_all(flood[at : at + size])]
    assert {outcome.fate for outcome in outcomes} == {Fate.FILED}
    counts = Counter(outcome.ticket for outcome in outcomes)
    assert sorted(counts.values()) == [1] * FLOOD_CAP + [7]
    assert [row.message_count for row in room.rows(ticket) if row.flood] == [7]


def test_the_next_hour_starts_anew(room: PostRoom) -> None:
    """An hour later the sender has his tickets again."""
    room.deliver_all([mail(f"Mail {n}.") for n in range(FLOOD_CAP + 2)])
    room.now += HOUR
    later = room.deliver_all([mail(f"Later {n}.") for n in range(2)])
    assert [room.ticket(outcome.ticket).flood for outcome in later] == [0, 0]


def test_another_process_finds_the_flood_ticket(room: PostRoom) -> None:
    """After a restart, what is over the cap joins the ticket that collects already."""
    before = room.deliver_all([mail(f"Mail {n}.") for n in range(FLOOD_CAP + 1)])
    room.context = replace(room.context, flood=type(room.context.flood)(0))
    assert room.deliver(mail("More.")).ticket == before[-1].ticket


@pytest.mark.parametrize("state", ["closed", "trash"])
def test_a_flood_ticket_put_away_collects_no_more(room: PostRoom, state: str) -> None:
    """When an agent closed or trashed the collecting ticket, further mail starts another one and is not hidden."""
    before = room.deliver_all([mail(f"Mail {n}.") for n in range(FLOOD_CAP + 1)])
    room.set_ticket(before[-1].ticket or 0, state=state)
    after = room.deliver_all([mail(f"More {n}.") for n in range(2)])
    assert after[0].ticket == after[1].ticket != before[-1].ticket
    assert (room.ticket(after[0].ticket).state, room.ticket(after[0].ticket).flood) == ("open", 1)


def test_replies_are_no_flood(room: PostRoom) -> None:
    """Mails that join a ticket do not count, and another sender is not affected."""
    room.deliver(mail(id="a@x.example"))
    room.deliver_all([mail(f"Answer {n}.", headers=answering("a@x.example")) for n in range(2 * FLOOD_CAP)])
    assert room.deliver(mail("New.")).reason == "new"
    room.deliver_all([mail(f"Mail {n}.", sender=MALLORY) for n in range(FLOOD_CAP)])
    assert [row.flood for row in room.rows(ticket)] == [0] * (2 + FLOOD_CAP)


def test_an_import_is_no_flood(room: PostRoom) -> None:
    """An archive of one sender's mails, imported in an hour, becomes as many tickets as it has threads."""
    archive = [mail(f"Mail {n}.", id=f"{n}@x.example") for n in range(3 * FLOOD_CAP)]
    outcomes = room.deliver_all(archive, source=Source.IMPORT, quiet=True)
    assert len({outcome.ticket for outcome in outcomes}) == 3 * FLOOD_CAP


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_mail_that_cannot_be_read_is_kept(room: PostRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """When reading a message raises, its bytes are filed under the envelope's sender, flagged, and known again."""

    def broken(*_: object, **__: object) -> None:
        raise RecursionError

    raw = mail(id="a@x.example")
    with monkeypatch.context() as patch:
        patch.setattr(preparing, "parse", broken)
        first, again = room.deliver(raw), room.deliver(raw)
    assert (first.fate, again.fate, again.message) == (Fate.QUARANTINED, Fate.DUPLICATE, first.message)
    assert (room.message(first.message).unreadable, room.raw(first.message)) == (1, raw)
    assert room.requester(first.ticket) == "envelope@customer.example"


def test_any_byte_can_come(room: PostRoom) -> None:
    """Empty, binary and headerless messages are filed, and come back byte for byte."""
    raws_ = [
        b"",
        b"\0" * 999 + b"x",
        bytes(range(256)) * 20,
        b"no header at all",
        b"\xff\xfe: x\r\n\r\n\xed\xa0\x80",
    ]
    raws_ += [mail(subject="=?utf-8?b?AAAA?= \0", sender='"\0" <k\0im@x.example>'), mail("Id.", id="x" * 5000)]
    raws_ += [mail("From.", sender=f"{'k' * 5000}@x.example"), mail("Cc.", headers=[("Cc", f"{'c' * 5000}@x.example")])]
    outcomes = room.deliver_all(raws_)
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED] * len(raws_)


@pytest.mark.parametrize("strange", ["nul\0", "sur\udcffrogate", "x" * 5000])
def test_a_strange_envelope_is_recorded(room: PostRoom, strange: str) -> None:
    """NUL, lone surrogates and endless text in the envelope, should a door let them pass, stop nothing."""
    outcomes = room.deliver_to(mail(sender=None), f"support+{strange}@example.com", mail_from=f"{strange}@x.example")
    assert [outcome.fate for outcome in outcomes] == [Fate.FILED]


def test_a_mixed_batch_has_every_fate(room: PostRoom) -> None:
    """New, known, looping and repeated mails of one batch each get their own fate."""
    known = mail("Known.", id="known@x.example")
    room.deliver(known)
    loop = mail("Loop.", headers=[("Received", "from a by b")] * (HOPS + 1))
    outcomes = room.deliver_all([mail("New."), known, loop, known, mail("New.")])
    assert [outcome.fate.value for outcome in outcomes] == ["filed", "duplicate", "rejected", "duplicate", "duplicate"]


def test_an_automatic_mail_changes_no_state(room: PostRoom) -> None:
    """An out-of-office answer is filed in the closed ticket it belongs to, and leaves it closed."""
    first = room.deliver(mail(id="a@x.example"))
    room.set_ticket(first.ticket or 0, state="closed")
    automatic = [*answering("a@x.example"), ("Auto-Submitted", "auto-replied")]
    outcome = room.deliver(mail("I am away.", headers=automatic))
    assert (outcome.ticket, room.ticket(first.ticket).state) == (first.ticket, "closed")
    assert room.message(outcome.message).automatic

"""What becomes of mail: one fate for every delivery, one message for every identity, one ticket to join or to start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.clock import DAY
from mailhub.directory import Directory
from mailhub.envelope import Fate, Source
from storage.mail.filing import BEARERS
from storage.mail.mailboxes import delete_mailbox
from storage.schema import intake, message, message_reference
from tests.houses.postroom import (
    ADDRESSES,
    HELP,
    HOPS,
    KIM,
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
def test_the_same_mail_again_is_a_duplicate(
    room: PostRoom, sources: tuple[Source, Source], together: bool
) -> None:
    """The same mail by one door or two, in one batch or two, is one message; the copy's trace is kept."""
    body = mail(id="a@customer.example")
    first, again = (
        b"Received: from a by b\r\n" + body,
        b"Received: from c by d\r\n" + body.replace(b"\r\n", b"\n"),
    )
    prepared = [
        (raw, room.prepare(raw, source=source)) for raw, source in zip((first, again), sources, strict=True)
    ]
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


def test_what_a_device_says_again_is_another_mail(room: PostRoom) -> None:
    """Without Message-ID and Date the same words are one mail on one day, or by one first hop, and another after that."""
    alarm = mail("Disk is full.", sender="ups@lan.example", date=None)
    first = room.deliver(alarm)
    assert room.deliver(alarm).fate is Fate.DUPLICATE
    room.now += DAY
    assert room.deliver(alarm).fate is Fate.FILED

    hop = b"Received: from ups by mx.lan.example; Fri, 15 Jan 2027 0%d:00:00 +0000\r\n"
    own = b"Received: from mx.lan.example by mail.example.com; Fri, 15 Jan 2027 10:00:00 +0000\r\n"
    second = room.deliver(hop % 8 + alarm)
    room.now += DAY
    assert room.deliver(own + hop % 8 + alarm).fate is Fate.DUPLICATE
    assert room.deliver(own + hop % 9 + alarm).fate is Fate.FILED
    assert len({first.message, second.message}) == 2


def test_an_archive_that_is_read_in_again_is_known(room: PostRoom) -> None:
    """What may be read in twice, an import or a folder at a provider, is the same mail on any day."""
    alarm = mail("Disk is full.", sender="ups@lan.example", date=None)
    for source in (Source.IMPORT, Source.IMAP):
        room.deliver(alarm, source=source)
        room.now += DAY
        assert room.deliver(alarm, source=source).fate is Fate.DUPLICATE


def test_one_id_and_text_under_two_subjects_are_two_mails(room: PostRoom) -> None:
    """A device that sends each alarm under one Message-ID: each host's is filed once, and a copy of either is known."""
    alarms = [mail("See the console.", id="alarm@ups", subject=f"Host {host} is down") for host in "AB"]
    assert [each.fate for each in room.deliver_all(alarms)] == [Fate.FILED] * 2
    assert [room.deliver(each).fate for each in alarms] == [Fate.DUPLICATE] * 2
    assert "same-id-other-body" in room.rows(message)[1].flags


def test_what_relays_add_to_a_subject_makes_no_other_mail(room: PostRoom) -> None:
    """The same mail directly, by a list and by a filter that marks it is one mail."""
    room.deliver(mail(id="a@x.example", subject="Printer"))
    for subject in (
        "[ops] Printer",
        "***SPAM*** Printer",
        "EXTERNAL: Printer",
        "Printer (was: x)",
        "printer",
        "",
    ):
        assert room.deliver(mail(id="a@x.example", subject=subject)).fate is Fate.DUPLICATE
    assert room.deliver(mail(id="a@x.example", subject="Printer 2")).fate is Fate.FILED


def test_a_subject_that_was_erased_brings_nothing_back(room: PostRoom) -> None:
    """Of a redacted message the subject says nothing any more: its copy is a copy still."""
    first = room.deliver(mail(id="a@x.example", subject="Kim's printer"))
    values = {"subject": "[erased]", "redacted_at": room.now}
    room.do(
        lambda tx: tx.connection.execute(
            message.update().where(message.c.id == first.message).values(**values)
        )
    )
    assert room.deliver(mail(id="a@x.example", subject="Kim's printer")).fate is Fate.DUPLICATE

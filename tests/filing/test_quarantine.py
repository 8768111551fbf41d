"""What cannot be read is filed raw, and can be read again or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from mailhub.envelope import Envelope, Fate, Source
from mailhub.errors import Conflict, NotFound
from mailhub.filing import quarantine
from mailhub.filing.pipeline import file_batch
from mailhub.filing.quarantine import Again
from mailhub.message.values import Authentication
from mailhub.proof.act import Act
from mailhub.reading import prepare as preparing
from mailhub.tickets import acts as tickets
from storage.mail import intake_lists, mailboxes, raws
from storage.mail.intake_lists import IntakeRow
from storage.proof import journal
from storage.tickets import notes, ticket_lists
from storage.tickets.ticket_lists import TicketFilter, TicketOrder, TicketRow
from tests.houses.desk import SUPPORT

if TYPE_CHECKING:
    from mailhub.envelope import Outcome
    from storage.writer import Transaction
    from tests.houses.desk import Desk


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A parser that fails on everything, until ``undo``."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault in the parser")

    monkeypatch.setattr(preparing, "parse", fail)
    return monkeypatch


def deliveries(desk: Desk) -> Sequence[IntakeRow]:
    """All deliveries, newest first."""
    with desk.database.read() as connection:
        return intake_lists.list_intake(connection, desk.account)


def all_tickets(desk: Desk) -> Sequence[TicketRow]:
    """All tickets, newest first."""
    with desk.database.read() as connection:
        return ticket_lists.list_tickets(connection, desk.account, TicketFilter(), TicketOrder.CREATED)


def forget(transaction: Transaction, account: int, messages: Sequence[int]) -> None:
    """Nothing was taught in these tests."""


def read_again(desk: Desk, delivery: int) -> Again:
    """The first half of a retry."""
    return quarantine.read_again(desk.database, desk.secrets, desk.directory, desk.account, delivery)


def refile(desk: Desk, again: Again) -> Sequence[Outcome]:
    """The second half."""
    return desk.do(
        lambda tx: quarantine.refile(
            Act(tx, desk.actor, desk.account, desk.now), again, desk.filing, forget=forget
        )
    )


def test_retry_files_it_as_new_mail(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """Once it can be read, a quarantined mail is a ticket with subject and sender; its delivery keeps its id."""
    desk.mail(Subject="Printer")
    (held,) = deliveries(desk)
    assert (held.fate, all_tickets(desk)[0].subject == "Printer") == (Fate.QUARANTINED, False)
    with pytest.raises(Conflict, match="still cannot be read"):
        read_again(desk, held.id)
    blind.undo()
    (outcome,) = refile(desk, read_again(desk, held.id))
    (now,) = deliveries(desk)
    (ticket,) = all_tickets(desk)
    assert (now.id, now.fate, now.message, now.ticket) == (held.id, Fate.FILED, outcome.message, ticket.id)
    assert (ticket.subject, ticket.contact, ticket.message_count) == ("Printer", "kim@customer.example", 1)
    with desk.database.read() as connection:
        acts = journal.of_object(connection, desk.account, f"intake:{held.id}")
    assert [(act.verb, act.actor) for act in acts] == [("intake.retry", desk.actor)]
    assert desk.faults() == []


def test_retry_of_what_came_again_meanwhile(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """A quarantined mail that is known by now becomes a duplicate; notes on its ticket move along."""
    headers = {"Message-ID": "<again@customer.example>"}
    raw = desk.written("Kim <kim@customer.example>", **headers)
    held_ticket = desk.ticket_of(desk.receive(raw))
    (held,) = deliveries(desk)
    desk.do(
        lambda tx: tickets.note(Act(tx, desk.actor, desk.account, 1), held_ticket, user=desk.ana, text="odd")
    )
    blind.undo()
    filed = desk.ticket_of(desk.receive(raw))
    refile(desk, read_again(desk, held.id))
    assert sorted(each.fate for each in deliveries(desk)) == [Fate.DUPLICATE, Fate.FILED]
    assert [each.id for each in all_tickets(desk)] == [filed]
    with desk.database.read() as connection:
        assert [each.text for each in notes.list_notes(connection, desk.account, filed)] == ["odd"]
    assert desk.faults() == []


def test_discard_removes_it_and_says_so(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """A discarded mail is gone; its delivery is rejected, "discarded"; a second time there is nothing to discard."""
    desk.mail()
    (held,) = deliveries(desk)

    def discard() -> Sequence[int]:
        return desk.do(
            lambda tx: quarantine.discard(
                Act(tx, desk.actor, desk.account, desk.now), held.id, forget=forget, tombstone_key=b"k"
            )
        )

    assert discard() == [held.id]
    (now,) = deliveries(desk)
    assert (now.fate, now.reason, now.message, all_tickets(desk)) == (Fate.REJECTED, "discarded", None, [])
    with pytest.raises(Conflict, match="not in quarantine"):
        discard()


def test_only_what_is_in_quarantine(desk: Desk) -> None:
    """A mail that was read, and a delivery that is not there, cannot be retried."""
    desk.mail()
    with pytest.raises(Conflict, match="not in quarantine"):
        read_again(desk, deliveries(desk)[0].id)
    with pytest.raises(NotFound):
        read_again(desk, 7)


def test_a_mail_in_a_loop_stays_in_quarantine(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """What would be rejected as new mail is not filed again, and nothing of it is lost."""
    raw = b"Received: from a by b; Mon, 23 Nov 2026 16:41:00 +0000\r\n" * (
        desk.filing.hops + 1
    ) + desk.written("k@x.example")
    desk.receive(raw)
    stays_in_quarantine(desk, blind, raw, "hop-count")


def test_without_its_mailbox_it_stays_in_quarantine(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """What has no mailbox any more is not filed again, and nothing of it is lost."""
    raw = desk.written("k@x.example")
    desk.receive(raw)
    desk.do(lambda tx: mailboxes.delete_mailbox(tx.connection, desk.account, desk.mailbox))
    desk.directory.refresh()
    stays_in_quarantine(desk, blind, raw, "mailbox-gone")


def stays_in_quarantine(desk: Desk, blind: pytest.MonkeyPatch, raw: bytes, why: str) -> None:
    """Assert that a retry is refused and leaves everything as it was."""
    before, tickets_before = deliveries(desk), all_tickets(desk)
    blind.undo()
    with pytest.raises(Conflict, match=why):
        refile(desk, read_again(desk, before[0].id))
    assert (deliveries(desk), all_tickets(desk)) == (before, tickets_before)
    with desk.database.read() as connection:
        assert raws.read(connection, desk.account, before[0].message or 0) == raw
    assert desk.faults() == []


def test_what_failed_authentication_is_not_believed_later(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """A forged answer that could not be read is forged when it can be: it joins no ticket."""
    blind.undo()
    first = desk.mail(Message_ID="<first@customer.example>")
    raw = desk.written("Kim <kim@customer.example>", In_Reply_To="<first@customer.example>")
    forged = Authentication(
        spf="fail", dmarc="fail", policy="reject", domain="customer.example", source="checked"
    )
    envelope = Envelope(source=Source.SMTP, mail_from="", recipients=(SUPPORT,), received_at=desk.now)
    held = preparing.unreadable(raw, envelope, desk.secrets, authentication=forged)
    desk.do(lambda tx: file_batch(tx, desk.filing, [held]))
    (outcome,) = refile(desk, read_again(desk, deliveries(desk)[0].id))
    assert outcome.reason == "authentication-failed"
    assert outcome.ticket != first.ticket


def test_what_our_check_found_outlasts_a_fault_in_the_parser(desk: Desk, blind: pytest.MonkeyPatch) -> None:
    """A mail that cannot be read keeps what was found about its sender."""
    known = Authentication(spf="pass", dmarc="pass", domain="customer.example", source="checked")
    envelope = Envelope(source=Source.SMTP, mail_from="", recipients=(SUPPORT,), received_at=desk.now)
    found = preparing.prepare(
        b"Subject: a\r\n\r\n", envelope, desk.secrets, desk.directory, authentication=known
    )
    assert (found.unreadable, found.authentication) == (True, known)

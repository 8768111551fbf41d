"""Drafts: written, saved, sent, undone, scheduled; what stops one, and what does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from mailhub.clock import HOUR, SECOND
from mailhub.config import Quotas, Relay
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.message.parse import attachment_bytes, parse
from mailhub.message.values import Parsed
from mailhub.proof.act import Act
from mailhub.tickets import acts, drafts, merging, sending
from mailhub.tickets.drafts import Beginning, Changed, DraftKind
from mailhub.tickets.reply import proposed_audience
from mailhub.tickets.sending import Order, Sending, Unseen
from storage.mail import outbox, raws
from storage.tickets import drafts as rows
from storage.tickets.drafts import Draft
from storage.words import TicketState
from tests.houses.desk import Desk

KIM = "kim@customer.example"


def begin(desk: Desk, ticket: int, kind: DraftKind = DraftKind.ANSWER, *, quoted: int | None = None) -> Draft:
    """Ana begins a draft, as the route does."""
    proposed = proposed_audience(desk.database, desk.directory, desk.account, ticket)
    beginning = Beginning(kind=kind, ticket=ticket, proposed=proposed, quoted=quoted)
    return desk.act(drafts.begin, desk.ana, beginning, Quotas())


def save(desk: Desk, draft: Draft, **changed: Any) -> Draft:
    return desk.act(drafts.save, desk.ana, draft.id, draft.version, changed)


def send(desk: Desk, draft: Draft, **order: Any) -> Sending:
    wanted = Order(
        account=desk.account, actor=desk.actor, user=desk.ana, draft=draft.id, version=draft.version, **order
    )
    desk.now += SECOND
    return sending.send(desk.database, desk.writer, desk.reply_context(), wanted, now=desk.now)


def send_due(desk: Desk) -> int:
    return sending.send_due(desk.database, desk.writer, desk.reply_context(), now=desk.now)


def stored(desk: Desk, draft: Draft) -> Draft | None:
    with desk.database.read() as connection:
        return rows.find_draft(connection, desk.account, draft.id)


def mail_of(desk: Desk, message: int | None) -> Parsed:
    with desk.database.read() as connection:
        raw = raws.read(connection, desk.account, message or 0)
    assert raw is not None
    return parse(raw)


def envelope_of(desk: Desk, message: int | None) -> list[str]:
    with desk.database.read() as connection:
        return [row.recipient for row in outbox.rows_of_messages(connection, desk.account, [message or 0])]


def mails_of(desk: Desk, ticket: int) -> Sequence[int]:
    return desk.messages_in(ticket)


def test_a_draft_is_one_for_a_user_a_ticket_and_a_kind(desk: Desk) -> None:
    """Begun again it is the one that is there; another kind, and another user's, is another."""
    ticket = desk.ticket_of(desk.mail())
    first = begin(desk, ticket)
    assert begin(desk, ticket).id == first.id
    note = begin(desk, ticket, DraftKind.NOTE)
    bens = desk.act(drafts.begin, desk.ben, Beginning(kind=DraftKind.ANSWER, ticket=ticket), Quotas())
    assert len({first.id, note.id, bens.id}) == 3


def test_recipients_are_those_of_the_mail_and_stay(desk: Desk) -> None:
    """An answer to all is proposed once; what comes later changes nothing, and the envelope is what was shown."""
    first = desk.mail(to="support@example.com, lea@partner.example", Cc="Max <max@partner.example>")
    ticket = desk.ticket_of(first)
    draft = save(desk, begin(desk, ticket), text="Hello *all*")
    assert draft.to_addresses.split() == [KIM, "lea@partner.example"]
    assert draft.cc_addresses.split() == ["max@partner.example"]
    reference = {"In_Reply_To": "<mail-1@customer.example>"}
    desk.mail(**reference, Cc="eve@elsewhere.example")
    sent = send(desk, draft, anyway=True)
    assert envelope_of(desk, sent.message) == [KIM, "lea@partner.example", "max@partner.example"]
    mail = mail_of(desk, sent.message)
    assert [each.address for each in mail.to] == [KIM, "lea@partner.example"]
    assert [each.address for each in mail.cc] == ["max@partner.example"]
    assert (mail.text.strip(), "<em>all</em>" in mail.html) == ("Hello *all*", True)
    assert (stored(desk, draft), desk.faults()) == (None, [])


def test_bcc_is_in_the_envelope_and_in_no_header(desk: Desk) -> None:
    """Nobody who gets the mail can see them."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Hello", bcc=["boss@partner.example"])
    sent = send(desk, draft)
    assert envelope_of(desk, sent.message) == [KIM, "boss@partner.example"]
    with desk.database.read() as connection:
        raw = raws.read(connection, desk.account, sent.message or 0)
    assert raw is not None
    assert b"boss@" not in raw


def test_two_windows_cannot_overwrite_each_other(desk: Desk) -> None:
    """A save of a version that is over is refused, with what the draft says now."""
    draft = begin(desk, desk.ticket_of(desk.mail()))
    now = save(desk, draft, text="one")
    with pytest.raises(Changed) as refused:
        save(desk, draft, text="two")
    assert refused.value.current == now
    with pytest.raises(Changed):
        send(desk, draft)


def test_a_draft_is_its_writers(desk: Desk) -> None:
    """A colleague neither saves, sends, undoes nor discards it."""
    draft = begin(desk, desk.ticket_of(desk.mail()))
    for act in (
        lambda act: drafts.save(act, desk.ben, draft.id, draft.version, {"text": "x"}),
        lambda act: drafts.discard(act, desk.ben, draft.id),
        lambda act: sending.undo(act, desk.ben, draft.id),
    ):
        with pytest.raises(Forbidden):
            desk.act(act)
    with pytest.raises(Forbidden):
        sending.send(
            desk.database,
            desk.writer,
            desk.reply_context(),
            Order(account=desk.account, actor="user:2", user=desk.ben, draft=draft.id, version=1),
            now=desk.now,
        )


@pytest.mark.parametrize("came", ["mail", "note", "answer"])
def test_what_came_unseen_stops_it(desk: Desk, came: str) -> None:
    """A mail, a colleague's note or answer that its writer has not seen is named; seen, or anyway, it goes."""
    first = desk.mail()
    ticket = desk.ticket_of(first)
    draft = save(desk, begin(desk, ticket), text="Hello")
    newest = 0
    if came == "mail":
        newest = desk.message_of(desk.mail(In_Reply_To="<mail-1@customer.example>"))
    elif came == "note":
        newest = desk.act(acts.note, ticket, user=desk.ben, text="I called them").id
    else:
        bens = desk.act(drafts.begin, desk.ben, Beginning(kind=DraftKind.ANSWER, ticket=ticket), Quotas())
        changed = {"text": "Hello from Ben", "to": [KIM]}
        bens = desk.act(drafts.save, desk.ben, bens.id, bens.version, changed)
        order = Order(
            account=desk.account, actor="user:2", user=desk.ben, draft=bens.id, version=bens.version
        )
        done = sending.send(desk.database, desk.writer, desk.reply_context(), order, now=desk.now)
        newest = done.message or 0
    with pytest.raises(Unseen) as stopped:
        send(desk, draft)
    assert [*stopped.value.messages, *stopped.value.notes] == [newest]
    assert send(desk, draft, seen=newest).message is not None


def test_an_assignment_stops_nothing(desk: Desk) -> None:
    """Only what is to be read does."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Hello")
    desk.act(acts.assign, ticket, desk.ben)
    assert send(desk, draft).message is not None


def test_undone_it_is_as_it_was_and_never_goes(desk: Desk) -> None:
    """Within its seconds nothing is mail; undone, the draft has its text and people, and no look sends it."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Oops", cc=["lea@partner.example"])
    ordered = send(desk, draft, undo_seconds=10, closes=True)
    assert ordered.draft is not None
    assert (ordered.draft.send_at, send_due(desk)) == (desk.now + 10 * SECOND, 0)
    with pytest.raises(Conflict, match="undo"):
        save(desk, draft, text="other")
    assert replace(desk.act(sending.undo, desk.ana, draft.id)) == draft
    desk.now += HOUR
    assert (send_due(desk), len(mails_of(desk, ticket))) == (0, 1)
    assert desk.ticket(ticket).state == TicketState.OPEN


def test_after_its_seconds_it_goes_once(desk: Desk) -> None:
    """Two looks send one mail; the ticket closes with it."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Done")
    send(desk, draft, undo_seconds=10, closes=True)
    desk.now += 10 * SECOND
    assert (send_due(desk), send_due(desk)) == (1, 0)
    assert (len(mails_of(desk, ticket)), desk.ticket(ticket).state) == (2, TicketState.CLOSED)
    with pytest.raises(NotFound, match="sent"):
        desk.act(sending.undo, desk.ana, draft.id)


def test_a_node_that_comes_late_sends_nothing(desk: Desk) -> None:
    """Whoever read the row before it went finds it gone in the transaction, and queues nothing."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Done")
    ordered = send(desk, draft, undo_seconds=1).draft
    assert ordered is not None
    desk.now += SECOND
    assert send_due(desk) == 1
    late = sending._send_one(desk.database, desk.writer, desk.reply_context(), ordered, now=desk.now)
    assert (late, len(mails_of(desk, ticket))) == (0, 2)


def test_a_customer_who_writes_first_stops_what_was_scheduled(desk: Desk) -> None:
    """It is a draft again and says why; a colleague's note, and an automatic mail, do not stop it."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Any news?")
    send(desk, draft, at=desk.now + HOUR)
    desk.act(acts.note, ticket, user=desk.ben, text="they are on holiday")
    desk.mail(In_Reply_To="<mail-1@customer.example>", Auto_Submitted="auto-replied")
    desk.now += HOUR
    assert send_due(desk) == 1

    again = save(desk, begin(desk, ticket), text="And now?")
    send(desk, again, at=desk.now + HOUR)
    desk.mail(In_Reply_To="<mail-1@customer.example>")
    desk.now += HOUR
    assert send_due(desk) == 0
    left = stored(desk, again)
    assert left is not None
    assert (left.send_at, left.text, "customer wrote" in (left.fault or "")) == (None, "And now?", True)


def test_what_cannot_go_when_it_is_due_is_a_draft_again(desk: Desk) -> None:
    """The relay was taken away meanwhile: nothing is lost, and the draft says why."""
    ticket = desk.ticket_of(desk.mail())
    draft = save(desk, begin(desk, ticket), text="Done")
    send(desk, draft, undo_seconds=10)
    desk.relay = Relay()
    desk.now += 10 * SECOND
    assert send_due(desk) == 0
    left = stored(desk, draft)
    assert left is not None
    assert (left.text, left.send_at, "relay" in (left.fault or "")) == ("Done", None, True)


def test_a_note_goes_to_nobody(desk: Desk) -> None:
    """Sent, it is a note; it takes no people, and no switch makes mail of it."""
    ticket = desk.ticket_of(desk.mail())
    draft = begin(desk, ticket, DraftKind.NOTE)
    with pytest.raises(BadRequest, match="nobody"):
        save(desk, draft, to=[KIM])
    done = send(desk, save(desk, draft, text="Called them"), undo_seconds=10)
    assert (done.note is not None, len(mails_of(desk, ticket)), stored(desk, draft)) == (True, 1, None)


def test_a_forward_has_an_audience_of_its_own(desk: Desk) -> None:
    """The requester is not in it, the thread is not theirs, and what is passed on is in it."""
    first = desk.mail(text="secret words", Subject="Broken")
    ticket = desk.ticket_of(first)
    draft = begin(desk, ticket, DraftKind.FORWARD, quoted=desk.message_of(first))
    assert draft.to_addresses == ""
    with pytest.raises(BadRequest, match="To"):
        send(desk, save(desk, draft, text="See below"))
    current = stored(desk, draft)
    assert current is not None
    sent = send(desk, save(desk, current, text="See below", to=["lab@partner.example"]))
    mail = mail_of(desk, sent.message)
    assert envelope_of(desk, sent.message) == ["lab@partner.example"]
    assert (mail.subject, mail.in_reply_to, mail.references) == (
        f"Fwd: Broken [#{desk.ticket(ticket).number}]",
        (),
        (),
    )
    assert "secret words" in mail.text


def test_a_forward_passes_files_on(desk: Desk) -> None:
    """Byte for byte, under names that every system takes; the standard library reads what our own reader does."""
    made = message_from_bytes(desk.written("Kim <kim@customer.example>"), policy=default)
    assert isinstance(made, EmailMessage)
    content = bytes(range(256)) * 300
    long = "Rechnung für März – " + "sehr " * 12 + "lang.pdf"
    made.add_attachment(content, maintype="application", subtype="pdf", filename=long)
    made.add_attachment(b"x", maintype="image", subtype="png", filename='a"b.png')
    first = desk.receive(made.as_bytes())
    ticket = desk.ticket_of(first)
    draft = begin(desk, ticket, DraftKind.FORWARD, quoted=desk.message_of(first))
    sent = send(desk, save(desk, draft, text="See *below*", to=["lab@partner.example"]))
    with desk.database.read() as connection:
        raw = raws.read(connection, desk.account, sent.message or 0)
    assert raw is not None
    theirs = message_from_bytes(raw, policy=default)
    assert isinstance(theirs, EmailMessage)
    files = [(each.get_filename(), each.get_content()) for each in theirs.iter_attachments()]
    assert files == [(long, content), ("a_b.png", b"x")]
    ours = parse(raw)
    assert [each.filename for each in ours.attachments] == [name for name, _ in files]
    assert [attachment_bytes(raw, each.index) for each in ours.attachments] == [content, b"x"]
    assert max(len(line) for line in raw.split(b"\r\n")) < 100


def test_a_mail_without_text_can_be_quoted(desk: Desk) -> None:
    """An empty one too: the answer goes."""
    first = desk.receive(b"From: kim@customer.example\r\nMessage-ID: <e@c.example>\r\n\r\n  \r\n")
    draft = begin(desk, desk.ticket_of(first), quoted=desk.message_of(first))
    assert send(desk, save(desk, draft, text="You sent nothing.")).message is not None


def test_a_new_mail_opens_a_ticket_of_its_writer(desk: Desk) -> None:
    """Its answer comes back into it; sent, refused or undone, nothing half is left."""
    beginning = Beginning(kind=DraftKind.NEW, mailbox=desk.mailbox, subject="Your order")
    draft = desk.act(drafts.begin, desk.ana, beginning, Quotas())
    with pytest.raises(BadRequest):
        send(desk, draft)
    draft = save(desk, draft, text="It is ready.", to=["new@customer.example"])
    sent = send(desk, draft)
    assert sent.ticket is not None
    made = desk.ticket(sent.ticket)
    mail = mail_of(desk, sent.message)
    assert (made.assignee_id, made.subject, made.message_count) == (desk.ana, "Your order", 1)
    assert (mail.subject, mail.in_reply_to) == (f"Your order [#{made.number}]", ())
    back = desk.mail("new@customer.example", to=mail.reply_to[0].address, Subject="Re: Your order")
    assert (back.ticket, desk.faults()) == (sent.ticket, [])


def test_a_new_mail_that_is_refused_when_due_leaves_no_ticket(desk: Desk) -> None:
    """The ticket that was opened for it goes again; the draft stays."""
    beginning = Beginning(kind=DraftKind.NEW, mailbox=desk.mailbox, subject="Your order")
    draft = desk.act(drafts.begin, desk.ana, beginning, Quotas())
    draft = save(desk, draft, text="It is ready.", to=["new@customer.example"])
    ordered = send(desk, draft, undo_seconds=1).draft
    assert ordered is not None
    desk.now += SECOND
    opened = desk.act(sending._open_ticket, ordered)
    desk.relay = Relay()
    assert send_due(desk) == 0
    left = stored(desk, draft)
    assert left is not None
    assert (left.ticket_id, left.text) == (None, "It is ready.")
    with pytest.raises(AssertionError):
        desk.ticket(opened.ticket_id or 0)


def test_a_quote_is_the_message_that_was_named(desk: Desk) -> None:
    """As asked, below the answer; our own reader folds it away again."""
    first = desk.mail(text="It smokes.")
    ticket = desk.ticket_of(first)
    draft = save(desk, begin(desk, ticket, quoted=desk.message_of(first)), text="Try water.")
    mail = mail_of(desk, send(desk, draft).message)
    assert "Kim wrote:\n> It smokes." in mail.text
    assert mail.text.startswith("Try water.\n")


@pytest.mark.parametrize(
    "address", ["kim", "a b@c.example", "x@y.example\r\nBcc: z@z.example", "<kim@c.example>", ""]
)
def test_an_address_that_is_none_is_refused(desk: Desk, address: str) -> None:
    """When it is saved, not when it is sent."""
    draft = begin(desk, desk.ticket_of(desk.mail()))
    with pytest.raises(BadRequest):
        save(desk, draft, cc=[address])


def test_an_own_address_is_refused_when_it_is_sent(desk: Desk) -> None:
    """The gate says why."""
    draft = save(desk, begin(desk, desk.ticket_of(desk.mail())), text="x", cc=["support@example.com"])
    with pytest.raises(Conflict, match="own"):
        send(desk, draft)


def test_a_merge_takes_drafts_along(desk: Desk) -> None:
    """To the ticket that lives, unless its writer has one there already."""
    one, two = desk.ticket_of(desk.mail()), desk.ticket_of(desk.mail())
    moved, kept = begin(desk, one), begin(desk, one, DraftKind.NOTE)
    begin(desk, two, DraftKind.NOTE)
    desk.act(merging.merge, one, two)
    found = [stored(desk, each) for each in (moved, kept)]
    assert [each.ticket_id if each else None for each in found] == [two, one]


def test_discarded_it_is_gone(desk: Desk) -> None:
    """And one that is being sent is undone first."""
    draft = save(desk, begin(desk, desk.ticket_of(desk.mail())), text="x")
    send(desk, draft, undo_seconds=10)
    with pytest.raises(Conflict):
        desk.act(drafts.discard, desk.ana, draft.id)
    desk.act(sending.undo, desk.ana, draft.id)
    desk.act(drafts.discard, desk.ana, draft.id)
    assert stored(desk, draft) is None


def test_a_save_of_nothing_known_is_a_fault_of_ours(desk: Desk) -> None:
    """What the route cannot send raises."""
    draft = begin(desk, desk.ticket_of(desk.mail()))
    with pytest.raises(TypeError):
        desk.do(lambda tx: drafts._column(Act(tx, "x", desk.account, desk.now), draft, "user_id", 1))

"""Whose ticket it is, set by hand: who is answered then, who still takes part, and what it may not be used for."""

from __future__ import annotations

import pytest

from mailhub.errors import BadRequest, Conflict, MailhubError
from mailhub.message.values import Authentication
from mailhub.tickets.requester import set_requester
from storage.filter import labels
from storage.privacy import contacts, holds
from storage.privacy.holds import Hold
from tests.houses.desk import Desk

GUS = "gus@hale.example"
KIM = "kim@customer.example"


def _set(desk: Desk, ticket: int, address: str | None) -> int | None:
    return desk.act(set_requester, ticket, desk.directory, address).contact_id


def _contact(desk: Desk, address: str) -> int | None:
    with desk.database.read() as connection:
        return contacts.find_contact_of(connection, desk.account, address)


def test_the_requester_set_by_hand_is_answered(desk: Desk) -> None:
    """A ticket without a requester, or with another, belongs to whom an agent names, and back."""
    ticket = desk.ticket_of(desk.mail())
    kim = _contact(desk, KIM)

    assert _set(desk, ticket, GUS.upper()) == _contact(desk, GUS)
    assert [row.recipient for row in desk.answer(ticket).queued] == [GUS]
    assert _set(desk, ticket, None) is None
    with pytest.raises(Conflict, match="no requester"):
        desk.answer(ticket)
    assert _set(desk, ticket, KIM) == kim
    assert [row.recipient for row in desk.answer(ticket).queued] == [KIM]


def test_who_wrote_before_still_takes_part(desk: Desk) -> None:
    """The requester of before wrote there: their next answer joins, and an answer can be copied to them."""
    first = desk.mail(Message_ID="<a@customer.example>")
    ticket = desk.ticket_of(first)
    _set(desk, ticket, GUS)
    assert desk.mail(KIM, In_Reply_To="<a@customer.example>").ticket == ticket
    assert [row.recipient for row in desk.answer(ticket, copies=(KIM,)).queued] == [GUS, KIM]


def test_setting_who_it_is_changes_nothing(desk: Desk) -> None:
    """The same requester again leaves no trace in the journal."""
    ticket = desk.ticket_of(desk.mail())
    before = desk.ticket(ticket)
    _set(desk, ticket, f"  {KIM} ")
    assert desk.ticket(ticket) == before


@pytest.mark.parametrize("address", ["support@example.com", "ana@staff.example"])
def test_none_of_us_is_a_requester(desk: Desk, address: str) -> None:
    """A mailbox's and a user's address are refused: answers would go in circles."""
    with pytest.raises(Conflict, match="mailbox's or a user's"):
        _set(desk, desk.ticket_of(desk.mail()), address)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@x.example", "@x.example", "a@" + "x" * 400, "a\n@x.example"]
)
def test_what_is_no_address_is_refused(desk: Desk, address: str) -> None:
    """Nobody is made of what nobody could be written to."""
    with pytest.raises(BadRequest):
        _set(desk, desk.ticket_of(desk.mail()), address)


def test_a_held_ticket_keeps_its_requester(desk: Desk) -> None:
    """What a hold on the requester keeps is not taken out of it by naming somebody else."""
    ticket = desk.ticket_of(desk.mail())
    kim = _contact(desk, KIM)
    assert kim is not None
    row = Hold(
        account_id=desk.account,
        id=77,
        kind="contact",
        object_id=kim,
        reason="court",
        actor="op",
        created_at=desk.now,
    )
    desk.do(lambda tx: holds.add_hold(tx.connection, row))
    with pytest.raises(MailhubError):
        _set(desk, ticket, GUS)
    assert desk.ticket(ticket).contact_id == kim


def test_what_is_done_with_a_claimed_mail_teaches_nothing(desk: Desk) -> None:
    """A form's mail names its writer itself: closing or answering it is no word about anybody's mail."""
    passed = Authentication(dkim="pass", dmarc="pass", domain="example.com", source="checked")
    form = desk.receive(desk.written("support@example.com", Reply_To=f"Gus <{GUS}>"), authentication=passed)
    plain = desk.mail()
    with desk.database.read() as connection:
        found = [
            labels.unspoken_messages(connection, desk.account, desk.ticket_of(each), limit=9)
            for each in (form, plain)
        ]
    assert found == [[], [desk.message_of(plain)]]

"""Which ticket a mail joins: scenarios of reply addresses, senders and copies (see ``test_threading_scenarios.py``)."""

from __future__ import annotations

import pytest

from mailhub.filing.places import PARTICIPANTS_ADDED
from mailhub.tickets.reply import Replied
from storage.schema import contact, contact_address, ticket
from tests.houses.postroom import (
    ADDRESSES,
    ANA,
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

# --- token address ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["envelope", "To", "Cc"])
def test_T29_reply_address(room: PostRoom, kims_ticket: int, anas_answer: Replied, where: str) -> None:
    """The reply address joins in any case, in the envelope, or in To or Cc where the door knows no plus part."""
    address = tokened(anas_answer)
    if where == "envelope":
        outcome = room.deliver_to(mail("Yes.", subject="x"), address.upper())[0]
    elif where == "To":
        outcome = room.deliver(mail("Yes.", subject="x", to=f"Support <{address}>"))
    else:
        outcome = room.deliver(mail("Yes.", subject="x", headers=[("Cc", address)]))
    assert joined(room, outcome, kims_ticket) == "reply-address"


def test_T30_reply_address_of_another_person(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """Differs: a valid reply address joins whoever sends (people forward and have several addresses), but he
    is shown as a guest, and nothing but the address lets them in again.
    """
    outcome = room.deliver_to(mail("I am her colleague.", sender=MALLORY), tokened(anas_answer))[0]
    assert joined(room, outcome, kims_ticket) == "reply-address"
    assert (
        room.message(outcome.message).thread_evidence
        == "sent by someone else than the person it was given to"
    )
    assert room.participants(kims_ticket) == {MALLORY: "guest"}
    assert alone(room, room.deliver(mail("Again.", sender=MALLORY, subject="[#1]"))) == (
        "not-a-participant",
        kims_ticket,
    )


def test_T31_reply_address_from_a_second_address(
    room: PostRoom, kims_ticket: int, anas_answer: Replied
) -> None:
    """A second address on record for the same person is that person: no guest."""
    row = {"account_id": 1, "address": "kim@home.example", "contact_id": room.ticket(kims_ticket).contact_id}
    room.do(lambda tx: tx.connection.execute(contact_address.insert().values(row)))
    outcome = room.deliver_to(mail("From home.", sender="kim@home.example"), tokened(anas_answer))[0]
    assert joined(room, outcome, kims_ticket) == "reply-address"
    assert (room.participants(kims_ticket), room.message(outcome.message).thread_evidence) == ({}, "")
    assert room.message(outcome.message).contact_id == room.ticket(kims_ticket).contact_id


def test_T32_reply_address_used_by_someone_copied(room: PostRoom) -> None:
    """Someone copied earlier who uses the requester's reply address is themselves, a participant, no guest."""
    ticket_id = filed(room.deliver(mail(id=MINE, headers=[("Cc", "lee@customer.example")])))
    address = tokened(room.answer(ticket_id))
    outcome = room.deliver_to(mail("I agree.", sender="lee@customer.example"), address)[0]
    assert joined(room, outcome, ticket_id) == "reply-address"
    assert room.participants(ticket_id) == {"lee@customer.example": "cc"}


def test_T33_reply_address_from_elsewhere(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """The mail joins; its sender is a contact of their own, and the ticket's requester stays."""
    outcome = room.deliver_to(mail("Hi.", sender=MALLORY), tokened(anas_answer))[0]
    assert room.requester(kims_ticket) == KIM
    assert room.message(outcome.message).contact_id != room.ticket(kims_ticket).contact_id


@pytest.mark.parametrize("cut", [slice(0, 25), slice(1, 26)])
def test_T34_plus_part_of_another_length(room: PostRoom, anas_answer: Replied, cut: slice) -> None:
    """A plus part that is not exactly a token is none, and the mail is filed all the same."""
    token = tokened(anas_answer).partition("+")[2].partition("@")[0]
    for detail in (token[cut], token + "a", f"{token}-x", "", "36-characters-of-something-else-here"):
        outcome = room.deliver_to(mail(f"To {detail}.", sender=MALLORY), f"support+{detail}@example.com")[0]
        assert alone(room, outcome) == ("new", None)


def test_T35_an_old_reply_address(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """Differs: a reply address does not expire, for a late answer is still about that ticket."""
    room.now += 5 * 365 * 24 * 3_600_000_000
    assert (
        joined(room, room.deliver_to(mail("At last."), tokened(anas_answer))[0], kims_ticket)
        == "reply-address"
    )


# --- sender -----------------------------------------------------------------------------------------------------------


def test_T36_known_sender_and_known_id(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """A participant who answers a mail of ours joins, by the proof in its id."""
    assert (
        joined(room, room.deliver(mail("Yes.", headers=answering(anas_answer.message_id))), kims_ticket)
        == "reply-message-id"
    )


def test_T37_known_id_from_a_stranger(room: PostRoom, kims_ticket: int) -> None:
    """A stranger who answers a customer's mail, whose id is no secret, gets a ticket of their own."""
    outcome = room.deliver(mail("Hello.", sender=MALLORY, headers=answering(MINE)))
    assert alone(room, outcome) == ("not-a-participant", kims_ticket)


def test_T38_unknown_id_from_a_known_sender(room: PostRoom, kims_ticket: int) -> None:
    """An id never seen joins nothing, known sender or not."""
    assert alone(room, room.deliver(mail("New.", headers=answering("unknown@x.example")))) == ("new", None)


def test_T41_stranger_who_answers_our_mail(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """The id of our answer proves that they got it, so it joins; they are a guest, shown as someone else."""
    outcome = room.deliver(mail("Who is this?", sender=MALLORY, headers=answering(anas_answer.message_id)))
    assert joined(room, outcome, kims_ticket) == "reply-message-id"
    assert room.participants(kims_ticket) == {MALLORY: "guest"}


def test_T42_mail_from_our_own_address(room: PostRoom, kims_ticket: int) -> None:
    """Mail that claims to come from a support address starts nothing and joins nothing by id or number."""
    outcome = room.deliver(mail("Hi.", sender=ADDRESSES[SALES], subject="[#1]", headers=answering(MINE)))
    assert alone(room, outcome) == ("own-address", kims_ticket)
    assert room.ticket(outcome.ticket).state == "closed"


def test_T43_mail_from_the_reply_address(room: PostRoom, kims_ticket: int, anas_answer: Replied) -> None:
    """Differs: a mail whose From is our reply address is not rejected; it is kept closed and nothing answers it."""
    outcome = room.deliver(mail("Hi.", sender=tokened(anas_answer)))
    assert alone(room, outcome)[0] == "own-address"
    assert room.ticket(outcome.ticket).state == "closed"


def test_T44_agent_who_writes_by_mail(room: PostRoom, kims_ticket: int) -> None:
    """An agent's mail into a ticket is a message of that user, visible as such; it makes them no requester."""
    outcome = room.deliver(mail("I am on it.", sender="ana@example.com", subject="Re: [#1]"))
    assert joined(room, outcome, kims_ticket) == "subject-tag"
    assert (room.message(outcome.message).user_id, room.requester(kims_ticket)) == (ANA, KIM)


@pytest.mark.parametrize("reply_to", ["kim@home.example", "", "not an address", MALLORY])
def test_T45_reply_to(room: PostRoom, kims_ticket: int, reply_to: str) -> None:
    """Differs: the sender is From, always; a Reply-To costs nothing to write and would make anybody a participant."""
    outcome = room.deliver(
        mail("Hm.", sender=MALLORY, subject="[#1]", headers=[("Reply-To", reply_to or KIM)])
    )
    assert alone(room, outcome) == ("not-a-participant", kims_ticket)
    assert room.requester(outcome.ticket) == MALLORY


def test_T46_from_without_an_address(room: PostRoom) -> None:
    """Differs: such mail is not rejected; it makes a ticket of the reverse path, or of nobody."""
    outcomes = [
        room.deliver(mail(f"{n}", sender=sender), mail_from=None) for n, sender in enumerate((None, "Kim"))
    ]
    assert [(alone(room, o)[0], room.requester(o.ticket)) for o in outcomes] == [("new", None)] * 2


def test_T47_agent_to_customer_with_support_in_copy(room: PostRoom) -> None:
    """The ticket is the customer's, the message the agent's, and the customer's answer joins."""
    headers = [("Cc", ADDRESSES[SUPPORT])]
    outcome = room.deliver(mail(sender="ana@example.com", to=KIM, id="ana@example.com", headers=headers))
    assert (room.requester(outcome.ticket), room.message(outcome.message).user_id) == (KIM, ANA)
    assert joined(room, room.deliver(mail("Yes.", headers=answering("ana@example.com"))), filed(outcome))


# --- copies -----------------------------------------------------------------------------------------------------------


def test_T48_people_and_support_addresses(room: PostRoom) -> None:
    """Every person in To and Cc becomes a participant; support addresses, with plus part too, and agents never do."""
    to = f"{ADDRESSES[SUPPORT]}, Lee <lee@customer.example>, support+x@example.com, ana@example.com"
    outcome = room.deliver(mail(to=to, headers=[("Cc", f"max@customer.example, {ADDRESSES[SALES]}, {KIM}")]))
    assert room.participants(outcome.ticket) == dict.fromkeys(
        ("lee@customer.example", "max@customer.example"), "cc"
    )


def test_T49_hundreds_of_recipients(room: PostRoom) -> None:
    """A mail to hundreds of people adds a bounded number, and no contacts besides its sender."""
    crowd = ", ".join(f"person{n}@crowd.example" for n in range(500))
    outcome = room.deliver(mail(to=crowd))
    assert len(room.participants(outcome.ticket)) == PARTICIPANTS_ADDED
    assert room.count(contact) == 1


def test_T50_support_only_in_cc(room: PostRoom) -> None:
    """The mailbox comes from the envelope, so it does not matter where the header names it, or whether."""
    for number, headers in enumerate(([("Cc", ADDRESSES[SALES])], [])):
        outcome = room.deliver_to(
            mail(f"{number}", to="boss@customer.example", headers=headers), ADDRESSES[SALES]
        )[0]
        assert room.ticket(filed(outcome)).mailbox_id == SALES


def test_T51_T52_one_mail_to_two_mailboxes(room: PostRoom) -> None:
    """One ticket, in the first mailbox, shown in both (as osTicket; FreeScout makes two, which are answered twice)."""
    outcomes = room.deliver_to(mail(id=MINE), ADDRESSES[SUPPORT], ADDRESSES[SALES])
    assert room.mailboxes(filed(outcomes[0])) == [SUPPORT, SALES]
    assert room.count(ticket) == 1


def test_T53_answer_in_another_mailbox(room: PostRoom, kims_ticket: int) -> None:
    """Differs: the requester's answer to another mailbox of the account joins their ticket, and is shown
    there too; a stranger's does not.
    """
    outcome = room.deliver_to(mail("Sales?", headers=answering(MINE)), ADDRESSES[SALES])[0]
    assert joined(room, outcome, kims_ticket) == "in-reply-to"
    assert room.mailboxes(kims_ticket) == [SUPPORT, SALES]
    stranger = room.deliver_to(mail("Sales?", sender=MALLORY, headers=answering(MINE)), ADDRESSES[SALES])[0]
    assert alone(room, stranger) == ("not-a-participant", kims_ticket)
    assert room.mailboxes(stranger.ticket) == [SALES]

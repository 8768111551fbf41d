"""The ticket a message becomes part of, in the state it has afterwards, and who takes part in it.

Which ticket it may join was decided before (``thread``); here that is carried out: reopened, collected where a sender
starts too many, shown in other mailboxes, or begun.
"""

from __future__ import annotations

from itertools import chain

from mailhub import clock
from mailhub.filing.authors import is_customer
from mailhub.filing.batch import CHANGES_NO_STATE, AccountBatch, Routes
from mailhub.filing.flood import Key
from mailhub.filing.records import Case, awaits, is_answer, ticket_row
from mailhub.filter import verdict as spam
from mailhub.message.addresses import served_form
from storage.mail.filing import (
    FiledTicket,
    flood_ticket,
    load_tickets,
    touch,
)
from storage.words import ParticipantRole, TicketState

PARTICIPANTS_ADDED = 40  # people a single mail can add to a ticket (Zammad's bound)


def place(account: AccountBatch, case: Case) -> FiledTicket:
    """The ticket the message becomes part of, in the state it has afterwards."""
    joined = case.decision.ticket
    if joined is not None and _admit(account, joined, case):
        return _touch(account, joined, case)
    if (
        collecting := _collecting(account, case)
    ) is not None:  # also for an answer that its ticket does not take
        return _touch(account, collecting, case)
    return _new_ticket(account, case, related=case.decision.may_belong_to or (joined.id if joined else None))


def _admit(account: AccountBatch, ticket: FiledTicket, case: Case) -> bool:
    """Whether a ticket takes the message; a closed one reopens, unless its mailbox wants a new ticket then."""
    if ticket.state in (TicketState.PENDING, TicketState.SNOOZED):
        ticket.state = TicketState.OPEN if awaits(case) else ticket.state
        return True
    automatic = case.message.parsed.automatic.kind in CHANGES_NO_STATE and not is_answer(case)
    if (
        ticket.state != TicketState.CLOSED
        or automatic
        or case.author.own
        or case.verdict == spam.Verdict.SPAM
    ):
        return True
    mailbox = account.context.directory.find_mailbox(ticket.mailbox_id)
    if mailbox is not None and mailbox.on_reply_to_closed != "reopen":
        return False
    ticket.state = TicketState.OPEN
    return True


def _touch(account: AccountBatch, ticket: FiledTicket, case: Case) -> FiledTicket:
    touch(
        account.rows,
        ticket.id,
        state=ticket.state,
        message=case.message_id,
        at=case.message.envelope.received_at,
        waits=awaits(case),
        incoming=True,
        files=bool(case.message.parsed.attachments),
    )
    return ticket


def _flood_key(account: AccountBatch, case: Case) -> Key:
    return account.id, case.mailbox, case.author.address


def _is_capped(case: Case) -> bool:
    """Whether the flood cap is for this mail: not for an archive, nor for our own people, who write to many."""
    return not case.message.envelope.quiet and case.author.user is None


def _collecting(account: AccountBatch, case: Case) -> FiledTicket | None:
    """The ticket for what a sender sends over their hourly cap; None below the cap, or when it is yet to be made.

    One that was closed or trashed collects no more: nobody would see what came."""
    key = _flood_key(account, case)
    at = case.message.envelope.received_at
    flood = account.context.flood
    if not _is_capped(case) or not flood.over(key, at, pending=account.started):
        return None

    known = flood.ticket(key, pending=account.started) or flood_ticket(
        account.transaction.connection,
        account.id,
        mailbox=case.mailbox,
        contact=case.author.contact,
        since=at - at % clock.HOUR,
    )
    if known is None:
        return None

    load_tickets(account.transaction.connection, account.id, {known}, account.view)
    collecting = account.view.live(known)

    return (
        collecting
        if collecting is not None and collecting.state in (TicketState.OPEN, TicketState.SPAM)
        else None
    )


def _new_ticket(account: AccountBatch, case: Case, *, related: int | None) -> FiledTicket:
    state = TicketState.OPEN
    if case.author.own:
        state = TicketState.CLOSED
    elif case.verdict == spam.Verdict.SPAM:
        state = TicketState.SPAM
    ticket = FiledTicket(account.transaction.new_id(), 0, case.mailbox, case.author.contact, state)
    key = _flood_key(account, case)
    capped = _is_capped(case)
    at = case.message.envelope.received_at
    collects = capped and account.context.flood.over(key, at, pending=account.started)
    account.rows.tickets.append(ticket_row(account.id, case, ticket, related=related, flood=collects))
    account.view.tickets[ticket.id] = ticket
    if capped:
        account.started.append((key, ticket.id, collects))

    return ticket


def show_in(account: AccountBatch, ticket: FiledTicket | None, routes: Routes) -> None:
    for _, recipient in routes:
        if ticket and recipient.mailbox != ticket.mailbox_id and recipient.mailbox not in ticket.also_in:
            ticket.also_in.add(recipient.mailbox)
            row = {"account_id": account.id, "ticket_id": ticket.id, "mailbox_id": recipient.mailbox}
            account.rows.ticket_mailboxes.append(row)


def add_participants(account: AccountBatch, ticket: FiledTicket, case: Case) -> None:
    """People a participant names in To and Cc may write from now on; a guest only shows up as one.

    A bounce names nobody: it joins whoever wrote it, so a forged one could bring anybody in. Nor does any
    other forgery: not even where it only opened a ticket, or joined one that collects a flood.
    """
    if case.decision.reason == "bounce" or (case.message.forged and not case.decision.guest):
        return

    if case.decision.guest:
        named = {case.author.address: ParticipantRole.GUEST}
    else:
        people = chain(case.message.parsed.to, case.message.parsed.cc)
        addresses = (served_form(person.address) for person in people)
        customers = (a for a in addresses if a != case.author.address and is_customer(account, a))
        named = dict.fromkeys(customers, ParticipantRole.CC)

    for address, role in list(named.items())[:PARTICIPANTS_ADDED]:
        is_requester = account.view.asked_for(ticket, account.view.contacts.get(address))
        if address and not is_requester and address not in ticket.participants:
            ticket.participants[address] = role
            row = {"account_id": account.id, "ticket_id": ticket.id, "address": address, "role": role}
            account.rows.participants.append(row)

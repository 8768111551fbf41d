"""Who wrote a message, and whose ticket it is: a contact, a user, a form's sender, or nobody but ourselves.

A contact is made when the address is new. Must not: believe what authentication did not judge (``message.author``).
"""

from __future__ import annotations

from itertools import chain

from mailhub.envelope import is_from_elsewhere
from mailhub.filing.batch import CHANGES_NO_STATE, AccountBatch
from mailhub.filing.records import TicketAuthor
from mailhub.message.addresses import served_form
from mailhub.reading.derived import short
from mailhub.reading.prepare import Prepared, usable


def author_of(account: AccountBatch, message: Prepared) -> TicketAuthor:
    """The contact or user who wrote; a contact is made when the address is new.

    A user is one only as the author that authentication judged, and did not fail: their mail joins any ticket
    and is shown as theirs.
    """
    address = message.sender
    if account.context.directory.is_own(account.id, address):
        return _author_of_form(account, message)

    user = account.view.users.get(address)
    if user is not None and served_form(message.parsed.author.address) == address and not message.forged:
        people = chain(message.parsed.to, message.parsed.cc, [message.forwarded] if message.forwarded else [])
        customer = next(
            (person for person in people if is_customer(account, served_form(person.address))), None
        )
        contact = (
            contact_of(account, served_form(customer.address), customer.name, message) if customer else None
        )
        return TicketAuthor(address=address, contact=contact, user=user, own=False)

    name = message.parsed.from_[0].name if message.parsed.from_ else ""
    contact = contact_of(account, address, name, message) if address else None

    return TicketAuthor(address=address, contact=contact, user=None, own=False)


def _author_of_form(account: AccountBatch, message: Prepared) -> TicketAuthor:
    """Whose ticket mail from one of our own addresses is: a form's, whose sender Reply-To names, or our own.

    Believed where the mail is proven to be from our domain, or came by a door of our own, and no program says
    that it answers by itself. The person is claimed, not proven: the ticket is new, and theirs to be
    answered.
    """
    own = TicketAuthor(address=message.sender, contact=None, user=None, own=True)
    claimed = message.claimed
    if claimed is None or message.is_ours or message.parsed.automatic.kind in CHANGES_NO_STATE:
        return own
    trusted = message.proven != "" or not is_from_elsewhere(message.envelope.source, message.envelope.peer)
    if message.forged or not trusted or not is_customer(account, claimed.address):
        return own
    contact = contact_of(account, claimed.address, claimed.name, message)
    return TicketAuthor(address=claimed.address, contact=contact, user=None, own=False, claimed=True)


def is_customer(account: AccountBatch, address: str) -> bool:
    return (
        usable(address)
        and address not in account.view.users
        and not account.context.directory.is_own(account.id, address)
    )


def contact_of(account: AccountBatch, address: str, name: str, message: Prepared) -> int:
    known = account.view.contacts.get(address)
    if known is not None:
        return known
    contact = account.transaction.new_id()
    created = {
        "id": contact,
        "name": short(name, 200),
        "created_at": message.envelope.received_at,
        "merged_into": None,
        "objected_at": None,
    }
    account.rows.contacts.append({"account_id": account.id, **created})
    account.rows.contact_addresses.append(
        {"account_id": account.id, "address": address, "contact_id": contact}
    )
    account.view.contacts[address] = contact
    return contact

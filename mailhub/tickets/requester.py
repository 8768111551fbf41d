"""Whose ticket it is, set by hand: who is answered. Undone by setting whoever it was before, or nobody.

For what no rule can know: a colleague's mail, a letter read to us on the telephone, a form that names somebody in its
text. Whoever was the requester and wrote in the ticket takes part in it from then on, so that their next mail joins.
Raises as ``acts`` does, and ``Forbidden`` where a hold keeps the ticket as it is.
"""

from __future__ import annotations

from mailhub.access.holds import require_not_held
from mailhub.directory import Directory
from mailhub.errors import BadRequest, Conflict
from mailhub.message.addresses import served_form
from mailhub.proof.act import Act
from mailhub.reading.prepare import usable
from mailhub.tickets.acts import locked, workable
from storage.mail.replying import find_correspondent
from storage.people import users
from storage.privacy import contacts
from storage.privacy.holds import find_holds_on_tickets
from storage.tickets import participants
from storage.tickets.tickets import Ticket, change_ticket, lock_tickets
from storage.words import ParticipantRole


def set_requester(act: Act, ticket: int, directory: Directory, address: str | None) -> Ticket:
    """Make whoever has this address the ticket's requester, with None nobody; a contact is made for a new address."""
    connection = act.transaction.connection
    found = workable(locked(act.transaction, act.account, ticket))
    require_not_held(find_holds_on_tickets(connection, act.account, [found.id], act.now))

    contact = None if address is None else _contact_of(act, directory, address)
    if contact == found.contact_id:
        return found

    before = find_correspondent(connection, found)
    if before is not None and before.last_message is not None:
        participants.add(connection, act.account, found.id, before.address, ParticipantRole.CC)
    change_ticket(connection, act.account, found.id, at=act.now, contact_id=contact)
    act.record("ticket.requester", f"ticket:{found.id}", before=found.contact_id, after=contact)

    return lock_tickets(connection, act.account, [found.id])[found.id]


def _contact_of(act: Act, directory: Directory, address: str) -> int:
    """Whose address it is; somebody new where nobody has it."""
    connection = act.transaction.connection
    wanted = served_form(address.strip())
    if not usable(wanted) or any(character.isspace() or not character.isprintable() for character in wanted):
        raise BadRequest("an address has the form user@example.com")
    if directory.is_own(act.account, wanted) or users.find_user_by_email(connection, act.account, wanted):
        raise Conflict("the address is a mailbox's or a user's of the account: nobody would be answered")

    known = contacts.find_contact_of(connection, act.account, wanted)
    if known is not None:
        return known
    made = act.transaction.new_id()
    contacts.add_contact(connection, act.account, made, wanted, at=act.now)
    return made

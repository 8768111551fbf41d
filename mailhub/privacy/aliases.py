"""What is known of a contact, set right (GDPR art. 16): further addresses, given and taken away, and the name.

    add_alias     an address is the contact's, too: mail from it is theirs from now on, and an erasure means it
    take_address  it never was: what was written from it is another contact's, so that an erasure of the one leaves it
    rename        what the contact is called; no mail that comes later changes it

Must not: join two contacts; who has written from both addresses is merged (``persons``).
"""

from __future__ import annotations

from mailhub.access.holds import require_not_held
from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.directory import Directory
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.message.addresses import served_form
from mailhub.proof.act import Act
from mailhub.reading.prepare import usable
from storage.people import users
from storage.privacy import contacts, parting
from storage.privacy.contacts import Contact
from storage.privacy.holds import find_holds


def add_alias(act: Act, directory: Directory, contact: int, address: str, *, quotas: Quotas) -> Contact:
    """Give a contact one more address; the contact afterwards. Again changes nothing. Commits nothing.

    ``NotFound`` without the contact, ``BadRequest`` for what is no address, ``Conflict`` for somebody else's.
    """
    require_room(act, quotas, "contact_addresses", contact_id=contact)
    connection = act.transaction.connection
    wanted = served_form(address.strip())
    if not usable(wanted) or any(character.isspace() for character in wanted):
        raise BadRequest("an address has the form user@example.com")

    found = _found(act, contact)
    if wanted in found.addresses:
        return found
    if (other := contacts.find_contact_of(connection, act.account, wanted)) is not None:
        raise Conflict(
            f"the address is contact {other}'s: merge the two (mailhub contact merge {other} {contact})"
        )
    if directory.is_own(act.account, wanted) or users.find_user_by_email(connection, act.account, wanted):
        raise Conflict("the address is a mailbox's or a user's of the account")

    contacts.add_address(connection, act.account, contact, wanted)
    act.record("contact.alias", f"contact:{contact}")

    return _found(act, contact)


def take_address(act: Act, contact: int, address: str) -> Contact:
    """Take an address away from a contact; who has it now: a new contact, or where nothing came from it, nobody.

    What was written from it, the tickets that began with that, and the labels on it go along; merging the new contact
    into the old one undoes it. ``NotFound`` for an address the contact has not itself, ``Conflict`` for its only one,
    and while a hold keeps the contact.
    """
    connection = act.transaction.connection
    wanted = served_form(address.strip())
    _found(act, contact)
    own = contacts.addresses_of(connection, act.account, [contact])
    if wanted not in own:
        raise NotFound(
            f"contact {contact} does not have this address itself: is it one that was merged into it?"
        )
    if len(own) == 1:
        raise Conflict("it is the only address of this contact: to forget the person, erase them")
    require_not_held(find_holds(connection, act.account, contacts=[contact], now=act.now))

    new = part_address(act, contact, wanted)
    act.record("contact.unalias", f"contact:{contact}", new=new)

    return _found(act, new or contact)


def part_address(act: Act, contact: int, address: str) -> int | None:
    """Let an address be another contact's, with what was written from it; None where nothing was: then it is nobody's."""
    connection = act.transaction.connection
    written = parting.written_forms(connection, act.account, contact)
    forms = [each for each in written if served_form(each) == address]
    if not forms:
        parting.drop_address(connection, act.account, contact, address)
        return None
    new = act.transaction.new_id()
    parting.part(connection, act.account, contact, new, address=address, forms=forms)
    return new


def rename(act: Act, contact: int, name: str) -> Contact:
    """Set what a contact is called; the contact afterwards. Mail keeps the name it was sent under."""
    wanted = " ".join(name.split())
    if not wanted or not wanted.isprintable():
        raise BadRequest("a name has letters, and no control characters")
    if _found(act, contact).name != wanted:
        contacts.set_name(act.transaction.connection, act.account, contact, wanted)
        act.record("contact.rename", f"contact:{contact}")
    return _found(act, contact)


def _found(act: Act, contact: int) -> Contact:
    found = contacts.find_contact(act.transaction.connection, act.account, contact)
    if found is None:
        raise NotFound(f"there is no contact {contact}")
    return found

"""Further addresses of a contact: said by an agent, so that mail from them is the contact's and an erasure means them.

Must not: join two contacts; who has written from both addresses is merged (``persons``).
"""

from __future__ import annotations

from mailhub.access.quotas import require_room
from mailhub.config import Quotas
from mailhub.directory import Directory
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.message.addresses import served_form
from mailhub.proof.act import Act
from mailhub.reading.prepare import usable
from storage.people import users
from storage.privacy import contacts
from storage.privacy.contacts import Contact


def add_alias(act: Act, directory: Directory, contact: int, address: str, *, quotas: Quotas) -> Contact:
    """Give a contact one more address; the contact afterwards. Again changes nothing. Commits nothing.

    ``NotFound`` without the contact, ``BadRequest`` for what is no address, ``Conflict`` for somebody else's.
    """
    require_room(act, quotas, "contact_addresses", contact_id=contact)
    connection = act.transaction.connection
    wanted = served_form(address.strip())
    if not usable(wanted) or any(character.isspace() for character in wanted):
        raise BadRequest("an address has the form user@example.com")

    found = contacts.find_contact(connection, act.account, contact)
    if found is None:
        raise NotFound(f"there is no contact {contact}")
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
    changed = contacts.find_contact(connection, act.account, contact)
    assert changed is not None

    return changed

"""A person objects to their mail teaching the filter (GDPR art. 21(1)), or does so no more.

Putting it on record is an act of its own; what their mail taught is taken back by ``filter.objections``, right behind it
and by a job. Must not: decide whether the objection is justified: whoever records it has.
"""

from __future__ import annotations

from mailhub.errors import NotFound
from mailhub.proof.act import Act
from storage.privacy import contacts, objections, persons
from storage.privacy.contacts import Contact


def object_to_learning(act: Act, contact: int) -> Contact:
    """From now on nothing of this person teaches the filter; the contact as it is then. Again changes nothing."""
    connection = act.transaction.connection
    found = _found(act, contact)
    if contact in objections.objecting(connection, act.account, [contact]):
        return found
    objections.set_objection(connection, act.account, [contact], act.now)
    act.record("contact.object", f"contact:{contact}")
    return _found(act, contact)


def withdraw_objection(act: Act, contact: int) -> Contact:
    """What is labelled from now on counts again; what was taken back stays so. Again changes nothing."""
    connection = act.transaction.connection
    found = _found(act, contact)
    if contact not in objections.objecting(connection, act.account, [contact]):
        return found
    everybody = persons.contacts_of_persons(connection, act.account, [contact])
    objections.set_objection(connection, act.account, everybody, None)
    act.record("contact.object-no-more", f"contact:{contact}")
    return _found(act, contact)


def _found(act: Act, contact: int) -> Contact:
    found = contacts.find_contact(act.transaction.connection, act.account, contact)
    if found is None:
        raise NotFound(f"there is no contact {contact}")
    return found

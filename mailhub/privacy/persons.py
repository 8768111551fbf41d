"""Contacts that are one person: merged by somebody who knows, and parted again.

    merge     one contact, and what is merged into it, is merged into another; that one stands for the person
    unmerge   exactly what that merge brought stands for itself again, as far as no later merge took it elsewhere

Nothing moves: each contact keeps its addresses, messages and tickets, and its own key in backups. What is done to the
person (export, erasure, hold, answers) means every contact of theirs. Must not: decide by names that two are one.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.access.holds import require_not_held
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.proof.act import Act
from storage.privacy import contacts, persons
from storage.privacy.contacts import Contact
from storage.privacy.holds import find_holds
from storage.proof import journal

CONTACTS_OF_ONE = 50  # that stand for one person, together


def merge(act: Act, contact: int, into: int) -> Contact:
    """Make ``contact`` part of the person ``into`` is; the contact that stands for them. Again changes nothing.

    Into one that is merged itself means into the one that stands for it. ``NotFound`` without one of them,
    ``BadRequest`` for itself, ``Conflict`` for a contact that is merged into somebody else.
    """
    connection = act.transaction.connection
    if contact == into:
        raise BadRequest("a contact cannot be merged into itself")

    heads = persons.heads_of(connection, act.account, [contact, into])
    wanted = {contact, into, *heads.values()}
    locked = persons.lock(connection, act.account, wanted)
    if missing := [each for each in (contact, into) if each not in locked]:
        raise NotFound(f"there is no contact {missing[0]}")

    target = locked[into] or into
    if locked[contact] == target:
        return _found(act, target)
    if locked[contact] is not None:
        raise Conflict(
            f"contact {contact} is merged into {locked[contact]}: merge that one, or unmerge it first"
        )
    if target == contact:
        raise Conflict(
            f"contact {into} is merged into {contact} already: the one that stands for both is {contact}"
        )

    brought = [contact, *persons.merged_into(connection, act.account, contact)]
    if len(brought) + len(persons.merged_into(connection, act.account, target)) >= CONTACTS_OF_ONE:
        raise Conflict(f"one person has at most {CONTACTS_OF_ONE} contacts")
    persons.link(connection, act.account, brought, target)
    act.record("contact.merge", f"contact:{contact}", into=target, contacts=brought)

    return _found(act, target)


def unmerge(act: Act, contact: int) -> Contact:
    """Undo the merge of this contact; the contact as it is then.

    ``Conflict`` for one that is not merged, and while a hold keeps the person.
    """
    connection = act.transaction.connection
    head = persons.heads_of(connection, act.account, [contact]).get(contact)
    locked = persons.lock(connection, act.account, {contact} if head is None else {contact, head})
    if contact not in locked:
        raise NotFound(f"there is no contact {contact}")

    target = locked[contact]
    if target is None:
        raise Conflict(f"contact {contact} is not merged into another one")

    together = persons.contacts_of_persons(connection, act.account, [contact])
    require_not_held(find_holds(connection, act.account, contacts=together, now=act.now))

    back = [each for each in _brought_by(act, contact, target) if each != contact]
    persons.link(connection, act.account, [contact], None)
    persons.link(connection, act.account, back, contact)
    act.record("contact.unmerge", f"contact:{contact}", **{"from": target}, contacts=[contact, *back])

    return _found(act, contact)


def _brought_by(act: Act, contact: int, target: int) -> Sequence[int]:
    """What the latest merge of this contact brought along, and is where it brought it."""
    connection = act.transaction.connection
    entry = journal.find_last(connection, act.account, f"contact:{contact}", "contact.merge")
    if entry is None or entry.detail["into"] != target:
        return ()

    now_there = set(persons.merged_into(connection, act.account, target))
    still = []
    for each in now_there.intersection(entry.detail["contacts"]):
        own = journal.find_last(connection, act.account, f"contact:{each}", "contact.merge")
        if own is None or (own.at, own.node, own.sequence) <= (entry.at, entry.node, entry.sequence):
            still.append(each)
    return sorted(still)


def _found(act: Act, contact: int) -> Contact:
    found = contacts.find_contact(act.transaction.connection, act.account, contact)
    assert found is not None
    return found

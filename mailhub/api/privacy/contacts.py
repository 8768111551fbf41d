"""/v1/contacts: the people who write to us, and further addresses of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub.api.frame import shapes
from mailhub.api.frame.readable import readable_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import InAccount
from mailhub.errors import NotFound
from mailhub.filter.objections import take_back_all
from mailhub.message.addresses import served_form
from mailhub.privacy import objections, persons
from mailhub.privacy.aliases import add_alias, rename, take_address
from storage.privacy import contacts

router = APIRouter(tags=["contacts"])


class Merged(shapes.Shape):
    """A contact that is merged into another one, with its own addresses."""

    id: int
    name: str
    addresses: list[str]


class Contact(shapes.Shape):
    """A person who wrote to us, with every address known to be theirs.

    `merged`: contacts that were merged into this one; `merged_into`: the one that stands for the person instead.
    `objected_at`: since when nothing of theirs teaches the filter (GDPR art. 21).
    """

    id: int
    name: str
    addresses: list[str]
    created_at: str
    merged_into: int | None
    merged: list[Merged]
    objected_at: str | None


class NewName(shapes.Shape):
    """What a contact is called."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class SamePerson(shapes.Shape):
    """A contact of the same person; it stands for both from now on."""

    person: Id


class NewAddress(shapes.Shape):
    """A further address of a contact."""

    address: Annotated[str, Field(max_length=320)]


def _shape(row: contacts.Contact) -> Contact:
    merged = [made(Merged, each, addresses=list(each.addresses)) for each in row.merged]
    return made(Contact, row, addresses=list(row.addresses), merged=merged)


@router.get("/contacts")
def list_contacts(
    call: InAccount, limit: Limit = 50, after: After = None, address: str | None = None
) -> Page[Contact]:
    """Persons of the account, each by the contact that stands for them; `address` finds the one it belongs to.

    Exactly that address, in whatever case, and with its domain in Unicode or as DNS writes it.
    """
    call.require("contact.read")
    wanted = served_form(address.strip()) if address is not None else None
    with call.house.database.read() as connection:

        def find(place: int | None, limit: int) -> Sequence[contacts.Contact]:
            return contacts.list_contacts(
                connection, call.account, address=wanted, after=place or 0, limit=limit
            )

        def keep(rows: Sequence[contacts.Contact]) -> list[contacts.Contact]:
            readable = set(call.readable_contacts(connection, [each.id for each in rows]))
            return [each for each in rows if each.id in readable]

        found = readable_page(find, keep, start=after, limit=limit)
    return page(found, _shape, limit)


@router.get("/contacts/{contact}")
def show_contact(call: InAccount, contact: Id) -> Contact:
    """One contact."""
    call.require("contact.read")
    with call.house.database.read() as connection:
        found = contacts.find_contact(connection, call.account, contact)
        if found is None:
            raise NotFound(f"there is no contact {contact}")
        call.require_readable_contact(connection, contact)
    return _shape(found)


@router.post("/contacts/{contact}/addresses", status_code=201)
def add_address(call: InAccount, contact: Id, body: NewAddress) -> Contact:
    """Say that an address is this contact's too: mail from it is theirs from now on, and an erasure means it."""
    call.require("contact.manage")
    house = call.house
    with house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    contact_then = call.act(add_alias, house.directory, contact, body.address, quotas=house.config.quotas)
    return _shape(contact_then)


@router.delete("/contacts/{contact}/addresses")
def take_address_away(call: InAccount, contact: Id, body: NewAddress) -> Contact:
    """Say that an address is not this contact's after all; who has it now, or the contact where nothing came from it.

    What was written from it becomes a new contact's, so that an erasure of the one leaves the other; a merge undoes it.
    """
    call.require("contact.manage")
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    return _shape(call.act(take_address, contact, body.address))


@router.put("/contacts/{contact}/name")
def rename_contact(call: InAccount, contact: Id, body: NewName) -> Contact:
    """Set right what a contact is called (GDPR art. 16). Mail that comes later does not change it."""
    call.require("contact.manage")
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    return _shape(call.act(rename, contact, body.name))


@router.put("/contacts/{contact}/objection")
def object_to_learning(call: InAccount, contact: Id) -> Contact:
    """Record that the person objects (GDPR art. 21): nothing of theirs teaches the filter, and what did is taken back."""
    call.require("contact.manage")
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    done = call.act(objections.object_to_learning, contact)
    house = call.house
    take_back_all(house.database, house.writer, house.models, call.account, contact, actor=call.actor.name)
    return _shape(done)


@router.delete("/contacts/{contact}/objection")
def withdraw_objection(call: InAccount, contact: Id) -> Contact:
    """Record that the person objects no more: labels from now on teach again, those taken back stay so."""
    call.require("contact.manage")
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    return _shape(call.act(objections.withdraw_objection, contact))


@router.post("/contacts/{contact}/merge")
def merge_contacts(call: InAccount, contact: Id, body: SamePerson) -> Contact:
    """Say that two contacts are one person: whatever is done to the person means both. `unmerge` undoes it.

    Each keeps its messages and tickets. An export holds both, an erasure takes both, a hold keeps both, and mail from
    either joins the tickets of both.
    """
    call.require("contact.manage")
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
        call.require_readable_contact(connection, body.person)
    return _shape(call.act(persons.merge, contact, body.person))


@router.post("/contacts/{contact}/unmerge")
def unmerge_contact(call: InAccount, contact: Id) -> Contact:
    """Undo the merge of a contact: it stands for a person of its own again, with what that merge brought along."""
    call.require("contact.manage")
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    return _shape(call.act(persons.unmerge, contact))

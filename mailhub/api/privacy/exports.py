"""/v1/contacts/{contact}/export and /v1/export: a zip of everything about a person or in the account, as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import StreamingResponse

from mailhub import clock
from mailhub.access.holds import require_readable
from mailhub.api.frame import shapes
from mailhub.api.frame.shapes import Id
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import the_user
from mailhub.callers.slots import one_of
from mailhub.errors import Forbidden
from mailhub.message.addresses import served_form
from mailhub.privacy import export
from storage.database import Connection
from storage.privacy import contacts
from storage.privacy.holds import find_holds
from storage.privacy.persons import WholePerson, whole_person

router = APIRouter(tags=["exports"])

A_SLOT = [Depends(one_of("exports"))]
ZIP: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/zip": {}}, "description": "The zip, in pieces."}
}


@router.get(
    "/contacts/{contact}/export", response_class=StreamingResponse, responses=ZIP, dependencies=A_SLOT
)
def export_contact(call: InAccount, contact: Id) -> StreamingResponse:
    """Everything stored about the person who is this contact (GDPR art. 15, 20): data with its schema, mail, files.

    What was merged with it, and the plus forms of its addresses, are in it as they are in an erasure.
    """
    call.require("contact.export")
    with call.house.database.read() as connection:
        person = whole_person(connection, call.account, contacts=[contact])
        _require_exportable(call, connection, person)

    pieces = export.of_person(
        call.house.database,
        call.account,
        contact,
        now=clock.now(),
        record=call.house.record_of(call.account),
    )
    return _sent(call, "contact", contact, pieces)


class ExportAddress(shapes.Shape):
    """Whose data: whoever has exactly this address."""

    address: Annotated[str, Field(max_length=320)]


@router.post("/exports", response_class=StreamingResponse, responses=ZIP, dependencies=A_SLOT)
def export_address(call: InAccount, body: ExportAddress) -> StreamingResponse:
    """Everything about whoever has this address, also where they are only named; or that there is nothing."""
    call.require("contact.export")
    address = served_form(body.address.strip())
    with call.house.database.read() as connection:
        person = whole_person(connection, call.account, addresses=[address])
        _require_exportable(call, connection, person)

    pieces = export.of_address(
        call.house.database,
        call.account,
        address,
        now=clock.now(),
        record=call.house.record_of(call.account),
    )
    return _sent(call, "contact", person.contacts[0] if person.contacts else 0, pieces)  # 0: nobody's


def _require_exportable(call: Call, connection: Connection, person: WholePerson) -> None:
    """Raise ``Forbidden`` where a hold on the person, or on a ticket they are in, keeps any of it from the caller."""
    tickets = contacts.tickets_written_in(connection, call.account, person.contacts, person.addresses)
    held = find_holds(connection, call.account, contacts=person.contacts, tickets=tickets, now=clock.now())
    require_readable(call.actor, held)
    if call.restricted(connection, tickets):
        raise Forbidden("mail of this person is restricted by a hold: owners and admins alone may export it")


@router.get("/export", response_class=StreamingResponse, responses=ZIP, dependencies=A_SLOT)
def export_account(call: InAccount) -> StreamingResponse:
    """Everything in the account but passwords and keys, in the form of a contact's. Needs a fresh second factor."""
    call.require("account.export")
    call.require_fresh()
    pieces = export.of_account(
        call.house.database,
        call.account,
        now=clock.now(),
        ask=call.house.config.privacy.data_protection_contact,
    )
    return _sent(call, "account", call.account, pieces)


@router.get("/users/{user}/export", response_class=StreamingResponse, responses=ZIP, dependencies=A_SLOT)
def export_user(call: InAccount, user: str) -> StreamingResponse:
    """A user's own data (GDPR art. 15): their login, and when they did what. One's own, or by who manages users."""
    own = call.actor.user is not None and user in (str(call.actor.user), "me")
    call.require("login.own" if own else "user.manage")
    with call.house.database.read() as connection:
        who = the_user(connection, call.account, str(call.actor.user) if own else user)

    ask = call.house.config.privacy.data_protection_contact
    pieces = export.of_user(call.house.database, call.account, who.id, now=clock.now(), ask=ask)
    return _sent(call, "user", who.id, pieces)


def _sent(call: Call, kind: str, number: int, pieces: Iterator[bytes]) -> StreamingResponse:
    """One of its kind at a time, on record first, then piece by piece."""
    what = f"{kind}:{number}"
    call.charges.fly(call.house.flights, what)
    call.act(export.begin, kind, number)
    name = what.replace(":", "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)

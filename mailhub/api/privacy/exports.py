"""/v1/contacts/{contact}/export and /v1/export: a zip of everything about a person or in the account, as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from mailhub import clock
from mailhub.access.holds import require_readable
from mailhub.api.frame.shapes import Id
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.slots import one_of
from mailhub.errors import Forbidden
from mailhub.privacy import export
from storage.privacy import contacts
from storage.privacy.holds import find_holds
from storage.privacy.persons import whole_person

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
        tickets = contacts.tickets_written_in(connection, call.account, person.contacts, person.addresses)
        held = find_holds(
            connection, call.account, contacts=person.contacts, tickets=tickets, now=clock.now()
        )
        require_readable(call.actor, held)
        if call.restricted(connection, tickets):
            raise Forbidden(
                "mail of this person is restricted by a hold: owners and admins alone may export it"
            )

    pieces = export.of_person(
        call.house.database,
        call.account,
        contact,
        now=clock.now(),
        ask=call.house.config.privacy.data_protection_contact,
    )
    return _sent(call, contact, pieces)


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
    return _sent(call, None, pieces)


def _sent(call: Call, contact: int | None, pieces: Iterator[bytes]) -> StreamingResponse:
    """One of its kind at a time, on record first, then piece by piece."""
    what = f"account:{call.account}" if contact is None else f"contact:{contact}"
    call.charges.fly(call.house.flights, what)
    call.act(export.begin, contact)
    name = what.replace(":", "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamingResponse(pieces, media_type="application/zip", headers=headers)

"""/v1/contacts/{contact}/consents: what a person agreed to, by which text, and since when no more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from mailhub import clock
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_one, named_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import InAccount
from mailhub.errors import NotFound
from mailhub.privacy import consents
from mailhub.privacy.consents import Given
from mailhub.proof.act import perform
from storage.privacy import consents as rows
from storage.privacy.contacts import find_contact

router = APIRouter(tags=["consents"])

Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", examples=["newsletter"])]


class NewConsent(shapes.Shape):
    """A consent as it was given. `text`, as it was shown, is kept, and who records it. Without `given_at`: now."""

    purpose: Word
    text_version: Word
    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    how: Annotated[str, Field(min_length=1, max_length=200)]
    given_at: datetime | None = None


class Consent(shapes.Named):
    """A consent. It is in force until it is withdrawn.

    `text`: what was agreed to, `actor`: who recorded it; null where that was recorded before they were kept.
    """

    id: int
    contact: int
    purpose: str
    text_version: str
    text_digest: str
    text: str | None
    how: str
    actor: str | None
    given_at: str
    withdrawn_at: str | None


def _shape(row: rows.Consent) -> Consent:
    return made(Consent, row, contact=row.contact_id)


@router.get("/contacts/{contact}/consents")
def list_consents(call: InAccount, contact: Id, limit: Limit = 50, after: After = None) -> Page[Consent]:
    """A contact's consents, those withdrawn among them."""
    call.require("contact.read")
    with call.house.database.read() as connection:
        if find_contact(connection, call.account, contact) is None:
            raise NotFound(f"there is no contact {contact}")
        call.require_readable_contact(connection, contact)
        found = rows.list_consents(connection, call.account, contact, after=after or 0, limit=limit)
    return named_page(call, page(found, _shape, limit))


@router.post("/contacts/{contact}/consents", status_code=201)
def add_consent(call: InAccount, contact: Id, body: NewConsent) -> Consent:
    """Record that a contact agreed to something."""
    call.require("contact.manage")
    now = clock.now()
    with call.house.database.read() as connection:
        call.require_readable_contact(connection, contact)
    given = Given(
        contact=contact,
        purpose=body.purpose,
        text_version=body.text_version,
        text=body.text,
        how=body.how,
        given_at=clock.from_datetime(body.given_at) if body.given_at else now,
    )

    added = call.house.writer.run(perform, consents.add_consent, call.actor.name, call.account, now, given)
    return named_one(call, _shape(added))


@router.delete("/consents/{consent}")
def withdraw_consent(call: InAccount, consent: Id) -> Consent:
    """Withdraw a consent; it stays on record as withdrawn."""
    call.require("contact.manage")
    with call.house.database.read() as connection:
        given = rows.find_consent(connection, call.account, consent)
        if given is not None:
            call.require_readable_contact(connection, given.contact_id)
    return named_one(call, _shape(call.act(consents.withdraw_consent, consent)))

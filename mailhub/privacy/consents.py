"""Consents: put on record with the text that was agreed to, and withdrawn as easily as given (GDPR art. 7).

Kept are the text as it was shown, its version and SHA-256, and who recorded it: what art. 7(1) asks to be
shown. A consent is erased with its contact. Functions take a transaction and commit nothing; each writes its
journal row.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from mailhub.errors import BadRequest, NotFound
from mailhub.proof.act import Act
from storage.privacy import consents, contacts
from storage.privacy.consents import Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody agreed to: ``text`` as it was shown; ``given_at`` in microseconds since the epoch."""

    contact: int
    purpose: str
    text_version: str
    text: str
    how: str
    given_at: int


def add_consent(act: Act, given: Given) -> Consent:
    """Record it. ``NotFound`` without the contact, ``BadRequest`` for a consent from the future."""
    if given.given_at > act.now:
        raise BadRequest("a consent cannot be given in the future")
    if contacts.find_contact(act.transaction.connection, act.account, given.contact) is None:
        raise NotFound(f"there is no contact {given.contact}")

    row = Consent(
        account_id=act.account,
        id=act.transaction.new_id(),
        contact_id=given.contact,
        purpose=given.purpose,
        text_version=given.text_version,
        text_digest=sha256(given.text.encode()).hexdigest(),
        how=given.how,
        given_at=given.given_at,
        text=given.text,
        actor=act.actor,
    )
    consents.add_consent(act.transaction.connection, row)
    act.record("consent.add", f"consent:{row.id}", contact=row.contact_id)

    return row


def withdraw_consent(act: Act, consent: int) -> Consent:
    """Withdraw it; again changes nothing. ``NotFound`` without one."""
    row = consents.withdraw_consent(act.transaction.connection, act.account, consent, act.now)
    if row is None:
        raise NotFound(f"there is no consent {consent}")
    if row.withdrawn_at == act.now:
        act.record("consent.withdraw", f"consent:{row.id}", contact=row.contact_id)
    return row

"""Consents: put on record with the text that was agreed to, and withdrawn as easily as given (GDPR art. 7).

Kept of the text are its version and its SHA-256: whoever keeps the texts proves by it which one was agreed to. A
consent is erased with its contact. Functions take a transaction and commit nothing; each writes its journal row.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from mailhub.errors import BadRequest, NotFound
from storage.privacy import consents, contacts
from storage.privacy.consents import Consent
from storage.proof import journal
from storage.writer import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody agreed to: ``text`` as it was shown; ``given_at`` in microseconds since the epoch."""

    contact: int
    purpose: str
    text_version: str
    text: str
    how: str
    given_at: int


def add_consent(transaction: Transaction, actor: str, account: int, given: Given, *, now: int) -> Consent:
    """Record it. ``NotFound`` without the contact, ``BadRequest`` for a consent from the future."""
    if given.given_at > now:
        raise BadRequest("a consent cannot be given in the future")
    if contacts.find_contact(transaction.connection, account, given.contact) is None:
        raise NotFound(f"there is no contact {given.contact}")

    row = Consent(
        account_id=account,
        id=transaction.new_id(),
        contact_id=given.contact,
        purpose=given.purpose,
        text_version=given.text_version,
        text_digest=sha256(given.text.encode()).hexdigest(),
        how=given.how,
        given_at=given.given_at,
    )
    consents.add_consent(transaction.connection, row)
    _record(transaction, account, actor, "consent.add", row, now)

    return row


def withdraw_consent(transaction: Transaction, actor: str, account: int, consent: int, *, now: int) -> Consent:
    """Withdraw it; again changes nothing. ``NotFound`` without one."""
    row = consents.withdraw_consent(transaction.connection, account, consent, now)
    if row is None:
        raise NotFound(f"there is no consent {consent}")
    if row.withdrawn_at == now:
        _record(transaction, account, actor, "consent.withdraw", row, now)
    return row


def _record(transaction: Transaction, account: int, actor: str, verb: str, row: Consent, now: int) -> None:
    on = f"consent:{row.id}"
    detail = {"contact": row.contact_id}
    journal.append(
        transaction.connection, account, transaction.node, at=now, actor=actor, verb=verb, object_=on, detail=detail
    )

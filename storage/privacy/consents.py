"""Consents: who agreed to what, by which text, and since when no more (GDPR art. 7).

Durable state: table consent; a row goes with its contact alone. Functions take a connection, commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from storage.privacy.persons import contacts_of_persons
from storage.schema import consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One consent. Instants in microseconds since the epoch; ``withdrawn_at`` None: in force."""

    account_id: int
    id: int
    contact_id: int
    purpose: str
    text_version: str
    text_digest: str
    how: str
    given_at: int
    withdrawn_at: int | None = None
    text: str | None = None  # None: recorded before it was kept
    actor: str | None = None


def add_consent(connection: Connection, row: Consent) -> None:
    """Insert a consent."""
    connection.execute(insert(consent).values({name: getattr(row, name) for name in Consent.__slots__}))


def list_consents(
    connection: Connection, account_id: int, contact_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[Consent]:
    """Consents of the person who is this contact, by id, those withdrawn among them."""
    people = contacts_of_persons(connection, account_id, [contact_id])
    own = (consent.c.account_id == account_id, consent.c.contact_id.in_(people), consent.c.id > after)
    rows = connection.execute(select(consent).where(*own).order_by(consent.c.id).limit(limit))
    return [Consent(**row._mapping) for row in rows]


def find_consent(connection: Connection, account_id: int, consent_id: int) -> Consent | None:
    """One consent, by id."""
    there = (consent.c.account_id == account_id, consent.c.id == consent_id)
    row = connection.execute(select(consent).where(*there)).one_or_none()
    return Consent(**row._mapping) if row else None


def withdraw_consent(connection: Connection, account_id: int, consent_id: int, now: int) -> Consent | None:
    """End a consent; as it is then, None when there is none. One withdrawn before keeps its instant."""
    there = (consent.c.account_id == account_id, consent.c.id == consent_id)
    connection.execute(
        update(consent).where(*there, consent.c.withdrawn_at.is_(None)).values(withdrawn_at=now)
    )
    row = connection.execute(select(consent).where(*there)).one_or_none()
    return Consent(**row._mapping) if row else None

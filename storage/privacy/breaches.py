"""Breaches of personal data, and whom they touch: counts and ids, by account, time and object, without any body.

Durable state: table breach; a row is never deleted while its account lives. Functions take a connection and
commit nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, func, insert, select, union, update

from storage.privacy.persons import is_of_person
from storage.schema import (
    breach,
    consent,
    contact,
    contact_address,
    intake,
    mailbox,
    message,
    note,
    outbox,
    participant,
    ticket,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One breach. Instants in microseconds since the epoch; None: that has not happened."""

    account_id: int
    id: int
    kind: str
    actor: str
    noticed_at: int
    facts: str = ""
    effects: str = ""
    remedies: str = ""
    authority_told_at: int | None = None
    people_told_at: int | None = None
    closed_at: int | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was exposed: mail of an account that came or went in a span of time (end excluded), or one object's."""

    account_id: int
    since: int = 0
    until: int = 2**62
    kind: str | None = None  # ticket, message, contact or mailbox
    object_id: int | None = None


def add_breach(connection: Connection, row: Breach) -> None:
    """Insert a breach."""
    connection.execute(insert(breach).values({name: getattr(row, name) for name in Breach.__slots__}))


def find_breach(connection: Connection, account_id: int, breach_id: int) -> Breach | None:
    """The breach with this id."""
    query = select(breach).where(breach.c.account_id == account_id, breach.c.id == breach_id)
    row = connection.execute(query).one_or_none()
    return Breach(**row._mapping) if row else None


def list_breaches(
    connection: Connection, account_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[Breach]:
    """Breaches of an account by id, those closed among them."""
    query = select(breach).where(breach.c.account_id == account_id, breach.c.id > after)
    return [Breach(**row._mapping) for row in connection.execute(query.order_by(breach.c.id).limit(limit))]


def list_overdue(connection: Connection, *, noticed_before: int, limit: int = 100) -> Sequence[Breach]:
    """Open breaches of all accounts that were noticed before then, and of which the authority was not told."""
    due = (breach.c.closed_at.is_(None), breach.c.authority_told_at.is_(None))
    query = select(breach).where(*due, breach.c.noticed_at < noticed_before).order_by(breach.c.noticed_at)
    return [Breach(**row._mapping) for row in connection.execute(query.limit(limit))]


def change_breach(connection: Connection, account_id: int, breach_id: int, **values: Any) -> None:
    """Set columns of a breach."""
    own = (breach.c.account_id == account_id, breach.c.id == breach_id)
    connection.execute(update(breach).where(*own).values(**values))


def exists_in(connection: Connection, scope: Scope) -> bool:
    """Whether the account has the object of the scope; True without one."""
    if scope.kind is None:
        return True
    table = _TABLES[scope.kind]
    own = (table.c.account_id == scope.account_id, table.c.id == scope.object_id)
    return connection.execute(select(table.c.id).where(*own)).first() is not None


def count_touched(connection: Connection, scope: Scope) -> Mapping[str, int]:
    """Rows of each table within the scope: only those that hold personal data."""
    return {
        table.name: connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one()
        for table, rows in _rows(scope).items()
    }


def people_touched(connection: Connection, scope: Scope, *, after: int, limit: int) -> Sequence[int]:
    """Ids of the contacts within the scope, in order: who wrote, asked, was answered or took part."""
    own = (contact.c.account_id == scope.account_id, contact.c.id.in_(_people(scope)), contact.c.id > after)
    return (
        connection.execute(select(contact.c.id).where(*own).order_by(contact.c.id).limit(limit))
        .scalars()
        .all()
    )


def _messages(scope: Scope) -> list[ColumnElement[bool]]:
    chosen = [message.c.account_id == scope.account_id]
    chosen += [message.c.received_at >= scope.since, message.c.received_at < scope.until]
    if scope.kind is not None:
        column = {"ticket": message.c.ticket_id, "message": message.c.id, "mailbox": message.c.mailbox_id}
        theirs = scope.kind == "contact"
        chosen.append(
            message.c.contact_id.in_(_of_contact(scope)) if theirs else column[scope.kind] == scope.object_id
        )
    return chosen


def _of_contact(scope: Scope) -> Select[Any]:
    """Every contact of the person who is the scope's."""
    own = (contact.c.account_id == scope.account_id, contact.c.id == scope.object_id)
    standing = select(func.coalesce(contact.c.merged_into, contact.c.id)).where(*own).scalar_subquery()
    return select(contact.c.id).where(is_of_person(scope.account_id, standing))


def _rows(scope: Scope) -> Mapping[Table, Select[Any]]:
    """What of each table is within the scope; tickets are whose messages are."""
    messages = select(message.c.id).where(*_messages(scope))
    tickets = select(message.c.ticket_id).where(*_messages(scope)).distinct()
    account = scope.account_id
    people = select(contact.c.id).where(contact.c.account_id == account, contact.c.id.in_(_people(scope)))

    def of(table: Table, named: ColumnElement[Any], chosen: Select[Any]) -> Select[Any]:
        return select(named).where(table.c.account_id == account, named.in_(chosen))

    return {
        contact: people,
        contact_address: of(contact_address, contact_address.c.contact_id, people),
        ticket: of(ticket, ticket.c.id, tickets),
        message: messages,
        note: of(note, note.c.ticket_id, tickets),
        participant: of(participant, participant.c.ticket_id, tickets),
        intake: of(intake, intake.c.message_id, messages),
        outbox: of(outbox, outbox.c.message_id, messages),
        consent: of(consent, consent.c.contact_id, people),
    }


def _people(scope: Scope):  # type: ignore[no-untyped-def]
    """Contacts who wrote these messages, asked in their tickets, took part in them, or were sent them."""
    account = scope.account_id
    chosen = _messages(scope)
    tickets = select(message.c.ticket_id).where(*chosen)
    wrote = select(message.c.contact_id).where(*chosen, message.c.contact_id.is_not(None))
    asked = select(ticket.c.contact_id).where(
        ticket.c.account_id == account, ticket.c.id.in_(tickets), ticket.c.contact_id.is_not(None)
    )
    took_part = select(participant.c.address).where(
        participant.c.account_id == account, participant.c.ticket_id.in_(tickets)
    )
    sent = select(func.lower(outbox.c.recipient)).where(
        outbox.c.account_id == account, outbox.c.message_id.in_(select(message.c.id).where(*chosen))
    )
    known = select(contact_address.c.contact_id).where(contact_address.c.account_id == account)
    found = [wrote, asked, known.where(contact_address.c.address.in_(union(took_part, sent)))]
    if scope.kind == "contact":
        found = [_of_contact(scope)]

    return union(*found)


_TABLES = {"ticket": ticket, "message": message, "contact": contact, "mailbox": mailbox}

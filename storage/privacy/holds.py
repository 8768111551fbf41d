"""Holds: what must be kept however due its removal is (GDPR art. 17(3)(e), 18), and who ordered it.

Durable state: table hold; a hold is never deleted while its account lives, it ends or is lifted. Functions
take a connection, commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, or_, select, update

from storage.privacy.persons import contacts_of_persons
from storage.schema import contact, hold, message, ticket

KINDS = ("contact", "ticket", "account")
CHUNK = 500  # ids in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One order. Instants in microseconds since the epoch; ``object_id`` None is the whole account."""

    account_id: int
    id: int
    kind: str
    object_id: int | None
    reason: str
    actor: str
    created_at: int
    ends_at: int | None = None
    lifted_at: int | None = None


def add_hold(connection: Connection, row: Hold) -> None:
    """Insert a hold."""
    connection.execute(insert(hold).values({name: getattr(row, name) for name in Hold.__slots__}))


def lift_hold(connection: Connection, account_id: int, hold_id: int, now: int) -> Hold | None:
    """End a hold now; the hold as it was, None when there is no such one. One lifted before keeps its instant."""
    there = (hold.c.account_id == account_id, hold.c.id == hold_id)
    row = connection.execute(select(hold).where(*there)).one_or_none()
    connection.execute(update(hold).where(*there, hold.c.lifted_at.is_(None)).values(lifted_at=now))
    return _hold(row) if row else None


def list_holds(
    connection: Connection, account_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[Hold]:
    """Holds of an account by id, those that ended among them."""
    query = select(hold).where(hold.c.account_id == account_id, hold.c.id > after)
    return [_hold(row) for row in connection.execute(query.order_by(hold.c.id).limit(limit))]


def find_holds(
    connection: Connection,
    account_id: int,
    *,
    contacts: Collection[int] = (),
    tickets: Collection[int] = (),
    now: int,
) -> Sequence[Hold]:
    """Holds in force on the account, on any of these contacts or another of the same person, or on these tickets,
    by id.
    """
    found = {row.id: row for row in _in_force(connection, account_id, now, hold.c.kind == "account")}
    people = contacts_of_persons(connection, account_id, contacts)
    for kind, ids in (("contact", people), ("ticket", sorted(tickets))):
        for start in range(0, len(ids), CHUNK):
            named = and_(hold.c.kind == kind, hold.c.object_id.in_(ids[start : start + CHUNK]))
            found |= {row.id: row for row in _in_force(connection, account_id, now, named)}
    return [found[each] for each in sorted(found)]


def find_holds_on_tickets(
    connection: Connection, account_id: int, tickets: Collection[int], now: int
) -> Sequence[Hold]:
    """Holds in force on these tickets, on what was merged into them, or on anybody who wrote into them."""
    own = ticket.c.account_id == account_id
    shells = select(ticket.c.id).where(own, ticket.c.merged_into.in_(sorted(tickets)))
    everything = {*tickets, *connection.execute(shells).scalars()}
    ids = sorted(everything)
    requesters = select(ticket.c.contact_id).where(
        own, ticket.c.id.in_(ids), ticket.c.contact_id.is_not(None)
    )
    writers = (
        message.c.account_id == account_id,
        message.c.ticket_id.in_(ids),
        message.c.contact_id.is_not(None),
    )
    people = set(connection.execute(requesters.union(select(message.c.contact_id).where(*writers))).scalars())
    return find_holds(connection, account_id, contacts=people, tickets=everything, now=now)


def is_contact(connection: Connection, account_id: int, contact_id: int) -> bool:
    """Whether the account has this contact."""
    there = exists().where(contact.c.account_id == account_id, contact.c.id == contact_id)
    return bool(connection.execute(select(there)).scalar_one())


def any_hold(connection: Connection, account_id: int, now: int) -> Hold | None:
    """The first hold in force on anything of the account: enough to keep the account as it is."""
    rows = _in_force(connection, account_id, now, hold.c.kind.in_(KINDS), limit=1)
    return rows[0] if rows else None


def _in_force(
    connection: Connection, account_id: int, now: int, which: ColumnElement[bool], *, limit: int | None = None
) -> list[Hold]:
    alive = and_(hold.c.lifted_at.is_(None), or_(hold.c.ends_at.is_(None), hold.c.ends_at > now))
    query = select(hold).where(hold.c.account_id == account_id, which, alive).order_by(hold.c.id).limit(limit)
    return [_hold(row) for row in connection.execute(query)]


def _hold(row: Row[tuple[object, ...]]) -> Hold:
    return Hold(**row._mapping)

"""What the intake reads and writes for a batch of messages: a handful of statements a batch, however many messages.

``load`` fetches all that deciding needs into a ``View``; the flow decides message by message against it, keeping it up
to date (so that message 2 of a batch sees message 1), and collects ``Rows``; ``write`` inserts them. Core executemany
costs 35 us a mail in batches of 50 where the ORM's flush cost 266.

Needs a write transaction and commits nothing. On PostgreSQL the tickets read are locked in key order; two
nodes that make the same contact or message at once collide on a unique key, and the loser runs again
(``writer``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Connection, Table, bindparam, case, func, select, update

from storage.engine.bulk import Row, insert_rows, select_in
from storage.mail.search import add_to_index
from storage.schema import (
    account,
    contact,
    contact_address,
    intake,
    message,
    message_reference,
    participant,
    raw,
    sender_rule,
    ticket,
    ticket_mailbox,
    tombstone,
    user,
)
from storage.words import TicketState

BEARERS = 16  # messages remembered under one Message-ID; one borne by more is no proof of anything
MERGE_HOPS = 100  # a chain of merges longer than this is followed no further


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a batch of messages of one account may touch."""

    identities: Collection[bytes]
    tombstones: Collection[bytes]
    id_hashes: Collection[bytes]
    addresses: Collection[str]  # lower case
    tickets: Collection[int]
    numbers: Collection[int]
    senders: Collection[str] = ()  # patterns of rules that would match who sends


@dataclass(slots=True)
class FiledTicket:
    """A ticket as far as threading needs it."""

    id: int
    number: int
    mailbox_id: int
    contact_id: int | None
    state: str
    merged_into: int | None = None
    person_id: int | None = None  # the contact that stands for the requester, where theirs is merged into it
    participants: dict[str, str] = field(
        default_factory=dict
    )  # address -> role, of the batch's addresses only
    also_in: set[int] = field(default_factory=set)  # further mailboxes


@dataclass(slots=True)
class Filed:
    """A message that is stored already."""

    id: int
    ticket_id: int
    subject: str | None = (
        None  # as stored; None where it says nothing: not asked for, or taken out of the message
    )


@dataclass(slots=True)
class View:
    """The part of one account that a batch looks at."""

    addresses: Collection[str] = ()  # the people of the batch
    messages: dict[bytes, Filed] = field(default_factory=dict)  # by identity
    erased: set[bytes] = field(default_factory=set)  # tombstones of messages that went for good
    references: dict[bytes, list[Filed]] = field(default_factory=dict)  # by keyed hash of the Message-ID
    outgoing: set[int] = field(default_factory=set)  # of the referenced messages, those we sent
    contacts: dict[str, int] = field(default_factory=dict)  # by address
    persons: dict[int, int] = field(default_factory=dict)  # contact -> the one it is merged into
    rules: dict[str, str] = field(default_factory=dict)  # for senders: pattern -> allow or deny
    users: dict[str, int] = field(default_factory=dict)  # by address
    tickets: dict[int, FiledTicket] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)  # ticket number -> id

    def asked_for(self, ticket: FiledTicket, contact_id: int | None) -> bool:
        """Whether this contact, or another of the same person, is the ticket's requester."""
        if contact_id is None or ticket.contact_id is None:
            return False
        requester = ticket.person_id or self.persons.get(ticket.contact_id, ticket.contact_id)
        return self.persons.get(contact_id, contact_id) == requester

    def live(self, ticket_id: int) -> FiledTicket | None:
        """The ticket, or the one that it was merged into in the end; None when it is gone, or just going."""
        found = self.tickets.get(ticket_id)
        for _ in range(MERGE_HOPS):
            if found is None or found.merged_into is None:
                return None if found is not None and found.state == TicketState.PURGING else found
            found = self.tickets.get(found.merged_into)
        return None


@dataclass(slots=True)
class Rows:
    """What a batch will write."""

    contacts: list[Row] = field(default_factory=list)
    contact_addresses: list[Row] = field(default_factory=list)
    tickets: list[Row] = field(default_factory=list)
    ticket_mailboxes: list[Row] = field(default_factory=list)
    participants: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    references: list[Row] = field(default_factory=list)
    raws: list[Row] = field(default_factory=list)
    intakes: list[Row] = field(default_factory=list)
    index: list[tuple[int, int, Sequence[str]]] = field(default_factory=list)
    touched: dict[int, Row] = field(default_factory=dict)  # ticket id -> what ``touch`` makes


def load(connection: Connection, account_id: int, wanted: Wanted) -> View:
    """Everything the decisions about these messages may depend on."""
    view = View(addresses=wanted.addresses)
    load_known(connection, account_id, wanted.identities, wanted.tombstones, view)

    if wanted.id_hashes:
        _load_references(connection, account_id, wanted.id_hashes, view)

    if wanted.addresses:
        rows = select_in(connection, _CONTACTS, account_id, wanted.addresses)
        view.contacts = {row.address: row.contact_id for row in rows}
        view.persons = {row.contact_id: row.merged_into for row in rows if row.merged_into is not None}
        rows = select_in(connection, _USERS, account_id, wanted.addresses)
        view.users = {row.email: row.id for row in rows}

    if wanted.senders:
        rows = select_in(connection, _RULES, account_id, wanted.senders)
        view.rules = {row.pattern: row.list for row in rows}

    if wanted.numbers:
        rows = select_in(connection, _NUMBERS, account_id, wanted.numbers)
        view.numbers = {row.number: row.id for row in rows}

    load_tickets(connection, account_id, {*wanted.tickets, *view.numbers.values(), *_tickets_of(view)}, view)
    return view


_MESSAGES = select(
    message.c.identity, message.c.id, message.c.ticket_id, message.c.subject, message.c.redacted_at
).where(
    message.c.account_id == bindparam("account"), message.c.identity.in_(bindparam("keys", expanding=True))
)
_TOMBSTONES = select(tombstone.c.digest).where(
    tombstone.c.account_id == bindparam("account"), tombstone.c.digest.in_(bindparam("keys", expanding=True))
)
_REFERENCES = (
    select(
        message_reference.c.id_hash,
        message_reference.c.message_id,
        message_reference.c.ticket_id,
        message.c.direction,
    )
    .select_from(message_reference)
    .outerjoin(
        message,
        (message.c.account_id == message_reference.c.account_id)
        & (message.c.id == message_reference.c.message_id),
    )
    .where(
        message_reference.c.account_id == bindparam("account"),
        message_reference.c.id_hash.in_(bindparam("keys", expanding=True)),
    )
)  # no ORDER BY here: SQLite would then read the account's whole message_reference_of to save the sort
_MERGED_INTO = (
    select(contact.c.merged_into)
    .where(contact.c.account_id == contact_address.c.account_id, contact.c.id == contact_address.c.contact_id)
    .scalar_subquery()
)
_CONTACTS = select(
    contact_address.c.address, contact_address.c.contact_id, _MERGED_INTO.label("merged_into")
).where(
    contact_address.c.account_id == bindparam("account"),
    contact_address.c.address.in_(bindparam("keys", expanding=True)),
)
_RULES = select(sender_rule.c.pattern, sender_rule.c.list).where(
    sender_rule.c.account_id == bindparam("account"),
    sender_rule.c.pattern.in_(bindparam("keys", expanding=True)),
)
_USERS = select(user.c.email, user.c.id).where(
    user.c.account_id == bindparam("account"),
    user.c.email.in_(bindparam("keys", expanding=True)),
    user.c.deleted_at.is_(None),
)
_NUMBERS = select(ticket.c.number, ticket.c.id).where(
    ticket.c.account_id == bindparam("account"), ticket.c.number.in_(bindparam("keys", expanding=True))
)
_TICKETS = (
    select(
        ticket.c.id,
        ticket.c.number,
        ticket.c.mailbox_id,
        ticket.c.contact_id,
        ticket.c.state,
        ticket.c.merged_into,
        select(contact.c.merged_into)
        .where(contact.c.account_id == ticket.c.account_id, contact.c.id == ticket.c.contact_id)
        .scalar_subquery()
        .label("person_id"),
    )
    .where(ticket.c.account_id == bindparam("account"), ticket.c.id.in_(bindparam("keys", expanding=True)))
    .order_by(ticket.c.id)
    .with_for_update()  # ignored by SQLite
)
_PARTICIPANTS = select(participant.c.ticket_id, participant.c.address, participant.c.role).where(
    participant.c.account_id == bindparam("account"),
    participant.c.ticket_id.in_(bindparam("keys", expanding=True)),
    participant.c.address.in_(bindparam("addresses", expanding=True)),
)
_ALSO_IN = select(ticket_mailbox.c.ticket_id, ticket_mailbox.c.mailbox_id).where(
    ticket_mailbox.c.account_id == bindparam("account"),
    ticket_mailbox.c.ticket_id.in_(bindparam("keys", expanding=True)),
)


def load_known(
    connection: Connection,
    account_id: int,
    identities: Collection[bytes],
    tombstones: Collection[bytes],
    view: View,
) -> None:
    """Add to the view what is stored, or went for good, under these identities."""
    if identities:
        rows = select_in(connection, _MESSAGES, account_id, identities)
        view.messages |= {
            row.identity: Filed(row.id, row.ticket_id, row.subject if row.redacted_at is None else None)
            for row in rows
        }

    if tombstones:
        rows = select_in(connection, _TOMBSTONES, account_id, tombstones)
        view.erased |= {row.digest for row in rows}


def is_known(connection: Connection, account_id: int, identity: bytes) -> bool:
    """Whether the account has a message of this identity."""
    return bool(select_in(connection, _MESSAGES, account_id, [identity]))


def _load_references(connection: Connection, account_id: int, hashes: Collection[bytes], view: View) -> None:
    rows = select_in(connection, _REFERENCES, account_id, hashes)
    for row in sorted(rows, key=lambda row: row.message_id):
        view.references.setdefault(row.id_hash, []).append(Filed(row.message_id, row.ticket_id))
        if row.direction == "out":
            view.outgoing.add(row.message_id)


def _tickets_of(view: View) -> set[int]:
    found = {filed.ticket_id for filed in view.messages.values()}
    found.update(filed.ticket_id for several in view.references.values() for filed in several)
    return found


def load_tickets(connection: Connection, account_id: int, wanted: set[int], view: View) -> None:
    """Add tickets to the view, with those they were merged into, their participants and their further mailboxes."""
    known = set(view.tickets)
    for _ in range(MERGE_HOPS):
        wanted -= view.tickets.keys()
        if not wanted:
            break
        rows = select_in(connection, _TICKETS, account_id, wanted)
        view.tickets.update((row.id, FiledTicket(*row)) for row in rows)
        wanted = {row.merged_into for row in rows if row.merged_into is not None}

    fresh = view.tickets.keys() - known
    if fresh:
        keys = {"account": account_id, "keys": list(fresh), "addresses": list(view.addresses)}
        for row in connection.execute(_PARTICIPANTS, keys):
            view.tickets[row.ticket_id].participants[row.address] = row.role
        for row in select_in(connection, _ALSO_IN, account_id, fresh):
            view.tickets[row.ticket_id].also_in.add(row.mailbox_id)


_NEXT_NUMBER = (
    update(account)
    .where(account.c.id == bindparam("account"))
    .values(next_ticket_number=account.c.next_ticket_number + bindparam("taken"))
    .returning(account.c.next_ticket_number)
)


def take_numbers(connection: Connection, account_id: int, count: int) -> int:
    """Reserve ``count`` ticket numbers of the account; the first of them. Locks the account's row on PostgreSQL."""
    return int(connection.execute(_NEXT_NUMBER, {"account": account_id, "taken": count}).scalar_one()) - count


_TOUCH = (
    update(ticket)
    .where(ticket.c.account_id == bindparam("account"), ticket.c.id == bindparam("ticket"))
    .values(
        message_count=ticket.c.message_count + bindparam("added"),
        updated_at=case((ticket.c.updated_at < bindparam("at"), bindparam("at")), else_=ticket.c.updated_at),
        state=bindparam("new_state"),
        snoozed_until=case((bindparam("new_state") == TicketState.OPEN, None), else_=ticket.c.snoozed_until),
        waiting_since=case(
            (ticket.c.waiting_since < bindparam("waits", type_=BigInteger), ticket.c.waiting_since),
            else_=func.coalesce(bindparam("waits", type_=BigInteger), ticket.c.waiting_since),
        ),
        last_activity_at=case(
            (ticket.c.last_activity_at < bindparam("at"), bindparam("at")), else_=ticket.c.last_activity_at
        ),
        last_incoming_at=case(
            (ticket.c.last_incoming_at > bindparam("incoming", type_=BigInteger), ticket.c.last_incoming_at),
            else_=func.coalesce(bindparam("incoming", type_=BigInteger), ticket.c.last_incoming_at),
        ),
        last_message_id=case(
            (ticket.c.last_message_id > bindparam("last", type_=BigInteger), ticket.c.last_message_id),
            else_=bindparam("last", type_=BigInteger),
        ),
        attachments=case((ticket.c.attachments == 1, 1), else_=bindparam("files")),
    )
)


def touch(
    rows: Rows, ticket_id: int, *, state: str, message: int, at: int, waits: bool, incoming: bool, files: bool
) -> None:
    """A message joins a ticket that is there: what the ticket's row says of its mail follows with the batch.

    ``at`` is when it came or is sent, ``waits`` whether it waits for an answer.
    """
    new = {"added": 0, "at": at, "waits": None, "incoming": None, "last": message, "files": 0}
    row = rows.touched.setdefault(ticket_id, new)
    row.update(
        added=row["added"] + 1,
        at=max(row["at"], at),
        new_state=state,
        waits=_least(row["waits"], at if waits else None),
        incoming=_greatest(row["incoming"], at if incoming else None),
        last=max(row["last"], message),
        files=int(row["files"] or files),
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _greatest(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def write(connection: Connection, account_id: int, rows: Rows) -> None:
    """Insert everything, parents first."""
    _number_tickets(connection, account_id, rows.tickets)
    tables: tuple[tuple[Table, list[Row]], ...] = (
        (contact, rows.contacts),
        (contact_address, rows.contact_addresses),
        (ticket, rows.tickets),
        (ticket_mailbox, rows.ticket_mailboxes),
        (participant, rows.participants),
        (message, rows.messages),
        (message_reference, rows.references),
        (raw, rows.raws),
        (intake, rows.intakes),
    )

    for table, values in tables:
        insert_rows(connection, table, values)
    if rows.index:
        add_to_index(connection, rows.index)
    if rows.touched:
        connection.execute(
            _TOUCH, [{"account": account_id, "ticket": t, **row} for t, row in rows.touched.items()]
        )


def _number_tickets(connection: Connection, account_id: int, tickets: list[Row]) -> None:
    if tickets:
        first = take_numbers(connection, account_id, len(tickets))
        for index, row in enumerate(tickets):
            row["number"] = first + index


def flood_ticket(
    connection: Connection, account_id: int, *, mailbox: int, contact: int | None, since: int
) -> int | None:
    """The open ticket that collects what this sender sent over their cap since then, if there is one."""
    statement = (
        select(ticket.c.id)
        .where(
            ticket.c.account_id == account_id,
            ticket.c.contact_id == contact if contact is not None else ticket.c.contact_id.is_(None),
            ticket.c.mailbox_id == mailbox,
            ticket.c.flood == 1,
            ticket.c.state.in_((TicketState.OPEN, TicketState.SPAM)),
            ticket.c.created_at >= since,
        )
        .order_by(ticket.c.id.desc())
        .limit(1)
    )
    found: int | None = connection.execute(statement).scalar_one_or_none()

    return found


def messages_by_id(connection: Connection, account_id: int, ids: Iterable[int]) -> Mapping[int, Any]:
    """Whole message rows by id; ids of other accounts are absent."""
    statement = select(message).where(message.c.account_id == account_id, message.c.id.in_(list(ids)))
    return {row.id: row for row in connection.execute(statement)}

"""Everything that is stored about a person, or in an account, table by table in pages: what an export reads.

Driven by the catalogue: a row's columns are all that ``columns_of`` gives, with what they mean. What never
leaves: keyed hashes, sealed and compressed values (the raw mail goes out as it was received, by
``raws.read``), passwords; and in a person's export who of the staff did something, and what a decision
quotes, since that can be another's words. A table that holds personal data and is in neither ``OF_PERSON``
nor ``NOT_OF_PERSON`` fails a test.

Functions take a connection and change nothing; each call is one page, so that no snapshot is held for long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, LargeBinary, Table, and_, or_, select, tuple_

from storage.schema import (
    access_grant,
    api_token,
    consent,
    contact,
    contact_address,
    draft,
    hold,
    intake,
    journal,
    ledger,
    mark,
    message,
    metadata,
    note,
    outbox,
    participant,
    privacy_request,
    second_factor,
    sender_rule,
    session,
    ticket,
    ticket_seen,
    ticket_watcher,
    user,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedPerson:
    """Whose data it is: every contact of the person, and every address known to be theirs (lower case)."""

    account_id: int
    contact_ids: tuple[int, ...]
    addresses: tuple[str, ...]


Mine = Callable[[ExportedPerson], ColumnElement[bool]]

STAFF = frozenset(
    {"user_id", "assignee_id", "responsible_id", "actor"}
)  # columns that tell of somebody else than the person
QUOTES = frozenset({"thread_evidence", "verdict_evidence"})  # what a decision quotes can be another's words


def _sent_to(person: ExportedPerson) -> ColumnElement[bool]:
    to_him = (outbox.c.account_id == person.account_id, outbox.c.recipient.in_(person.addresses))
    return message.c.id.in_(select(outbox.c.message_id).where(*to_him))


def _written_by(person: ExportedPerson, message_id: Column[Any]) -> ColumnElement[bool]:
    own = (message.c.account_id == person.account_id, message.c.contact_id.in_(person.contact_ids))
    return message_id.in_(select(message.c.id).where(*own))


OF_PERSON: Mapping[Table, Mine] = {
    contact: lambda person: contact.c.id.in_(person.contact_ids),
    contact_address: lambda person: contact_address.c.contact_id.in_(person.contact_ids),
    consent: lambda person: consent.c.contact_id.in_(person.contact_ids),
    ticket: lambda person: ticket.c.contact_id.in_(person.contact_ids),
    participant: lambda person: participant.c.address.in_(person.addresses),
    message: lambda person: or_(message.c.contact_id.in_(person.contact_ids), _sent_to(person)),
    intake: lambda person: or_(
        intake.c.mail_from.in_(person.addresses), _written_by(person, intake.c.message_id)
    ),
    outbox: lambda person: outbox.c.recipient.in_(person.addresses),
    note: lambda person: note.c.ticket_id.in_(
        select(ticket.c.id).where(
            ticket.c.account_id == person.account_id, ticket.c.contact_id.in_(person.contact_ids)
        )
    ),
    draft: lambda person: draft.c.ticket_id.in_(
        select(ticket.c.id).where(
            ticket.c.account_id == person.account_id, ticket.c.contact_id.in_(person.contact_ids)
        )
    ),
    ledger: lambda person: ledger.c.contact_id.in_(person.contact_ids),
    mark: lambda person: _written_by(person, mark.c.message_id),
    privacy_request: lambda person: privacy_request.c.address.in_(person.addresses),
    sender_rule: lambda person: sender_rule.c.pattern.in_(person.addresses),
    hold: lambda person: and_(hold.c.kind == "contact", hold.c.object_id.in_(person.contact_ids)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedUser:
    """Which user's data it is, and how the journal names them."""

    account_id: int
    user_id: int

    @property
    def actor(self) -> str:
        return f"user:{self.user_id}"


OF_USER: Mapping[Table, Callable[[ExportedUser], ColumnElement[bool]]] = {
    user: lambda who: user.c.id == who.user_id,
    second_factor: lambda who: second_factor.c.user_id == who.user_id,
    session: lambda who: session.c.user_id == who.user_id,
    api_token: lambda who: api_token.c.user_id == who.user_id,
    ticket: lambda who: ticket.c.assignee_id == who.user_id,
    message: lambda who: message.c.user_id == who.user_id,
    note: lambda who: note.c.user_id == who.user_id,
    mark: lambda who: and_(mark.c.user_id == who.user_id, mark.c.source != "imap"),
    ticket_seen: lambda who: ticket_seen.c.user_id == who.user_id,
    ticket_watcher: lambda who: ticket_watcher.c.user_id == who.user_id,
    access_grant: lambda who: access_grant.c.user_id == who.user_id,
    journal: lambda who: journal.c.actor == who.actor,
}
OTHERS_WORDS = (
    "name",
    "email",
    "address",
    "content",
    "ip",
)  # what a table besides their own login says of others
OWN_TABLES = frozenset({"user", "second_factor", "session", "api_token"})
NOT_OF_PERSON = {  # tables with personal data that is never a contact's, and why
    "access_grant": "why an operator was let in, in the words of the staff",
    "account": "the tenant's own name",
    "allow_list": "networks of the staff",
    "api_token": "of a user",
    "breach": "what happened to many, in the words of the staff",
    "erasure": "exists only while the person is being erased",
    "idempotency": "answers to the staff's requests, kept for a day",
    "imap_source": "the tenant's login at its provider",
    "link": "of a user",
    "letter_rate": "hashed, and gone within a day",
    "login_attempt": "of a user, hashed",
    "oauth_grant": "the tenant's consent at its provider",
    "mark_request": "what a mailbox or a user is about to say of a message, gone in a month",
    "person_key": "a key",
    "raw": "goes out as messages/ID.eml",
    "recovery_code": "of a user",
    "redaction": "what others' messages lost of somebody else",
    "refusal": "counts by peer address: nobody's address is known before the end of DATA",
    "rule": "words of the staff about tickets that come",
    "second_factor": "of a user",
    "session": "of a user",
    "tag": "words of the staff for their tickets",
    "ticket_seen": "of a user",
    "user": "of the staff",
}
NOT_OF_ACCOUNT = {  # tables of an account that its export leaves out, and why
    "billing_event": "digests against replay",
    "erasure": "sealed, and gone when it is done",
    "idempotency": "answers kept for a day",
    "imap_copy": "UIDs at the provider, derived from its folders",
    "imap_todo": "work in progress",
    "ledger_head": "derived",
    "link": "credentials",
    "login_attempt": "hashed",
    "message_reference": "keyed hashes, derived from the mail",
    "mark_request": "work in progress",
    "oauth_grant": "credentials",
    "person_key": "keys",
    "person_tombstone": "keyed hashes",
    "raw": "goes out as messages/ID.eml",
    "raw_pending": "work in progress",
    "recovery_code": "credentials",
    "redaction": "changes to mail that goes out as it is",
    "rule_set": "when nodes read rules again",
    "second_factor": "credentials",
    "session": "credentials",
    "tombstone": "keyed hashes",
}


def tables_of_account() -> Sequence[Table]:
    """What an account's export holds: every table with an account, but those left out for a reason, and the account."""
    named = [table for table in metadata.sorted_tables if "account_id" in table.c or table.name == "account"]
    return [table for table in named if table.name not in NOT_OF_ACCOUNT]


def columns_of(table: Table, *, person: bool) -> Sequence[Column[Any]]:
    """The columns of a table that go out, in order."""
    hidden = STAFF | QUOTES if person else frozenset()
    return [
        column
        for column in table.columns
        if not isinstance(column.type, LargeBinary)
        and column.info["personal"] != "credential"
        and column.name not in hidden
    ]


def page_of_person(
    connection: Connection, table: Table, person: ExportedPerson, *, after: Sequence[Any] | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Rows of one table that are the person's, behind the key ``after``, by key."""
    mine = and_(table.c.account_id == person.account_id, OF_PERSON[table](person))
    return _page(connection, table, columns_of(table, person=True), mine, after, limit)


def columns_of_user(table: Table) -> Sequence[Column[Any]]:
    """What of a table goes out to a user: all of their login, and of their work when and what, not whose and what about."""
    columns = columns_of(table, person=False)
    if table.name in OWN_TABLES:
        return columns
    return [column for column in columns if column.info["personal"] not in OTHERS_WORDS]


def page_of_user(
    connection: Connection, table: Table, who: ExportedUser, *, after: Sequence[Any] | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Rows of one table that are of a user's login or work, behind the key ``after``, by key."""
    mine = and_(table.c.account_id == who.account_id, OF_USER[table](who))
    return _page(connection, table, columns_of_user(table), mine, after, limit)


def page_of_account(
    connection: Connection, table: Table, account_id: int, *, after: Sequence[Any] | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    """Rows of one table that are the account's, behind the key ``after``, by key."""
    own = table.c.id if table.name == "account" else table.c.account_id
    return _page(connection, table, columns_of(table, person=False), own == account_id, after, limit)


def key_of(table: Table, row: Mapping[str, Any]) -> Sequence[Any]:
    """What to give as ``after`` for the page behind this row."""
    return [row[f"key {column.name}"] for column in table.primary_key.columns]


def _page(
    connection: Connection,
    table: Table,
    columns: Sequence[Column[Any]],
    mine: ColumnElement[bool],
    after: Sequence[Any] | None,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    key = list(table.primary_key.columns)
    named = [column.label(f"key {column.name}") for column in key]
    query = select(*columns, *named).where(mine).order_by(*key).limit(limit)
    if after is not None:
        query = query.where(tuple_(*key) > tuple_(*after))
    return [dict(row) for row in connection.execute(query).mappings()]

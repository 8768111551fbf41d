"""Tickets, and who and what belongs to them beside the messages."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from storage.catalogue import account_id, column, instant, metadata, reference, word

ticket = Table(
    "ticket",
    metadata,
    account_id(),
    reference("id", "the ticket"),
    column("number", BigInteger, "number people see, counted per account", unit="ticket number"),
    reference("mailbox_id", "the mailbox it came in by (of several, the first)"),
    reference("contact_id", "the requester", null="nobody: the mail named no sender"),
    column("subject", Text, "subject of its first message", personal="content"),
    word(
        "state", "open, closed, spam, trash, merged, or purging: it is going for good, a few messages a turn"
    ),
    word("state_before", "state to restore from trash or a merge", null="not in trash nor merged"),
    reference("assignee_id", "the user who owns it", null="nobody"),
    reference("merged_into", "the ticket this one was merged into", null="not merged"),
    reference("may_belong_to", "ticket a forged reply pointed at", null="none"),
    column("flood", SmallInteger, "1 when it collects what a sender sent over their cap", unit="0 or 1"),
    column("message_count", Integer, "messages in it, notes not counted", unit="messages"),
    word("verdict", "spam, ham or unsure: of its first message, or set by hand"),
    column("probability", Float, "of spam, of its first message", null="not scored", unit="0..1"),
    instant("created_at", "when its first message arrived", personal="time"),
    instant("updated_at", "when something last happened to it"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("ticket_by_number", "account_id", "number", unique=True),
    Index("ticket_by_state", "account_id", "state", "id"),
    Index("ticket_of_contact", "account_id", "contact_id"),
    Index(
        "ticket_of_assignee",
        "account_id",
        "assignee_id",
        sqlite_where=text("assignee_id IS NOT NULL"),
        postgresql_where=text("assignee_id IS NOT NULL"),
    ),
    Index(
        "ticket_merged_into",
        "account_id",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

ticket_mailbox = Table(
    "ticket_mailbox",
    metadata,
    account_id(),
    reference("ticket_id", "a ticket"),
    reference("mailbox_id", "a further mailbox it is shown in"),
    PrimaryKeyConstraint("account_id", "ticket_id", "mailbox_id"),
    Index("ticket_mailbox_by_mailbox", "account_id", "mailbox_id"),
    sqlite_with_rowid=False,
)

participant = Table(
    "participant",
    metadata,
    account_id(),
    reference("ticket_id", "a ticket"),
    column(
        "address", Text, "address, lower case, that may write into it besides the requester", personal="email"
    ),
    word(
        "role",
        "cc, merged or guest: may write; takes part in a ticket merged into this one, and may; came by a valid reply"
        " address of someone else, not yet agreed to",
    ),
    PrimaryKeyConstraint("account_id", "ticket_id", "address"),
    sqlite_with_rowid=False,
)

note = Table(
    "note",
    metadata,
    account_id(),
    reference("id", "the internal note"),
    reference("ticket_id", "the ticket it is written on"),
    reference("user_id", "who wrote it"),
    instant("created_at", "when"),
    instant("deleted_at", "when it was taken back", null="in force"),
    column("text", Text, "what it says", personal="content"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("note_of_ticket", "account_id", "ticket_id"),
)

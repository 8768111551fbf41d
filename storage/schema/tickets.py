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
        "state",
        "open, pending, snoozed, closed, spam, trash, merged, or purging: it is going for good, a few messages a turn",
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
    instant(
        "waiting_since",
        "when the oldest of a person's mails came that still waits for an answer (message.awaits)",
        null="nobody waits",
        personal="time",
    ),
    instant("last_activity_at", "when its newest message came or was sent", personal="time"),
    instant("last_incoming_at", "when its newest mail came in", null="none did", personal="time"),
    reference("last_message_id", "its newest message, whose beginning lists show", null="it has none"),
    column("attachments", SmallInteger, "1 when a message of it has files", unit="0 or 1"),
    column("priority", SmallInteger, "-1 low, 0 normal, 1 high, 2 urgent", unit="rank"),
    reference("responsible_id", "the user who answers for it being done", null="nobody"),
    instant("snoozed_until", "when it opens by itself, if it is snoozed then", null="not put off"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("ticket_by_number", "account_id", "number", unique=True),
    Index("ticket_by_state", "account_id", "state", "id"),
    Index("ticket_by_state_and_number", "account_id", "state", "number"),
    Index("ticket_by_activity", "account_id", "state", "last_activity_at", "id"),
    Index("ticket_by_verdict", "account_id", "verdict", "state", "last_activity_at", "id"),
    Index("ticket_of_mailbox", "account_id", "mailbox_id", "state", "last_activity_at", "id"),
    Index("ticket_of_contact", "account_id", "contact_id"),
    Index(
        "ticket_by_change",
        "account_id",
        "state",
        "updated_at",
        sqlite_where=text("state IN ('open', 'pending')"),
        postgresql_where=text("state IN ('open', 'pending')"),
    ),
    Index("ticket_by_priority", "account_id", "state", "priority", "id"),
    Index(
        "ticket_of_responsible",
        "account_id",
        "responsible_id",
        "state",
        "last_activity_at",
        "id",
        sqlite_where=text("responsible_id IS NOT NULL"),
        postgresql_where=text("responsible_id IS NOT NULL"),
    ),
    Index(
        "ticket_snoozed",
        "account_id",
        "snoozed_until",
        sqlite_where=text("snoozed_until IS NOT NULL"),
        postgresql_where=text("snoozed_until IS NOT NULL"),
    ),
    Index(
        "ticket_waiting",
        "account_id",
        "waiting_since",
        "id",
        sqlite_where=text("waiting_since IS NOT NULL"),
        postgresql_where=text("waiting_since IS NOT NULL"),
    ),
    Index(
        "ticket_of_assignee",
        "account_id",
        "assignee_id",
        "state",
        "last_activity_at",
        "id",
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

ticket_seen = Table(
    "ticket_seen",
    metadata,
    account_id(),
    reference("user_id", "a user"),
    reference("ticket_id", "a ticket they looked at"),
    instant("seen_at", "up to when its mail is seen; 0: marked as not seen", personal="behaviour"),
    PrimaryKeyConstraint("account_id", "user_id", "ticket_id"),
    Index("ticket_seen_of_ticket", "account_id", "ticket_id"),
    sqlite_with_rowid=False,
)

tag = Table(
    "tag",
    metadata,
    account_id(),
    reference("id", "a tag of the account", retention="account"),
    column("name", Text, "as it is written: lower case, no spaces", personal="content", retention="account"),
    instant("created_at", "when it was first put on a ticket", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("tag_by_name", "account_id", "name", unique=True),
)

ticket_tag = Table(
    "ticket_tag",
    metadata,
    account_id(),
    reference("tag_id", "a tag"),
    reference("ticket_id", "a ticket that has it"),
    PrimaryKeyConstraint("account_id", "tag_id", "ticket_id"),
    Index("ticket_tag_of_ticket", "account_id", "ticket_id"),
    sqlite_with_rowid=False,
)

ticket_watcher = Table(
    "ticket_watcher",
    metadata,
    account_id(),
    reference("user_id", "a user who wants to know of it"),
    reference("ticket_id", "a ticket"),
    PrimaryKeyConstraint("account_id", "user_id", "ticket_id"),
    Index("ticket_watcher_of_ticket", "account_id", "ticket_id"),
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

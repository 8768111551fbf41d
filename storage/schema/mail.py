"""Messages as received and sent: their values, raw bytes, ids, deliveries in and deliveries out."""

from __future__ import annotations

from sqlalchemy import (
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from storage.catalogue import account_id, column, instant, metadata, reference, word

message = Table(
    "message",
    metadata,
    account_id(),
    reference("id", "the message; one sequence over all accounts"),
    reference("ticket_id", "the ticket it is part of"),
    reference("mailbox_id", "the mailbox it came to or was sent from"),
    reference("contact_id", "who wrote it", null="a user, or nobody named"),
    reference("user_id", "which user wrote it", null="a contact"),
    word("direction", "in or out"),
    word("source", "smtp, lmtp, imap, pipe, import or reply"),
    column("identity", LargeBinary, "keyed digest: two messages with the same are one", unit="16 bytes"),
    column("message_id", Text, "its Message-ID without < >, '' when absent", personal="content"),
    column("from_address", Text, "address in From as written, '' when absent", personal="email"),
    column("from_name", Text, "name in From, '' when absent", personal="name"),
    column("subject", Text, "decoded subject", personal="content"),
    instant("sent_at", "its Date", null="absent or unreadable", personal="time"),
    instant("received_at", "when we took it", personal="time"),
    column("size_bytes", Integer, "length of the raw message", unit="bytes"),
    word("verdict", "spam, ham or unsure: when it was scored or labelled"),
    column("probability", Float, "of spam when it arrived", null="not scored", unit="0..1"),
    column("log_odds", Float, "score when it arrived", null="not scored", unit="log-odds"),
    word(
        "verdict_reason",
        "allow-list, deny-list, allow-list-unproven, or label when it was one and its row is gone by age",
        null="the score decided",
    ),
    column(
        "verdict_evidence",
        Text,
        "the rule that decided when it arrived",
        null="none did",
        personal="email",
        unit=None,
    ),
    word("thread_reason", "why it is in this ticket"),
    column("thread_evidence", Text, "what the reason rests on, for people", personal="content"),
    word("automatic", "kind of automatic mail, '' for a person's"),
    column("authentication", Text, "results as RFC 8601 words, '' when not known"),
    column("flags", Text, "space-separated faults found and bounds hit while reading"),
    column("unreadable", SmallInteger, "1 when reading it failed: filed raw, can be retried", unit="0 or 1"),
    instant("redacted_at", "when a person was erased from it", null="as received"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("message_by_identity", "account_id", "identity", unique=True),
    Index("message_of_ticket", "account_id", "ticket_id", "id"),
    Index("message_of_contact", "account_id", "contact_id"),
    Index(
        "message_unreadable",
        "account_id",
        "id",
        sqlite_where=text("unreadable = 1"),
        postgresql_where=text("unreadable = 1"),
    ),
)

message_reference = Table(
    "message_reference",
    metadata,
    account_id(),
    column("id_hash", LargeBinary, "keyed hash of a Message-ID seen or sent in the account", unit="16 bytes"),
    reference("message_id", "the message that bore it"),
    reference("ticket_id", "the ticket it leads to; kept when the message goes to trash"),
    PrimaryKeyConstraint("account_id", "id_hash", "message_id"),
    Index("message_reference_of", "account_id", "message_id"),
    sqlite_with_rowid=False,
)

raw = Table(
    "raw",
    metadata,
    account_id(),
    reference("message_id", "the message", retention="message"),
    column(
        "slice", Integer, "0, 1, ...: the slices joined are one zstd frame", unit="index", retention="message"
    ),
    column(
        "data",
        LargeBinary,
        "at most 1 MiB of the frame",
        personal="content",
        unit="bytes",
        retention="message",
    ),
    PrimaryKeyConstraint("account_id", "message_id", "slice"),
)

raw_pending = Table(
    "raw_pending",
    metadata,
    account_id(),
    reference("message_id", "a large message whose slices are written ahead of it", retention="operation"),
    instant("stored_at", "when; the slices are swept if the message does not follow", retention="operation"),
    PrimaryKeyConstraint("account_id", "message_id"),
)

intake = Table(
    "intake",
    metadata,
    account_id(),
    reference("id", "the delivery: message x recipient x door", retention="log"),
    word("source", "smtp, lmtp, imap, pipe or import: the door", retention="log"),
    instant("received_at", "when it was taken", personal="time", retention="log"),
    column("mail_from", Text, "reverse path", null="the null sender", personal="email", retention="log"),
    column("recipient", Text, "forward path as given", personal="email", retention="log"),
    reference("mailbox_id", "the mailbox it leads to", retention="log"),
    column(
        "peer", Text, "address of the client; user:N who handed it to the API", personal="ip", retention="log"
    ),
    column("helo", Text, "what the client called itself", personal="address", retention="log"),
    column("tls", SmallInteger, "1 when it came over TLS", unit="0 or 1", retention="log"),
    word("fate", "filed, duplicate, erased, quarantined, rejected, feedback or request", retention="log"),
    word("reason", "why that fate", retention="log"),
    reference("message_id", "the stored message", null="none is stored", retention="log"),
    reference("ticket_id", "the ticket it was filed in", null="none", retention="log"),
    column("size_bytes", Integer, "length of the raw message", unit="bytes", retention="log"),
    column(
        "trace",
        Text,
        "a duplicate's own trace headers",
        null="no duplicate",
        personal="content",
        retention="log",
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index("intake_of_message", "account_id", "message_id"),
    Index("intake_of_ticket", "account_id", "ticket_id"),
)

outbox = Table(
    "outbox",
    metadata,
    account_id(),
    reference("id", "one message or letter to one recipient"),
    reference("message_id", "the stored message to send", null="a letter is sent: mailhub itself wrote it"),
    reference("ticket_id", "the ticket it belongs to", null="a letter, of no ticket"),
    word("kind", "reply, auto-reply, or what the letter is about (mailhub.outbound.letters)"),
    column("mail_from", Text, "reverse path to send with", null="the null sender"),
    column("recipient", Text, "forward path", personal="email"),
    word("state", "queued, sent, failed or expired"),
    word("reason", "why the gate let it pass or the relay gave up"),
    column("attempts", Integer, "times tried", unit="tries"),
    instant("created_at", "when it was queued"),
    instant("next_attempt_at", "not tried before"),
    instant("not_after", "not sent later than this"),
    instant("done_at", "when it left or was given up", null="queued"),
    column("reply", Text, "what the relay said last: code and enhanced status, no text", null="not tried"),
    column(
        "letter",
        LargeBinary,
        "the letter's bytes, sealed: they can hold a link that opens something",
        null="a message is sent, or the letter has left or was given up",
        personal="content",
        unit="bytes",
        retention="operation",
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index("outbox_of_message", "account_id", "message_id"),
    Index(
        "outbox_due",
        "account_id",
        "next_attempt_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "outbox_letters",
        "account_id",
        "done_at",
        sqlite_where=text("message_id IS NULL"),
        postgresql_where=text("message_id IS NULL"),
    ),
    Index("outbox_of_recipient", "account_id", "recipient", "created_at"),
)

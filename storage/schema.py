"""Every table and column of mailhub, with the catalogue of what each column means.

Job: say what is stored. Each column is made by ``catalogue.column``, which records its meaning, its unit, what NULL
means, whether it is personal data (and of which category) and how long it is kept.

Rules (DESIGN.md, "Data"): every tenant's table begins with ``account_id``, and so does every key and index on it.
``DIRECTORY_TABLES`` (they find the account) and ``OPERATOR_TABLES`` are the exceptions, listed here and nowhere else.
Instants are integer microseconds since the Unix epoch, UTC. Words (states, fates, reasons) are stored as they are.
The full-text index is no table of this file: its DDL differs by engine and lives in ``migrations/``.

Not here: queries (one file per noun), DDL changes (``migrations/``).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    text,
)

from .catalogue import account_id, column, instant, reference, word

metadata = MetaData()

FIRST_ID = 1_000_000_000  # ids begin where no account's ticket numbers come: 1017 is a number, 1000001017 an id

# --- the operator's own tables -------------------------------------------------------------------------------------

id_block = Table(
    "id_block",
    metadata,
    word("name", "what the ids are for; one row: 'id'", retention="operation"),
    column("next_id", BigInteger, "first id no node has taken yet", unit="id", retention="operation"),
    PrimaryKeyConstraint("name"),
)

refusal = Table(
    "refusal",
    metadata,
    instant("hour", "start of the hour counted", retention="log"),
    column("peer", Text, "address of the client, '' where it has none", personal="ip", retention="log"),
    word("reason", "why it was refused before the end of DATA", retention="log"),
    column("count", Integer, "refusals of this peer, hour and reason", unit="refusals", retention="log"),
    PrimaryKeyConstraint("hour", "peer", "reason"),
)

key_check = Table(
    "key_check",
    metadata,
    word("name", "which key; one row: 'root'", retention="operation"),
    column(
        "digest",
        LargeBinary,
        "derived from the root key: tells a wrong one, reveals nothing of it",
        unit="32 bytes",
        retention="operation",
    ),
    PrimaryKeyConstraint("name"),
)

account = Table(
    "account",
    metadata,
    reference("id", "the tenant", retention="account"),
    column("name", Text, "what the tenant is called", personal="name", retention="account"),
    word("stage", "trial, active, suspended, terminated, deleted or purged", retention="account"),
    word("billing", "none or external", retention="account"),
    instant("created_at", "when the account was made", retention="account"),
    instant("stage_entered_at", "when the present stage was really entered", retention="account"),
    column("next_ticket_number", BigInteger, "number the next ticket gets", unit="ticket number", retention="account"),
    PrimaryKeyConstraint("id"),
)

# --- the directory: what finds an account ---------------------------------------------------------------------------

address = Table(
    "address",
    metadata,
    column("address", Text, "served address, lower case, no plus part; '@domain' is a catch-all", retention="account"),
    reference("account_id", "the tenant it leads to", retention="account"),
    reference("mailbox_id", "the mailbox it leads to", retention="account"),
    PrimaryKeyConstraint("address"),
)

api_token = Table(
    "api_token",
    metadata,
    column("hash", LargeBinary, "SHA-256 of the token", personal="credential", unit="32 bytes", retention="account"),
    reference("id", "names the token without revealing it", retention="account"),
    reference("account_id", "the tenant it opens", retention="account"),
    reference("user_id", "the user it acts as", retention="account"),
    column("name", Text, "what its owner calls it", retention="account"),
    column("scopes", Text, "space-separated scopes it is limited to; '' is all its user may", retention="account"),
    instant("created_at", "when it was made", retention="account"),
    instant("expires_at", "when it ends", null="never", retention="account"),
    instant(
        "last_used_at", "when it last opened the door", null="never used", personal="behaviour", retention="account"
    ),
    instant("revoked_at", "when it was revoked", null="in force", retention="account"),
    PrimaryKeyConstraint("hash"),
    Index("api_token_of_account", "account_id", "id", unique=True),
)

# --- people and mailboxes of an account -----------------------------------------------------------------------------

user = Table(
    "user",
    metadata,
    account_id(),
    reference("id", "the user", retention="account"),
    column("email", Text, "login name, lower case", personal="email", retention="account"),
    column("name", Text, "shown name", personal="name", retention="account"),
    word("role", "owner, admin or agent", retention="account"),
    column("password_hash", Text, "argon2id", null="cannot log in", personal="credential", retention="account"),
    column("uid", BigInteger, "system user mapped on the admin socket", null="none", unit="uid", retention="account"),
    instant("created_at", "when the user was made", retention="account"),
    instant("deleted_at", "when the user was deleted", null="active", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("user_by_email", "account_id", "email", unique=True),
)

mailbox = Table(
    "mailbox",
    metadata,
    account_id(),
    reference("id", "the mailbox", retention="account"),
    column("address", Text, "its support address, lower case", retention="account"),
    column("name", Text, "shown in From of replies", retention="account"),
    word("on_reply_to_closed", "reopen or new-ticket", retention="account"),
    instant("created_at", "when it was made", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("mailbox_by_address", "account_id", "address", unique=True),
)

contact = Table(
    "contact",
    metadata,
    account_id(),
    reference("id", "the person who writes to us"),
    column("name", Text, "name last seen with the address", personal="name"),
    instant("created_at", "when the person first wrote", personal="time"),
    PrimaryKeyConstraint("account_id", "id"),
)

contact_address = Table(
    "contact_address",
    metadata,
    account_id(),
    column("address", Text, "an address of the contact, lower case", personal="email"),
    reference("contact_id", "whose address it is"),
    PrimaryKeyConstraint("account_id", "address"),
    Index("contact_address_of", "account_id", "contact_id"),
    sqlite_with_rowid=False,
)

# --- tickets and messages -------------------------------------------------------------------------------------------

ticket = Table(
    "ticket",
    metadata,
    account_id(),
    reference("id", "the ticket"),
    column("number", BigInteger, "number people see, counted per account", unit="ticket number"),
    reference("mailbox_id", "the mailbox it came in by (of several, the first)"),
    reference("contact_id", "the requester", null="nobody: the mail named no sender"),
    column("subject", Text, "subject of its first message", personal="content"),
    word("state", "open, closed, spam, trash or merged"),
    word("state_before", "state to restore from trash or a merge", null="not in trash nor merged"),
    reference("assignee_id", "the user who owns it", null="nobody"),
    reference("merged_into", "the ticket this one was merged into", null="not merged"),
    reference("may_belong_to", "ticket a forged reply pointed at", null="none"),
    column("flood", SmallInteger, "1 when it collects what a sender sent over his cap", unit="0 or 1"),
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
    column("address", Text, "address, lower case, that may write into it besides the requester", personal="email"),
    word(
        "role",
        "cc, agent, merged: takes part in a ticket merged into this one, or guest: came by a valid reply address of"
        " someone else, not yet agreed to",
    ),
    PrimaryKeyConstraint("account_id", "ticket_id", "address"),
    sqlite_with_rowid=False,
)

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
    word("verdict", "spam, ham or unsure, when it was scored or labelled"),
    column("probability", Float, "of spam when it arrived", null="not scored", unit="0..1"),
    column("log_odds", Float, "score when it arrived", null="not scored", unit="log-odds"),
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
    column("slice", Integer, "0, 1, ...: the slices joined are one zstd frame", unit="index", retention="message"),
    column("data", LargeBinary, "at most 1 MiB of the frame", personal="content", unit="bytes", retention="message"),
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
    word("source", "the door: smtp, lmtp, imap, pipe or import", retention="log"),
    instant("received_at", "when it was taken", personal="time", retention="log"),
    column("mail_from", Text, "reverse path", null="the null sender", personal="email", retention="log"),
    column("recipient", Text, "forward path as given", personal="email", retention="log"),
    reference("mailbox_id", "the mailbox it leads to", retention="log"),
    column("peer", Text, "address of the client", personal="ip", retention="log"),
    column("helo", Text, "what the client called itself", personal="address", retention="log"),
    column("tls", SmallInteger, "1 when it came over TLS", unit="0 or 1", retention="log"),
    word("fate", "filed, duplicate, erased, quarantined or rejected", retention="log"),
    word("reason", "why that fate", retention="log"),
    reference("message_id", "the stored message", null="none is stored", retention="log"),
    reference("ticket_id", "the ticket it was filed in", null="none", retention="log"),
    column("size_bytes", Integer, "length of the raw message", unit="bytes", retention="log"),
    column("trace", Text, "a duplicate's own trace headers", null="no duplicate", personal="content", retention="log"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("intake_of_message", "account_id", "message_id"),
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

outbox = Table(
    "outbox",
    metadata,
    account_id(),
    reference("id", "one message to one recipient"),
    reference("message_id", "the stored message to send"),
    reference("ticket_id", "the ticket it belongs to"),
    word("kind", "reply or auto-reply"),
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
    PrimaryKeyConstraint("account_id", "id"),
    Index("outbox_of_message", "account_id", "message_id"),
    Index(
        "outbox_due",
        "account_id",
        "next_attempt_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index("outbox_of_recipient", "account_id", "recipient", "created_at"),
)

# --- the filter and the journal -------------------------------------------------------------------------------------

ledger = Table(
    "ledger",
    metadata,
    account_id(),
    column("sequence", BigInteger, "order in which labels were given", unit="count", retention="ledger"),
    reference("message_id", "the labelled message; one label in force each", retention="ledger"),
    reference("contact_id", "who wrote it, so that an erasure finds the row", null="nobody named", retention="ledger"),
    word("label", "spam or ham", retention="ledger"),
    reference("user_id", "who gave it", retention="ledger"),
    instant("given_at", "when", retention="ledger"),
    column("features_version", Integer, "version of the tokeniser", unit="version", retention="ledger"),
    column("features", LargeBinary, "the message's features", personal="content", unit="encoded", retention="ledger"),
    column("stamp", BigInteger, "random number of the change that wrote the row", unit="stamp", retention="ledger"),
    PrimaryKeyConstraint("account_id", "sequence"),
    Index("ledger_by_message", "account_id", "message_id", unique=True),
    Index("ledger_of_user", "account_id", "user_id"),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    account_id(),
    column("next_sequence", BigInteger, "what the next mark gets; used once", unit="count", retention="account"),
    column("stamp", BigInteger, "random number of the last change to the ledger", unit="stamp", retention="account"),
    column("rewritten", BigInteger, "stamp of the last change that was no append", unit="stamp", retention="account"),
    PrimaryKeyConstraint("account_id"),
)

mark = Table(
    "mark",
    metadata,
    account_id(),
    column("sequence", BigInteger, "order in which labels were given", unit="count", retention="ledger"),
    reference("message_id", "the message it is about", retention="ledger"),
    word("label", "spam, ham, or none: the label was taken back", retention="ledger"),
    reference("user_id", "who gave it", retention="ledger"),
    instant("given_at", "when", personal="behaviour", retention="ledger"),
    instant("revoked_at", "when it was revoked", null="it counts", retention="ledger"),
    word("verdict_before", "the message's verdict before anyone labelled it", retention="ledger"),
    PrimaryKeyConstraint("account_id", "sequence"),
    Index("mark_of_message", "account_id", "message_id", "sequence"),
    Index("mark_of_user", "account_id", "user_id", "given_at"),
)

journal = Table(
    "journal",
    metadata,
    account_id(),
    column("node", Integer, "which node wrote it", unit="node", retention="account"),
    column("sequence", BigInteger, "1, 2, ... within account and node", unit="count", retention="account"),
    instant("at", "when the act was committed", retention="account"),
    word("actor", "user:ID or operator:UID or system", retention="account"),
    word("verb", "the act: ticket.assign, spam.mark, ...", retention="account"),
    word("object", "what it was done to: ticket:ID, message:ID, ...", retention="account"),
    column("detail", Text, "JSON of opaque ids and words: enough to undo it", unit="JSON", retention="account"),
    PrimaryKeyConstraint("account_id", "node", "sequence"),
    Index("journal_by_object", "account_id", "object"),
)

OPERATOR_TABLES = frozenset({"id_block", "refusal", "key_check", "account"})
DIRECTORY_TABLES = frozenset({"address", "api_token"})

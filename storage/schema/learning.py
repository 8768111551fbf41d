"""What agents taught the filter: labels in force, every mark given, the ledger's head; and whom they told it about."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference, word

ledger = Table(
    "ledger",
    metadata,
    account_id(),
    column("sequence", BigInteger, "order in which labels were given", unit="count", retention="ledger"),
    reference("message_id", "the labelled message; one label in force each", retention="ledger"),
    reference(
        "contact_id",
        "who wrote it, so that an erasure finds the row",
        null="nobody named",
        retention="ledger",
    ),
    word("label", "spam or ham", retention="ledger"),
    reference("user_id", "who gave it: a user or a mailbox", retention="ledger"),
    instant("given_at", "when", retention="ledger"),
    column("features_version", Integer, "version of the tokeniser", unit="version", retention="ledger"),
    column(
        "features",
        LargeBinary,
        "the message's features",
        personal="content",
        unit="encoded",
        retention="ledger",
    ),
    column(
        "stamp",
        BigInteger,
        "random number of the change that wrote the row",
        unit="stamp",
        retention="ledger",
    ),
    PrimaryKeyConstraint("account_id", "sequence"),
    Index("ledger_by_message", "account_id", "message_id", unique=True),
    Index("ledger_of_user", "account_id", "user_id"),
)

ledger_head = Table(
    "ledger_head",
    metadata,
    account_id(),
    column(
        "next_sequence", BigInteger, "what the next mark gets; used once", unit="count", retention="account"
    ),
    column(
        "stamp",
        BigInteger,
        "random number of the last change to the ledger",
        unit="stamp",
        retention="account",
    ),
    column(
        "rewritten",
        BigInteger,
        "stamp of the last change that was no append",
        unit="stamp",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id"),
)

mark = Table(
    "mark",
    metadata,
    account_id(),
    column("sequence", BigInteger, "order in which labels were given", unit="count", retention="ledger"),
    reference("message_id", "the message it is about", retention="ledger"),
    word("label", "spam, ham, or none: the label was taken back", retention="ledger"),
    reference("user_id", "who gave it: a user, or with the source imap a mailbox", retention="ledger"),
    instant("given_at", "when", personal="behaviour", retention="ledger"),
    instant("revoked_at", "when it was revoked", null="it counts", retention="ledger"),
    word(
        "source",
        "mark: somebody said so; answer: an agent answered it; handled: an agent closed its ticket;"
        " reviewed: an agent saw it where spam lies and left it; imap: moved in a mailbox at a provider;"
        " forward: sent to a feedback address",
        retention="ledger",
    ),
    word("verdict_before", "the message's verdict before anyone labelled it", retention="ledger"),
    PrimaryKeyConstraint("account_id", "sequence"),
    Index("mark_of_message", "account_id", "message_id", "sequence"),
    Index("mark_of_user", "account_id", "user_id", "given_at"),
)

mark_request = Table(
    "mark_request",
    metadata,
    account_id(),
    reference("id", "a mark that is to be given, or suggested to an agent", retention="operation"),
    reference("message_id", "the message it is about", retention="operation"),
    word("label", "spam or ham", retention="operation"),
    reference("giver_id", "who gives it: a user, or with the source imap a mailbox", retention="operation"),
    word("source", "imap, forward or handled", retention="operation"),
    word(
        "state",
        "waiting: it is given when it is due; suggested: an agent is to decide",
        retention="operation",
    ),
    word("reason", "why it is only a suggestion; ''", retention="operation"),
    instant("noticed_at", "when that was noticed", personal="behaviour", retention="operation"),
    instant("due_at", "not given before", retention="operation"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("mark_request_of_message", "account_id", "message_id", "giver_id", unique=True),
    Index("mark_request_due", "account_id", "state", "due_at"),
)

sender_rule = Table(
    "sender_rule",
    metadata,
    account_id(),
    reference("id", "names the rule", retention="account"),
    word("list", "allow or deny", retention="account"),
    column("pattern", Text, "a sender's address, or a domain", personal="email", retention="account"),
    instant("created_at", "when it was made", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("sender_rule_by_pattern", "account_id", "pattern", unique=True),
)

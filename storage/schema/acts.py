"""The append-only record of acts, the signed anchors that name its heads, and who was let in to read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference, word

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
    column(
        "detail", Text, "JSON of opaque ids and words: enough to undo it", unit="JSON", retention="account"
    ),
    column(
        "hash",
        LargeBinary,
        "SHA-256 over the row and the one before it",
        unit="32 bytes",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "node", "sequence"),
    Index("journal_by_object", "account_id", "object"),
    Index("journal_by_time", "account_id", "at", "node", "sequence"),
)

journal_anchor = Table(
    "journal_anchor",
    metadata,
    column(
        "node", Integer, "which node signed it, for the chains it writes", unit="node", retention="operation"
    ),
    column("sequence", BigInteger, "1, 2, ... within the node", unit="count", retention="operation"),
    instant("at", "when it was signed", retention="operation"),
    column(
        "heads",
        Text,
        "JSON: [account, sequence, hash] of each chain that grew",
        unit="JSON",
        retention="operation",
    ),
    column("previous", LargeBinary, "SHA-256 of the anchor before", unit="32 bytes", retention="operation"),
    column("signature", LargeBinary, "Ed25519 over all of the above", unit="64 bytes", retention="operation"),
    PrimaryKeyConstraint("node", "sequence"),
)

access_grant = Table(
    "access_grant",
    metadata,
    account_id(),
    reference("id", "a permission for an operator to read the account's content", retention="account"),
    column("operator_uid", BigInteger, "the operator who may read", unit="uid", retention="account"),
    column("reason", Text, "why, in the words of who gave it", personal="content", retention="account"),
    reference("user_id", "the owner or admin who gave it", retention="account"),
    instant("created_at", "when it was given", retention="account"),
    instant("ends_at", "when it ends by itself", retention="account"),
    instant("revoked_at", "when it was taken back", null="in force until its end", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
)

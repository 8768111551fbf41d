"""The append-only record of acts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, word

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

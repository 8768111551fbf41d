"""Rules of an account: what is done to tickets by themselves, and when a node must read them again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, PrimaryKeyConstraint, SmallInteger, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference

rule = Table(
    "rule",
    metadata,
    account_id(),
    reference("id", "the rule", retention="account"),
    column("position", BigInteger, "rules run in this order", unit="rank", retention="account"),
    column("name", Text, "what people call it", personal="content", retention="account"),
    column("text", Text, "the rule itself, as TOML", personal="content", retention="account"),
    reference("user_id", "who wrote it as it is now", retention="account"),
    column("enabled", SmallInteger, "1 while it runs", unit="0 or 1", retention="account"),
    column(
        "fault",
        Text,
        "why it was switched off, a machine word",
        null="it was not, or was switched on since",
        unit="word",
        retention="account",
    ),
    column("turn", BigInteger, "tickets it gave away by turns", unit="tickets", retention="account"),
    instant(
        "looked_until",
        "up to where tickets were looked at by when something last happened to them",
        null="it does not wait for time to pass",
        retention="account",
    ),
    instant("created_at", "when it was added", retention="account"),
    instant("updated_at", "when its text was last written", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("rule_in_order", "account_id", "position", "id"),
)

rule_set = Table(
    "rule_set",
    metadata,
    account_id(),
    column(
        "version",
        BigInteger,
        "a number by chance, another after each change",
        unit="number",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id"),
    sqlite_with_rowid=False,
)

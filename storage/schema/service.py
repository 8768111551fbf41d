"""What the service keeps for its own work: ids, refusals, the check of the root key, answers to repeated requests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, word

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

idempotency = Table(
    "idempotency",
    metadata,
    account_id(),
    word("actor", "who sent the request: user:ID or operator:UID", retention="log"),
    word("route", "method and pattern of the route", retention="log"),
    column("key", Text, "the client's Idempotency-Key", retention="log"),
    column(
        "request",
        LargeBinary,
        "BLAKE2b of the path, the query and the body",
        unit="32 bytes",
        retention="log",
    ),
    column(
        "answer",
        LargeBinary,
        "status, headers and body of the answer, sealed",
        null="not known: it was lost, is too long, or was forgotten with what it speaks of",
        personal="content",
        unit="bytes",
        retention="log",
    ),
    instant("created_at", "when the act was committed; kept for 24 hours", retention="log"),
    PrimaryKeyConstraint("account_id", "actor", "route", "key"),
    Index("idempotency_by_age", "account_id", "created_at"),
)

clock_mark = Table(
    "clock_mark",
    metadata,
    column("node", Integer, "whose clock", unit="node", retention="operation"),
    instant("seen_at", "the newest instant at which a sweep found it sane", retention="operation"),
    word("state", "sane, or why destructive stages wait: back, ahead or jumped", retention="operation"),
    PrimaryKeyConstraint("node"),
)

letter_rate = Table(
    "letter_rate",
    metadata,
    column(
        "digest",
        LargeBinary,
        "keyed hash of an address and a kind of letter that anybody can ask for; goes within a day",
        personal="email",
        unit="32 bytes",
        retention="log",
    ),
    instant("sent_at", "when such a letter went there last, whatever account wrote it", retention="log"),
    PrimaryKeyConstraint("digest"),
    Index("letter_rate_by_time", "sent_at"),
)

queue_fault = Table(
    "queue_fault",
    metadata,
    account_id(),
    word("queue", "which queue: purges, retention, stages, marks, labels ...", retention="operation"),
    column(
        "item", BigInteger, "which row of that queue failed: its id there", unit="id", retention="operation"
    ),
    column("attempts", Integer, "failed tries in a row", unit="tries", retention="operation"),
    instant("first_at", "when it failed first", retention="operation"),
    instant("next_attempt_at", "not tried before", retention="operation"),
    word("reason", "why, in words of ours, or the id of what the log says", retention="operation"),
    PrimaryKeyConstraint("account_id", "queue", "item"),
)

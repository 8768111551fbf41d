"""The operator's own tables: ids, refusals, the check of the root key. No tenant's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import column, instant, metadata, word

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

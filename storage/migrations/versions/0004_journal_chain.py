"""The journal becomes a chain: every row gets a hash over itself and the one before it. Anchors get a table."""

import hashlib
import json

from alembic import op
from sqlalchemy import text

from storage.migrations import frozen

revision = "0004"
down_revision = "0003"

SELECT = text(
    "SELECT account_id, node, sequence, at, actor, verb, object, detail FROM journal_before"
    " ORDER BY account_id, node, sequence"
)
INSERT = text(
    "INSERT INTO journal (account_id, node, sequence, at, actor, verb, object, detail, hash)"
    " VALUES (:account_id, :node, :sequence, :at, :actor, :verb, :object, :detail, :hash)"
)
STEP = 1_000


def upgrade() -> None:
    frozen.run(revision)
    connection = op.get_bind()
    chain, digest = None, bytes(32)
    rows = connection.execute(SELECT)
    for portion in rows.partitions(STEP):
        hashed = []
        for row in portion:
            if (row.account_id, row.node) != chain:
                chain, digest = (row.account_id, row.node), bytes(32)
            plain = json.dumps(list(row), separators=(",", ":"), ensure_ascii=True)
            digest = hashlib.sha256(digest + plain.encode("ascii")).digest()
            hashed.append({**row._mapping, "hash": digest})
        connection.execute(INSERT, hashed)
    connection.execute(text("DROP TABLE journal_before"))

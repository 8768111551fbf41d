"""What backups need while they live: the keys of those in them, the ledger of backups, the operator's recovery key.

None of it is in a backup: the rolling key file beside the backups carries it (``mailhub.backups.key_file``).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference, word

person_key = Table(
    "person_key",
    metadata,
    account_id(),
    word("holder_kind", "contact, or account for what is nobody's", retention="account"),
    reference("holder_id", "the contact; 0 for the account", retention="account"),
    column(
        "key",
        LargeBinary,
        "sealed key of the holder's part of every backup: without it that part is unreadable",
        personal="credential",
        unit="60 bytes",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "holder_kind", "holder_id"),
)

backup = Table(
    "backup",
    metadata,
    reference("id", "one backup", retention="operation"),
    column("name", Text, "its file name at every target", retention="operation"),
    column(
        "targets",
        Text,
        "JSON: the directories it is written to; once whole, those it lies at",
        unit="JSON",
        retention="operation",
    ),
    column(
        "node", Integer, "which node makes it", null="made before 0022", unit="node", retention="operation"
    ),
    instant(
        "made_at", "when its snapshot was taken; until then when it was asked for", retention="operation"
    ),
    instant("expires_at", "when it is deleted", retention="operation"),
    instant("begun_at", "when its making began", null="waits, or made before 0022", retention="operation"),
    column("rows_done", BigInteger, "rows written", null="not begun", unit="rows", retention="operation"),
    column(
        "rows_total", BigInteger, "rows of its snapshot", null="not begun", unit="rows", retention="operation"
    ),
    column(
        "bytes_done", BigInteger, "bytes of its file", null="not begun", unit="bytes", retention="operation"
    ),
    instant(
        "finished_at",
        "when it was whole at its targets",
        null="not whole yet, or failed",
        retention="operation",
    ),
    instant("failed_at", "when its making failed", null="it did not", retention="operation"),
    column("failure", Text, "what went wrong, with directories", null="nothing did", retention="operation"),
    instant("gone_at", "when it was deleted at every target", null="it is there", retention="operation"),
    column(
        "digest",
        LargeBinary,
        "SHA-256 of the file",
        null="being made",
        unit="32 bytes",
        retention="operation",
    ),
    column("counts", Text, "JSON: rows of each table, and bytes", null="being made", retention="operation"),
    PrimaryKeyConstraint("id"),
)

backup_target = Table(
    "backup_target",
    metadata,
    column("node", Integer, "which node writes there", unit="node", retention="operation"),
    column("path", Text, "a directory that a key file was ever written to", retention="operation"),
    column(
        "owed",
        BigInteger,
        "how often keys were destroyed since it is known",
        unit="times",
        retention="operation",
    ),
    column(
        "written",
        BigInteger,
        "how many of these its key file has followed",
        unit="times",
        retention="operation",
    ),
    instant("lost_at", "when the operator signed it off as lost", null="it is not", retention="operation"),
    column("lost_by", Text, "who signed it off", null="nobody", unit="actor", retention="operation"),
    column("lost_reason", Text, "what became of it", null="it is not lost", retention="operation"),
    PrimaryKeyConstraint("node", "path"),
)

half_restored = Table(
    "half_restored",
    metadata,
    reference(
        "backup_id", "the backup whose restore into this database did not end yet", retention="operation"
    ),
    instant("begun_at", "when the restore began", retention="operation"),
    PrimaryKeyConstraint("backup_id"),
)

recovery_key = Table(
    "recovery_key",
    metadata,
    word("name", "which key; one row: 'operator'", retention="operation"),
    column("public", LargeBinary, "public half of the recovery key", unit="32 bytes", retention="operation"),
    instant("made_at", "when it was made", retention="operation"),
    PrimaryKeyConstraint("name"),
)

"""Erasures under way and done, and what is left of what went for good: tombstones. Nobody can be read out of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference, word

tombstone = Table(
    "tombstone",
    metadata,
    account_id(),
    column(
        "digest",
        LargeBinary,
        "keyed hash of the identity of a message that went for good: it is not filed again",
        unit="16 bytes",
        retention="account",
    ),
    instant("erased_at", "when it went", retention="account"),
    instant(
        "expires_at",
        "when the last backup that holds it is gone",
        null="as long as the account",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "digest"),
    sqlite_with_rowid=False,
)

person_tombstone = Table(
    "person_tombstone",
    metadata,
    account_id(),
    column(
        "digest",
        LargeBinary,
        "keyed hash of an address whose person was erased: restored rows that are older go again",
        unit="16 bytes",
        retention="account",
    ),
    instant("cut_at", "what came before is erased, what comes after is a new contact", retention="account"),
    instant(
        "expires_at",
        "when the last backup that holds it is gone",
        null="as long as the account",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "digest"),
    sqlite_with_rowid=False,
)

redaction = Table(
    "redaction",
    metadata,
    account_id(),
    reference("message_id", "a message of somebody else that a person was erased from", retention="message"),
    instant("redacted_at", "when", retention="message"),
    column(
        "before",
        LargeBinary,
        "keyed hash of the raw bytes as they were",
        unit="16 bytes",
        retention="message",
    ),
    column(
        "change",
        LargeBinary,
        "what makes the redacted bytes of those before: a zstd frame that refers to them",
        personal="content",
        unit="bytes",
        retention="message",
    ),
    instant(
        "expires_at",
        "when the last backup that holds them is gone",
        null="as long as the message",
        retention="message",
    ),
    PrimaryKeyConstraint("account_id", "message_id", "redacted_at"),
)

erasure = Table(
    "erasure",
    metadata,
    account_id(),
    reference("id", "one erasure of a person", retention="account"),
    column(
        "node",
        Integer,
        "which node carries it out: it has the key in its data directory",
        unit="node",
        retention="account",
    ),
    word("state", "running, pending (it goes on by itself), held or done", retention="account"),
    word("step", "the step that is next, by its name in mailhub.privacy.erasing.steps", retention="account"),
    column(
        "position",
        BigInteger,
        "how far a step has come: the last id it dealt with",
        unit="id",
        retention="account",
    ),
    word("actor", "who asked for it: user:ID, operator:UID or system", retention="account"),
    instant("begun_at", "when it was asked for", retention="account"),
    instant("cut_at", "what came before is erased; later rounds move it", retention="account"),
    column(
        "person",
        LargeBinary,
        "addresses and names, sealed under a key of its own that is no part of the database",
        null="the erasure does not need them any more",
        personal="email",
        unit="bytes",
        retention="operation",
    ),
    column(
        "commitment",
        Text,
        "HMAC of the address: the key was handed out once",
        unit="hex",
        retention="account",
    ),
    column(
        "counts",
        Text,
        "JSON: opaque numbers by store, digests of the model",
        unit="JSON",
        retention="account",
    ),
    word("reason", "why it is pending or held, '' otherwise", retention="account"),
    column("attempts", Integer, "rounds that ended pending", unit="rounds", retention="account"),
    instant("next_attempt_at", "not gone on with before", retention="account"),
    instant("done_at", "when the search had found nothing", null="not done", retention="account"),
    column("receipt", Text, "the signed receipt", null="not done", unit="JSON", retention="account"),
    instant(
        "backups_gone_at",
        "when no backup held the person any more: at the end of the erasure, or later",
        null="not done, or a backup does",
        retention="account",
    ),
    column(
        "second_receipt",
        Text,
        "the signed receipt that the last backup is gone",
        null="a backup is left, or none held the person at the end",
        unit="JSON",
        retention="account",
    ),
    column(
        "copies_deleted",
        Integer,
        "mails deleted at providers at its request",
        unit="count",
        retention="account",
    ),
    column(
        "copies_marked",
        Integer,
        "mails only marked \\Deleted there, since the server can delete none by UID",
        unit="count",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "id"),
)

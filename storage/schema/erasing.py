"""What is left of what went for good: tombstones, by which a copy of it is known. Nobody can be read out of them."""

from __future__ import annotations

from sqlalchemy import LargeBinary, PrimaryKeyConstraint, Table

from storage.catalogue import account_id, column, instant, metadata

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
        "expires_at", "when the last backup that holds it is gone", null="as long as the account", retention="account"
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
        "expires_at", "when the last backup that holds it is gone", null="as long as the account", retention="account"
    ),
    PrimaryKeyConstraint("account_id", "digest"),
    sqlite_with_rowid=False,
)

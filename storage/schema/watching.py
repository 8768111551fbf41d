"""How mailboxes are watched for silence: when mail came, and when no mail will be too long."""

from __future__ import annotations

from sqlalchemy import Integer, LargeBinary, PrimaryKeyConstraint, Table

from storage.catalogue import account_id, column, instant, metadata, reference

mailbox_watch = Table(
    "mailbox_watch",
    metadata,
    account_id(),
    reference("mailbox_id", "the mailbox that is watched", retention="account"),
    column(
        "limit_hours",
        Integer,
        "silent after so many hours without mail; 0 never",
        null="by its own rhythm",
        unit="hours",
        retention="account",
    ),
    instant("first_at", "when its first mail came", null="none yet", retention="account"),
    instant("newest_at", "when its newest mail came", null="none yet", retention="account"),
    column(
        "hours",
        LargeBinary,
        "a bit an hour, the lowest that of the newest mail: whether any came",
        unit="168 bytes, little-endian",
        retention="account",
    ),
    instant(
        "alarm_at",
        "when it is silent unless mail comes",
        null="not known enough, or never",
        retention="account",
    ),
    instant("silent_at", "when its silence was told", null="not silent", retention="account"),
    PrimaryKeyConstraint("account_id", "mailbox_id"),
)

"""How people get in: sessions, links, second factors, and what was tried.

A session and a link are found by the hash of what their holder shows, before the account is known: directory tables.
``login_attempt`` counts names that nobody has beside those that somebody has, so it belongs to no account.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference, word

session = Table(
    "session",
    metadata,
    column(
        "hash",
        LargeBinary,
        "SHA-256 of what its holder shows",
        personal="credential",
        unit="32 bytes",
        retention="log",
    ),
    reference("id", "names the session without opening it", retention="log"),
    reference("account_id", "the tenant it opens", retention="log"),
    reference("user_id", "the user who logged in", retention="log"),
    column(
        "peer",
        Text,
        "address of the client that logged in, '' on the admin socket",
        personal="ip",
        retention="log",
    ),
    instant("created_at", "when the user logged in", personal="behaviour", retention="log"),
    instant(
        "last_used_at", "when it last opened the door, to the minute", personal="behaviour", retention="log"
    ),
    instant("expires_at", "when it ends, however much it is used", retention="log"),
    instant(
        "fresh_until",
        "until when the second factor counts as fresh",
        null="it was not shown",
        retention="log",
    ),
    instant("revoked_at", "when it was ended", null="in force", retention="log"),
    PrimaryKeyConstraint("hash"),
    Index("session_of_user", "account_id", "user_id", "id", unique=True),
)

link = Table(
    "link",
    metadata,
    column(
        "hash",
        LargeBinary,
        "SHA-256 of what its holder shows",
        personal="credential",
        unit="32 bytes",
        retention="log",
    ),
    reference("id", "names the link without opening it", retention="log"),
    reference("account_id", "the tenant of the user", retention="log"),
    reference("user_id", "whose it is", retention="log"),
    word("kind", "invitation, reset or deletion (of the account)", retention="log"),
    instant("created_at", "when it was made", retention="log"),
    instant("expires_at", "when it ends, 24 hours later at most", retention="log"),
    instant("used_at", "when it was used, or ended by a newer one", null="unused", retention="log"),
    PrimaryKeyConstraint("hash"),
    Index("link_of_user", "account_id", "user_id", "id", unique=True),
)

second_factor = Table(
    "second_factor",
    metadata,
    account_id(),
    reference("user_id", "whose", retention="account"),
    column(
        "secret",
        LargeBinary,
        "TOTP secret, sealed (keys 'secrets')",
        null="none is confirmed yet",
        personal="credential",
        retention="account",
    ),
    column(
        "pending",
        LargeBinary,
        "a secret shown but not confirmed by a code, sealed",
        null="none is being enrolled",
        personal="credential",
        retention="account",
    ),
    column(
        "last_timecode",
        BigInteger,
        "the latest step whose code was used: none up to it counts again",
        retention="account",
    ),
    instant("confirmed_at", "when the secret was confirmed", null="never", retention="account"),
    PrimaryKeyConstraint("account_id", "user_id"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    account_id(),
    reference("user_id", "whose", retention="account"),
    column(
        "hash",
        LargeBinary,
        "SHA-256 of the code",
        personal="credential",
        unit="32 bytes",
        retention="account",
    ),
    instant("used_at", "when it was used up", null="unused", retention="account"),
    PrimaryKeyConstraint("account_id", "user_id", "hash"),
)

login_attempt = Table(
    "login_attempt",
    metadata,
    column(
        "digest",
        LargeBinary,
        "keyed hash of what is counted: a login at an address, a login, or an address",
        personal="ip",
        unit="32 bytes",
        retention="log",
    ),
    column(
        "failures",
        Integer,
        "logins that failed, since the last pause of a day",
        unit="attempts",
        retention="log",
    ),
    instant("last_at", "when the latest was tried", retention="log"),
    instant("next_at", "not tried before", retention="log"),
    instant("succeeded_at", "when this login last succeeded at this address", null="never", retention="log"),
    PrimaryKeyConstraint("digest"),
    Index("login_attempt_by_time", "last_at"),
)

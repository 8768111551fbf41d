"""Mailboxes at IMAP providers: how to get in, how far each folder was read, what is owed there."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from storage.catalogue import account_id, column, instant, metadata, reference, word

imap_source = Table(
    "imap_source",
    metadata,
    account_id(),
    reference("id", "one mailbox at a provider", retention="account"),
    reference("mailbox_id", "our mailbox that its mail belongs to", retention="account"),
    column("node", Integer, "the node that fetches", unit="node", retention="account"),
    column("host", Text, "name or address of the IMAP server", retention="account"),
    column("port", Integer, "its port", unit="port", retention="account"),
    word("tls", "implicit, starttls or none", retention="account"),
    column("login", Text, "login name there", personal="email", retention="account"),
    word("auth", "how to log in: password, xoauth2 or oauthbearer", retention="account"),
    column(
        "secret",
        LargeBinary,
        "the password, or the OAuth client's secret, sealed under the key of the purpose secrets, bound to imap:ID",
        null="comes from outside, or not needed",
        personal="credential",
        retention="account",
    ),
    column("secret_from", Text, "'sealed', 'file:PATH', 'credential:NAME' or 'none'", retention="account"),
    column(
        "local",
        Integer,
        "1: may lead into private networks, an operator said so",
        unit="0 or 1",
        retention="account",
    ),
    word(
        "after_filing",
        "what happens there to filed mail: nothing, seen, flag, move or delete",
        retention="account",
    ),
    column("after_argument", Text, "the keyword to set or the folder to move to; ''", retention="account"),
    instant("since", "mail that came there before is not fetched", null="all of it", retention="account"),
    column(
        "poll_seconds",
        Integer,
        "how often folders without IDLE are looked at",
        unit="seconds",
        retention="account",
    ),
    column("idle", Integer, "1: wait with IDLE where the server can", unit="0 or 1", retention="account"),
    instant("created_at", "when it was added: what came there before is old mail", retention="account"),
    instant("paused_at", "when it was paused", null="runs", retention="account"),
    word("state", "new, connecting, fetching, waiting or failing", retention="account"),
    column("fault", Text, "the last error in words, and what to do; ''", retention="account"),
    instant("fault_at", "when that was", null="never", retention="account"),
    instant("connected_at", "when the last login succeeded", null="never", retention="account"),
    column(
        "feedback_from_moves",
        Integer,
        "1: what its owner moves into Junk or out of it is a mark",
        unit="0 or 1",
        retention="account",
    ),
    column(
        "junk_folder",
        Text,
        "where spam goes there; '': the folder that the server calls so",
        retention="account",
    ),
    column(
        "erase_there",
        Integer,
        "1: mail of erased people is deleted there",
        unit="0 or 1",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index("imap_source_by_mailbox", "account_id", "mailbox_id", unique=True),
)

imap_folder = Table(
    "imap_folder",
    metadata,
    account_id(),
    reference("id", "one folder of a mailbox at a provider", retention="account"),
    reference("source_id", "the mailbox there", retention="account"),
    column("name", Text, "its name, decoded", retention="account"),
    word(
        "role",
        "mail: its mail is filed; junk: it is, and spam goes there; watched: spam goes there, and nothing is filed",
        retention="account",
    ),
    column(
        "uidvalidity", BigInteger, "the server's epoch of its UIDs", null="never opened", retention="account"
    ),
    column(
        "last_uid",
        BigInteger,
        "the cursor: every UID up to here has its fate",
        unit="UID",
        retention="account",
    ),
    column(
        "quiet_uid",
        BigInteger,
        "UIDs up to here were there before us: filed quietly",
        unit="UID",
        retention="account",
    ),
    word("state", "new, reading, current, missing or failing", retention="account"),
    column("fault", Text, "the last error in words, and what to do; ''", retention="account"),
    column("seen", BigInteger, "mails looked at", unit="count", retention="account"),
    column("filed", BigInteger, "mails filed", unit="count", retention="account"),
    column("duplicate", BigInteger, "mails that we had already", unit="count", retention="account"),
    column("quarantined", BigInteger, "mails filed unreadable", unit="count", retention="account"),
    column(
        "rejected",
        BigInteger,
        "mails left there: too large, in a loop, erased",
        unit="count",
        retention="account",
    ),
    instant("newest_at", "when the newest mail came there", null="none yet", retention="account"),
    instant("success_at", "when it was last read to its end", null="never", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("imap_folder_by_name", "account_id", "source_id", "name", unique=True),
)

imap_todo = Table(
    "imap_todo",
    metadata,
    account_id(),
    reference("folder_id", "the folder", retention="operation"),
    column("uidvalidity", BigInteger, "the epoch of the UID", retention="operation"),
    column("uid", BigInteger, "the mail there", unit="UID", retention="operation"),
    word(
        "act",
        "settle: what is to happen there after filing; fetch: try again to get it; erase: delete it there, since its"
        " writer is erased",
        retention="operation",
    ),
    column("tries", Integer, "how often it failed", unit="count", retention="operation"),
    instant("next_at", "not before", retention="operation"),
    reference("erasure_id", "the erasure that asks for it", null="not to be erased", retention="operation"),
    PrimaryKeyConstraint("account_id", "folder_id", "uidvalidity", "uid", "act"),
    Index(
        "imap_todo_of_erasure",
        "account_id",
        "erasure_id",
        sqlite_where=text("erasure_id IS NOT NULL"),
        postgresql_where=text("erasure_id IS NOT NULL"),
    ),
)

imap_copy = Table(
    "imap_copy",
    metadata,
    account_id(),
    reference("folder_id", "the folder", retention="message"),
    column("uidvalidity", BigInteger, "the epoch of the UID", retention="message"),
    column("uid", BigInteger, "the mail there", unit="UID", retention="message"),
    reference("message_id", "the message that it is", null="not one that we have", retention="message"),
    word(
        "known_by",
        "filed: from there; duplicate: fetched there, known before; seen: in a folder that is only watched, and read"
        " there; alike: the same, by Message-ID and size alone; doubled: missed when another lay elsewhere already",
        retention="message",
    ),
    instant("first_seen_at", "when we first saw it there", retention="message"),
    instant(
        "opened_at", "when somebody was seen to have read it there", null="nobody so far", retention="message"
    ),
    word(
        "keyword",
        "what a keyword there says of it: junk, notjunk or none; '': not looked at yet",
        retention="message",
    ),
    instant("gone_at", "when it was missed there", null="it is there", retention="message"),
    column(
        "id_hash",
        LargeBinary,
        "keyed digest of its Message-ID",
        null="filed, or without one",
        unit="16 bytes",
        retention="message",
    ),
    column(
        "identity",
        LargeBinary,
        "keyed digest: two messages with the same are one",
        null="filed, or not read",
        unit="16 bytes",
        retention="message",
    ),
    column("size_bytes", BigInteger, "its size there", null="filed", unit="bytes", retention="message"),
    PrimaryKeyConstraint("account_id", "folder_id", "uidvalidity", "uid"),
    Index("imap_copy_of_message", "account_id", "message_id"),
    Index(
        "imap_copy_gone",
        "account_id",
        "folder_id",
        sqlite_where=text("gone_at IS NOT NULL"),
        postgresql_where=text("gone_at IS NOT NULL"),
    ),
)

oauth_grant = Table(
    "oauth_grant",
    metadata,
    account_id(),
    reference("source_id", "the mailbox at a provider that is opened with it", retention="account"),
    word("flow", "how it is given: device, code or client-credentials", retention="account"),
    column("token_url", Text, "where tokens are asked for", retention="account"),
    column("consent_url", Text, "where a person's consent begins; ''", retention="account"),
    column("scope", Text, "what for", retention="account"),
    column("client_id", Text, "who asks, as registered there", retention="account"),
    column(
        "refresh_token",
        LargeBinary,
        "sealed under the key of the purpose secrets, bound to oauth:ID",
        null="not authorised yet, or not needed",
        personal="credential",
        retention="account",
    ),
    column(
        "life_seconds",
        Integer,
        "how long the provider lets it last unused",
        null="not known",
        unit="seconds",
        retention="account",
    ),
    instant("ends_at", "when it ends, unless it is renewed", null="not known", retention="account"),
    instant("authorised_at", "when a person consented", null="never", retention="account"),
    instant("renewed_at", "when a token was last given", null="never", retention="account"),
    word("state", "new, valid or failing", retention="account"),
    column("fault", Text, "why it fails, and what to do; ''", retention="account"),
    instant("fault_at", "when that was", null="never", retention="account"),
    PrimaryKeyConstraint("account_id", "source_id"),
)

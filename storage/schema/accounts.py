"""Accounts, what finds them (the directory), and the people and mailboxes in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text

from storage.catalogue import account_id, column, instant, metadata, reference, word

account = Table(
    "account",
    metadata,
    reference("id", "the tenant", retention="account"),
    column("name", Text, "what the tenant is called", personal="name", retention="account"),
    word("stage", "trial, active, suspended, terminated, deleted or purged", retention="account"),
    word("billing", "none or external", retention="account"),
    instant("created_at", "when the account was made", retention="account"),
    instant("stage_entered_at", "when the present stage was really entered", retention="account"),
    column(
        "next_ticket_number",
        BigInteger,
        "number the next ticket gets",
        unit="ticket number",
        retention="account",
    ),
    word("stage_reason", "why the stage was entered", retention="account"),
    word(
        "stage_before",
        "stage that lifting the suspension gives back",
        null="not suspended",
        retention="account",
    ),
    instant("term_began_at", "since when the stage's term counts", null="no term runs", retention="account"),
    instant(
        "deletion_asked_at", "when the owner asked for deletion", null="they did not", retention="account"
    ),
    PrimaryKeyConstraint("id"),
    Index(
        "account_by_term",
        "stage",
        "term_began_at",
        sqlite_where=text("term_began_at IS NOT NULL"),
        postgresql_where=text("term_began_at IS NOT NULL"),
    ),
)

stage_warning = Table(
    "stage_warning",
    metadata,
    account_id(),
    column("days", Integer, "how many days before the step it is given", unit="days", retention="account"),
    instant("given_at", "when it was given, for the term that runs", retention="account"),
    PrimaryKeyConstraint("account_id", "days"),
)

billing_event = Table(
    "billing_event",
    metadata,
    account_id(),
    column(
        "digest", LargeBinary, "SHA-256 of a signed event: taken once", unit="32 bytes", retention="operation"
    ),
    instant(
        "received_at", "when it was taken; kept while its signature is young enough", retention="operation"
    ),
    PrimaryKeyConstraint("account_id", "digest"),
)

hold = Table(
    "hold",
    metadata,
    account_id(),
    reference("id", "an order to keep something, however due its removal is", retention="account"),
    word("kind", "contact, ticket or account", retention="account"),
    reference("object_id", "the contact or ticket", null="the whole account", retention="account"),
    column("reason", Text, "why, in the words of who ordered it", personal="content", retention="account"),
    word("actor", "who ordered it: user:ID or operator:UID", retention="account"),
    instant("created_at", "when it was ordered", retention="account"),
    instant("ends_at", "when it ends by itself", null="not before it is lifted", retention="account"),
    instant("lifted_at", "when it was lifted", null="in force until its end", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("hold_of_object", "account_id", "kind", "object_id"),
)

address = Table(
    "address",
    metadata,
    column(
        "address",
        Text,
        "served address, lower case, no plus part; '@domain' is a catch-all",
        retention="account",
    ),
    reference("account_id", "the tenant it leads to", retention="account"),
    reference("mailbox_id", "the mailbox it leads to", retention="account"),
    PrimaryKeyConstraint("address"),
)

api_token = Table(
    "api_token",
    metadata,
    column(
        "hash",
        LargeBinary,
        "SHA-256 of the token",
        personal="credential",
        unit="32 bytes",
        retention="account",
    ),
    reference("id", "names the token without revealing it", retention="account"),
    reference("account_id", "the tenant it opens", retention="account"),
    reference("user_id", "the user it acts as", retention="account"),
    column("name", Text, "what its owner calls it", retention="account"),
    column(
        "scopes", Text, "space-separated scopes it is limited to; '' is all its user may", retention="account"
    ),
    instant("created_at", "when it was made", retention="account"),
    instant("expires_at", "when it ends", null="never", retention="account"),
    instant(
        "last_used_at",
        "when it last opened the door",
        null="never used",
        personal="behaviour",
        retention="account",
    ),
    instant("revoked_at", "when it was revoked", null="in force", retention="account"),
    column("networks", Text, "space-separated networks it may come from; '' is any", retention="account"),
    PrimaryKeyConstraint("hash"),
    Index("api_token_of_account", "account_id", "id", unique=True),
)

user = Table(
    "user",
    metadata,
    account_id(),
    reference("id", "the user", retention="account"),
    column("email", Text, "login name, lower case", personal="email", retention="account"),
    column("name", Text, "shown name", personal="name", retention="account"),
    word("role", "owner, admin or agent", retention="account"),
    column(
        "password_hash", Text, "argon2id", null="cannot log in", personal="credential", retention="account"
    ),
    column(
        "uid",
        BigInteger,
        "system user mapped on the admin socket",
        null="none",
        unit="uid",
        retention="account",
    ),
    instant("created_at", "when the user was made", retention="account"),
    instant("deleted_at", "when the user was deleted", null="active", retention="account"),
    instant(
        "read_until",
        "tickets whose newest mail came before count as seen, whatever ticket_seen lacks",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index("user_by_email", "account_id", "email", unique=True),
)

mailbox = Table(
    "mailbox",
    metadata,
    account_id(),
    reference("id", "the mailbox", retention="account"),
    column("address", Text, "its support address, lower case", retention="account"),
    column("name", Text, "shown in From of replies", retention="account"),
    word("on_reply_to_closed", "reopen or new-ticket", retention="account"),
    word(
        "purpose",
        "support: its mail becomes tickets; spam-feedback, ham-feedback: mail attached to it is marked so",
        retention="account",
    ),
    instant("created_at", "when it was made", retention="account"),
    instant(
        "retired_at",
        "since when it takes no new mail; answers to its tickets come in still",
        null="it takes mail",
        retention="account",
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index("mailbox_by_address", "account_id", "address", unique=True),
)

mail_domain = Table(
    "mail_domain",
    metadata,
    account_id(),
    reference("id", "the domain, for lists", retention="account"),
    column("domain", Text, "a domain the account wants addresses in, as DNS writes it", retention="account"),
    column("token", Text, "of the TXT record that proves it; public", retention="account"),
    word("state", "asked; or why addresses are served there: proven, granted, kept", retention="account"),
    instant("created_at", "when it was asked for", retention="account"),
    instant("settled_at", "since when it may be used", null="it is asked for", retention="account"),
    PrimaryKeyConstraint("account_id", "domain"),
)

allow_list = Table(
    "allow_list",
    metadata,
    account_id(),
    reference("id", "the rule", retention="account"),
    word("role", "whom it is for: owner, admin, agent, or everyone", retention="account"),
    column("network", Text, "from where they may come, in CIDR form", personal="ip", retention="account"),
    instant("created_at", "when it was made", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("allow_list_by_network", "account_id", "role", "network", unique=True),
)

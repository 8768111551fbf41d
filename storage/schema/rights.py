"""What people agreed to, what they ask of us, and breaches of what we hold of them."""

from __future__ import annotations

from sqlalchemy import Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference, word

consent = Table(
    "consent",
    metadata,
    account_id(),
    reference("id", "one consent of a contact (art. 7(1))"),
    reference("contact_id", "who gave it"),
    word("purpose", "what for: newsletter, survey, ..."),
    word("text_version", "which version of the text was agreed to"),
    column("text_digest", Text, "SHA-256 of the text that was agreed to", unit="hex"),
    column("how", Text, "how it was given, in the words of who recorded it", personal="behaviour"),
    column(
        "text",
        Text,
        "the text that was agreed to, as it was shown",
        null="recorded before it was kept",
        personal="content",
    ),
    word("actor", "who recorded it: user:ID or operator:UID", null="recorded before it was kept"),
    instant("given_at", "when it was given", personal="time"),
    instant("withdrawn_at", "when it was withdrawn (art. 7(3))", null="in force", personal="time"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("consent_of_contact", "account_id", "contact_id"),
)

breach = Table(
    "breach",
    metadata,
    account_id(),
    reference("id", "a breach of personal data (art. 33)", retention="account"),
    word("kind", "confidentiality, integrity or availability: what was lost", retention="account"),
    word("actor", "who opened it: user:ID or operator:UID", retention="account"),
    column("facts", Text, "what happened (art. 33(5))", personal="content", retention="account"),
    column("effects", Text, "what it did, and can do, to people", personal="content", retention="account"),
    column("remedies", Text, "what was done about it", personal="content", retention="account"),
    instant("noticed_at", "when it was noticed: the 72 hours of art. 33(1) begin", retention="account"),
    instant("authority_told_at", "when the authority was told", null="not told", retention="account"),
    instant(
        "people_told_at", "when those affected were told (art. 34)", null="not told", retention="account"
    ),
    instant("closed_at", "when it was closed", null="open", retention="account"),
    word("outcome", "told, no-risk or no-breach: how it was closed", null="open", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
)

privacy_request = Table(
    "privacy_request",
    metadata,
    account_id(),
    reference("id", "what a person asks about their own data (art. 7(3), 15, 17, 20)", retention="operation"),
    word("kind", "erasure, export or withdrawal", retention="operation"),
    column(
        "address", Text, "about whose data: exactly this address", personal="email", retention="operation"
    ),
    reference("mailbox_id", "where it was asked", retention="operation"),
    word("state", "asked, proven (by the link), approved or refused", retention="operation"),
    column(
        "link",
        LargeBinary,
        "SHA-256 of the link that was mailed to the address",
        personal="credential",
        unit="32 bytes",
        retention="operation",
    ),
    instant("created_at", "when it was asked", personal="time", retention="operation"),
    instant("expires_at", "when the link ends", retention="operation"),
    instant("proven_at", "when the link was used", null="not yet", personal="time", retention="operation"),
    instant("decided_at", "when it was approved or refused", null="not yet", retention="operation"),
    word("actor", "who decided: user:ID, or policy", null="nobody yet", retention="operation"),
    word("waits_for", "why an agent has to decide", null="none has to", retention="operation"),
    column(
        "commitment",
        Text,
        "HMAC of the address for the receipt: its key was shown to the person alone",
        null="no erasure, or not proven",
        unit="hex",
        retention="operation",
    ),
    reference("erasure_id", "the erasure that carries it out", null="none", retention="operation"),
    PrimaryKeyConstraint("account_id", "id"),
    Index("privacy_request_by_link", "account_id", "link", unique=True),
)

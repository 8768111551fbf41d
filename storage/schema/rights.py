"""What people agreed to, and breaches of what we hold of them."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, Text

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
    instant("noticed_at", "when it was noticed: the 72 hours of art. 33(1) begin", retention="account"),
    instant("authority_told_at", "when the authority was told", null="not told", retention="account"),
    instant("people_told_at", "when those affected were told (art. 34)", null="not told", retention="account"),
    instant("closed_at", "when it was closed", null="open", retention="account"),
    word("outcome", "told, no-risk or no-breach: how it was closed", null="open", retention="account"),
    PrimaryKeyConstraint("account_id", "id"),
)

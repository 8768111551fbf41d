"""The people who write to us, and their addresses."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, Text, text

from storage.catalogue import account_id, column, instant, metadata, reference

contact = Table(
    "contact",
    metadata,
    account_id(),
    reference("id", "the person who writes to us"),
    column("name", Text, "name their first mail came under, or that somebody set", personal="name"),
    instant("created_at", "when the person first wrote", personal="time"),
    reference(
        "merged_into",
        "the contact that stands for the same person; that one is merged into none",
        null="none",
    ),
    instant(
        "objected_at",
        "when the person objected to their mail teaching the filter (GDPR art. 21)",
        null="they did not",
        personal="time",
    ),
    PrimaryKeyConstraint("account_id", "id"),
    Index(
        "contact_objecting",
        "account_id",
        "id",
        sqlite_where=text("objected_at IS NOT NULL"),
        postgresql_where=text("objected_at IS NOT NULL"),
    ),
    Index(
        "contact_merged_into",
        "account_id",
        "merged_into",
        sqlite_where=text("merged_into IS NOT NULL"),
        postgresql_where=text("merged_into IS NOT NULL"),
    ),
)

contact_address = Table(
    "contact_address",
    metadata,
    account_id(),
    column("address", Text, "an address of the contact, lower case", personal="email"),
    reference("contact_id", "whose address it is"),
    PrimaryKeyConstraint("account_id", "address"),
    Index("contact_address_of", "account_id", "contact_id"),
    sqlite_with_rowid=False,
)

"""The people who write to us, and their addresses."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, Text

from storage.catalogue import account_id, column, instant, metadata, reference

contact = Table(
    "contact",
    metadata,
    account_id(),
    reference("id", "the person who writes to us"),
    column("name", Text, "name last seen with the address", personal="name"),
    instant("created_at", "when the person first wrote", personal="time"),
    PrimaryKeyConstraint("account_id", "id"),
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

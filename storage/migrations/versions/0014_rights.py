"""Consents of contacts, and breaches."""

from storage.migrations import frozen

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    frozen.run(revision)

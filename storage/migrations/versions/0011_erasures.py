"""Erasures of people: what is under way, and what was done."""

from storage.migrations import frozen

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    frozen.run(revision)

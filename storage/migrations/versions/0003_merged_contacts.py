"""Contacts that are one person point at the one that stands for them."""

from storage.migrations import frozen

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    frozen.run(revision)

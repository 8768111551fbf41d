"""Tombstones: what went for good is not filed again."""

from storage.migrations import frozen

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    frozen.run(revision)

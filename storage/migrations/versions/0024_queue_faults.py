"""Rows of queues that failed are on record, with why and when they are tried again."""

from storage.migrations import frozen

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    frozen.run(revision)

"""Mail of people who are erased is deleted at their providers, where the mailbox's owner wants it."""

from storage.migrations import frozen

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    frozen.run(revision)

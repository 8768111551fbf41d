"""What is known of each mailbox's rhythm, so that its silence is noticed."""

from storage.migrations import frozen

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    frozen.run(revision)

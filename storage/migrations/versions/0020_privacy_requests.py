"""What people ask about their own data."""

from storage.migrations import frozen

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    frozen.run(revision)

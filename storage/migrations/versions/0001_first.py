"""The first schema."""

from storage.migrations import frozen

revision = "0001"
down_revision = None


def upgrade() -> None:
    frozen.run(revision)

"""A mailbox that tickets came in by can be retired."""

from storage.migrations import frozen

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    frozen.run(revision)

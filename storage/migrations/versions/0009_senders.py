"""Allow and deny lists of senders, why a verdict is as it is, and where a mark comes from."""

from storage.migrations import frozen

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    frozen.run(revision)

"""Allow-lists, and the answers to requests that may be sent twice."""

from storage.migrations import frozen

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    frozen.run(revision)

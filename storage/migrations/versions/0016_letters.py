"""Letters: rows of the outbox that send no message, but what mailhub writes itself."""

from storage.migrations import frozen

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    frozen.run(revision)

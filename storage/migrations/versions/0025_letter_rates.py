"""Letters that a stranger can have us write are counted over all accounts, by a keyed hash of the address."""

from storage.migrations import frozen

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    frozen.run(revision)

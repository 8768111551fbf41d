"""Keys of the holders in backups, the ledger of backups, the operator's recovery key."""

from storage.migrations import frozen

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    frozen.run(revision)

"""Every directory that a key file of the backups was written to is known until it is signed off as lost."""

from storage.migrations import frozen

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    frozen.run(revision)

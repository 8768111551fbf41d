"""Where there are several accounts, an account proves a domain before it serves addresses there."""

from storage.migrations import frozen

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    frozen.run(revision)

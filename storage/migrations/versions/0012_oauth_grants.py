"""OAuth authorisations of mailboxes at providers."""

from storage.migrations import frozen

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    frozen.run(revision)

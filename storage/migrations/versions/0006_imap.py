"""Mailboxes that mail is fetched from by IMAP: sources, folders with their cursors, what is owed to the server."""

from storage.migrations import frozen

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    frozen.run(revision)

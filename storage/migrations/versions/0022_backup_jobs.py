"""Backups as jobs, and the mark of a restore that did not end."""

from storage.migrations import frozen

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    frozen.run(revision)

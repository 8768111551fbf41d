"""Drafts of answers, notes, forwards and new mails."""

from storage.migrations import frozen

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    frozen.run(revision)

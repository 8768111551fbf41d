"""Redactions are kept as changes, so that a restore can make them again."""

from storage.migrations import frozen

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    frozen.run(revision)

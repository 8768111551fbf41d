"""A person's objection to their mail teaching the filter."""

from storage.migrations import frozen

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    frozen.run(revision)

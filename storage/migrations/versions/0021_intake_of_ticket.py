"""Deliveries are found by their ticket when it goes for good."""

from storage.migrations import frozen

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    frozen.run(revision)

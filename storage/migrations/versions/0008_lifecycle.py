"""Holds; stages with their terms, warnings, what billing said, and the clock that sweeps believe."""

from storage.migrations import frozen

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    frozen.run(revision)

"""Tickets say who waits, what came last and how it begins; users what they have seen."""

from __future__ import annotations

from storage.migrations import frozen

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    frozen.run(revision)

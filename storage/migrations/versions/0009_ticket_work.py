"""Tickets have tags, a priority, a responsible user, watchers, and a date until when they are put off."""

from __future__ import annotations

from storage.migrations import frozen

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    frozen.run(revision)

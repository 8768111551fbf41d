"""An account has rules, which do things to tickets by themselves."""

from __future__ import annotations

from storage.migrations import frozen

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    frozen.run(revision)

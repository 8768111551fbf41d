"""Feedback by moving and by forwarding mail: marks that are asked for, and what is seen of mail at a provider."""

from storage.migrations import frozen

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    frozen.run(revision)

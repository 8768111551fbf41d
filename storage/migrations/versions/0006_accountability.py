"""Consents keep their text and who recorded them (art. 7(1)); breaches what happened, did and was done (art. 33(5))."""

from storage.migrations import frozen

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    frozen.run(revision)

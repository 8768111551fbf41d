"""When the last backup that held an erased person went, and the receipt that says so."""

from storage.migrations import frozen

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    frozen.run(revision)

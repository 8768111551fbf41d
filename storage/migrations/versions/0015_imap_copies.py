"""Where each filed mail lies at its provider."""

from storage.migrations import frozen

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    frozen.run(revision)

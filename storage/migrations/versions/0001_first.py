"""The schema as it was first released. Frozen SQL: the model of today must not reach into the past."""

from storage.migrations import frozen

revision = "0001"
down_revision = None


def upgrade() -> None:
    frozen.run(revision)

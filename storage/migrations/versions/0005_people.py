"""How people get in: sessions, links, second factors, attempts; networks of ApiTokens; tickets by assignee."""

from storage.migrations import frozen

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    frozen.run(revision)

"""SQLite's index of texts holds the beginnings of words too: `ka*` reads one list, not those of every word that begins so.

Its rows are made anew of the words it has. PostgreSQL's index stays as it is.
"""

from storage.migrations import frozen

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    frozen.run(revision)

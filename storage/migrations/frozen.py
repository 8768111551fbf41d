"""Run the statements that a revision froze: the file of SQLite's or PostgreSQL's statements beside it, of the same
number.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

_VERSIONS = Path(__file__).with_name("versions")


def run(revision: str) -> None:
    """Execute them one by one in alembic's transaction; a statement ends with ``;`` at the end of a line."""
    connection = op.get_bind()
    script = (_VERSIONS / f"{revision}_{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)

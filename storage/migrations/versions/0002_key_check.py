"""A table that recognises the root key: the statements of 0002_sqlite.sql or 0002_postgresql.sql, one by one."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection = op.get_bind()
    script = Path(__file__).with_name(f"0002_{connection.dialect.name}.sql").read_text(encoding="utf-8")
    for statement in script.split(";\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)

"""The witness on PostgreSQL: everything that a program reaches, by psycopg and the server's own files.

Every column of every table and materialised statistic, of the catalogue's tables as well (pg_statistic holds
samples of values), large objects, the messages decompressed and decoded; the files of the data directory of
mailhub; and apart, since the server alone can empty them, the database's files as they lie on the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from tests.privacy.erasing.witness import Place, files, raws

_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, a.atttypid = 'bytea'::regtype FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'm', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname <> 'information_schema'
"""


def connect(url: URL) -> psycopg.Connection[tuple[object, ...]]:
    """As the server's superuser, outside any transaction."""
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(conninfo, autocommit=True)


def places(url: URL, directory: Path) -> Iterator[Place]:
    """Every piece of bytes that a program reaches."""
    yield from files(directory)
    with connect(url) as connection:
        for schema, table, column, is_bytes in connection.execute(_COLUMNS).fetchall():
            name = (
                sql.Identifier(str(column))
                if is_bytes
                else sql.SQL("{}::text").format(sql.Identifier(str(column)))
            )
            query = sql.SQL("SELECT {} FROM {}.{}").format(
                name, sql.Identifier(str(schema)), sql.Identifier(str(table))
            )
            for (value,) in connection.execute(query):
                if value is not None:
                    yield (
                        f"column:{table}.{column}",
                        value if isinstance(value, bytes) else str(value).encode(),
                    )
        yield from raws(connection.execute("SELECT message_id, data FROM raw ORDER BY message_id, slice"))


def in_relation_files(url: URL, wanted: list[bytes]) -> set[bytes]:
    """Which of these stand in the files of this database, as the last checkpoint left them; in whatever case."""
    with connect(url) as connection:
        connection.execute("CHECKPOINT")
        folder = connection.execute(
            "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    assert folder is not None
    contents = [path.read_bytes().lower() for path in Path(str(folder[0])).iterdir() if path.is_file()]
    assert contents
    return {each for each in wanted if any(each.lower() in content for content in contents)}

"""Insert many rows with the driver's own executemany: the statement is compiled once per engine, not once per call.

Measured for eight rows: SQLAlchemy Core 43 us, this 19 us, the bare driver 8 us. The intake makes nine such calls a
batch; everywhere else Core's own ``execute`` is the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import Dialect

Row = dict[str, Any]
_DIALECTS: dict[str, Dialect] = {
    "sqlite": pysqlite.dialect(),
    "postgresql": psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that name every column of ``table``; KeyError when one is missing. Commits nothing."""
    if not rows:
        return
    sql, names = _insert(table, connection.dialect.name)
    connection.exec_driver_sql(sql, [tuple([row[name] for name in names]) for row in rows])


@cache
def _insert(table: Table, engine: str) -> tuple[str, tuple[str, ...]]:
    """The statement with positional parameters, and the columns they stand for."""
    compiled = table.insert().compile(dialect=_DIALECTS[engine])
    assert compiled.positiontup is not None
    return str(compiled), tuple(compiled.positiontup)

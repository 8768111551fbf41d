"""Insert and look up many rows with statements compiled once per engine, not once per call, for the driver as they are.

Measured for eight rows: inserting with SQLAlchemy Core 43 us, this 19 us, the bare driver 8 us; looking up
74, 35, 15. The intake makes some twenty such calls a batch; everywhere else Core's own ``execute`` is the
way.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table
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


def select_in(
    connection: Connection, statement: Select[*tuple[Any, ...]], account_id: int, keys: Collection[Any]
) -> Sequence[Any]:
    """Rows of a statement with the parameter ``account`` and, behind it, the expanding one ``keys`` (not empty).

    The keys are filled up to a power of two with the first of them, so that there are few texts to keep.
    """
    room = 1 << (len(keys) - 1).bit_length()
    found = [account_id, *keys]
    found += found[1:2] * (1 + room - len(found))
    return connection.exec_driver_sql(_select(statement, connection.dialect.name, room), tuple(found)).all()


@cache
def _select(statement: Select[*tuple[Any, ...]], engine: str, keys: int) -> str:
    """As ``_insert``, for so many keys."""
    filled = statement.params(account=0, keys=[None] * keys)
    compiled = filled.compile(dialect=_DIALECTS[engine], compile_kwargs={"render_postcompile": True})
    assert compiled.positiontup is not None
    assert compiled.positiontup[0] == "account"
    return str(compiled)

"""Which index SQLite is to take, where its planner, which has no statistics, could not know.

``query.with_hint(table, "INDEXED BY name", "sqlite")`` stands behind the table's name. SQLAlchemy's compiler for SQLite
leaves hints out. SQLite refuses a statement whose index is not there or does not fit, so a hint that has become wrong
fails a test instead of walking a table. Source: sqlite.org/lang_indexedby.html.
"""

from __future__ import annotations

from sqlalchemy import FromClause
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Engine


class HintingCompiler(SQLiteCompiler):
    """SQLite's compiler, with hints."""

    def get_from_hint_text(self, table: FromClause, text: str | None) -> str | None:
        """The hint as it is."""
        return text


def write_hints(engine: Engine) -> None:
    """Let statements of an engine of SQLite name their indexes."""
    engine.dialect.statement_compiler = HintingCompiler

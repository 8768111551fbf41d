"""What SQLite's planner is told of the tables: that one account may own nearly all of them. No sample, no data.

Without statistics SQLite takes any first column of an index to leave ten rows. Here the first column is the account, so
it would walk an account's whole table in the order of its ids to save the sort of ten rows (``WHERE account_id = ? AND
message_id = ? ORDER BY id``). ANALYZE would tell it better, and keep samples: addresses that no erasure finds. So
``sqlite_stat1`` is written by hand, from the schema alone: an index is as selective as SQLite takes it to be, but for
the account. Source: sqlite.org/fileformat2.html 2.6.3, sqlite.org/lang_analyze.html ("Manual Control Of Query Plans").

Durable state: the rows of ``sqlite_stat1``, written with the schema; each connection reads them when it opens.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from storage.schema import metadata

ROWS = 1_000_000  # of every table: only ratios matter
LEFT = 10  # rows that the second column of an index leaves; each further one leaves one less


def tell_planner(connection: Connection) -> None:
    """Write the statistics anew, in the caller's transaction. SQLite only, nothing elsewhere."""
    if connection.dialect.name != "sqlite":
        return
    told = [each for table in metadata.tables for each in _of_table(connection, table)]
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # makes the table, looks at none of ours
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    connection.exec_driver_sql("INSERT INTO sqlite_stat1(tbl, idx, stat) VALUES (?, ?, ?)", told)
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # reads it


def _of_table(connection: Connection, table: str) -> Iterator[tuple[str, str, str]]:
    """(table, index, statistics) of each whole index that begins with the account."""
    (rowless,) = connection.exec_driver_sql("SELECT wr FROM pragma_table_list WHERE name = ?", (table,)).one()

    indexes = connection.exec_driver_sql(
        'SELECT name, "unique", origin FROM pragma_index_list(?) WHERE NOT partial', (table,)
    ).all()
    for name, unique, origin in indexes:
        columns = connection.exec_driver_sql("SELECT name FROM pragma_index_info(?)", (name,)).scalars().all()
        if columns[0] == "account_id":
            left = [ROWS, *(max(2, LEFT - place) for place in range(len(columns) - 1))]
            if unique:
                left[-1] = 1
            own = (
                table if rowless and origin == "pk" else name
            )  # the primary key of a table WITHOUT ROWID has its name
            yield table, own, " ".join(map(str, [ROWS, *left]))

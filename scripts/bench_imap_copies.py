"""scripts/bench imap-copies: what it costs to remember where each filed mail lies at its provider (SQLite).

Prints bytes of the database a row, with both indexes, and processor time a row in the writer's thread.
Example: scripts/bench imap-copies --rows 100000
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from storage.database import Database
from storage.migrate import migrate
from storage.schema import FIRST_ID
from storage.sources.imap_copies import FILED, add_copy
from storage.sources.imap_sources import ImapFolder
from storage.writer import Transaction, WritingThread

A_TURN = 100
FOLDER = ImapFolder(
    account_id=1, id=FIRST_ID, source_id=FIRST_ID + 1, name="INBOX", uidvalidity=1_700_000_000
)


def main() -> None:
    """Fill an empty database, and print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as directory:
        database = Database(Path(directory) / "bench.sqlite3")
        migrate(database)
        writer = WritingThread(database)
        writer.start()
        before = _size_bytes(database)
        seconds = sum(writer.run(_fill, low) for low in range(0, rows, A_TURN))  # type: ignore[misc]
        grown = _size_bytes(database) - before
        writer.close()
        database.close()
    print(f"{grown / rows:.0f} bytes and {seconds / rows * 1e6:.0f} us a row, {rows} rows")


def _fill(transaction: Transaction, low: int) -> float:
    """One turn; its processor seconds."""
    began = time.thread_time()
    for number in range(low, low + A_TURN):
        message, at = FIRST_ID + 3 * number, 1_790_000_000_000_000 + number
        add_copy(transaction.connection, FOLDER, number + 1, message=message, known_by=FILED, at=at)
    return time.thread_time() - began


def _size_bytes(database: Database) -> int:
    with database.read() as connection:
        counts = (
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "page_size")
        )
        pages, size = (int(count) for count in counts)
        return pages * size


if __name__ == "__main__":
    main()

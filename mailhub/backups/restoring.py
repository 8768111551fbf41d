"""A backup becomes a database again, offline: load, index anew, and let what went for good since go again.

One transaction, from an empty database to one in which only who was erased since is still to be erased again:
the caller does that, then ``finish``; until then a mark keeps it from being served. Nothing is left of a
transaction that failed. A destroyed holder's records cannot be opened: they are counted and passed over, and
what pointed at them is mended. What the key file knows newer than the backup holds: tombstones (their
messages go again), stages of accounts, the ledger. Must not: write a key that was destroyed; run beside a
daemon on the same database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailhub import clock
from mailhub.backups import key_file, records
from mailhub.backups.container import Damaged, Header, open_records
from mailhub.backups.holder_keys import bound_to
from mailhub.backups.key_file import KeyFile
from mailhub.backups.records import SealedRecord
from mailhub.errors import BadRequest, Conflict
from mailhub.keys import Keys
from mailhub.reading.prepare import index_words
from mailhub.tickets.removal import remove_messages, remove_tickets
from storage.backups import restoring
from storage.backups.dumping import Loader
from storage.backups.person_keys import Holder
from storage.database import Connection, Database
from storage.filter import ledger
from storage.mail.search import add_to_index
from storage.migrate import build, is_empty, upgrade
from storage.privacy.erasures import drop_under_way
from storage.writer import IdBlock, Transaction

STEP = 200  # messages at a time
Progress = Callable[[int], None]  # bytes of the backup that were read


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What came back: rows of each table; what did not: rows of holders whose key was destroyed, and removed again."""

    made_at: int  # when the backup was made
    rows: Mapping[str, int]
    unreadable: Mapping[str, int]
    removed: int  # messages that went for good after the backup was made
    unfinished_erasures: int  # that were under way: their key is not in a backup, they must be asked for anew


def restore(backup: Path, keys_at: Path, keys: Keys, database: Database, progress: Progress) -> Restored:
    """Fill an empty database, or on PostgreSQL one that a restore left which was cut off.

    It is marked as half restored until ``finish``. Raises ``Conflict`` for another one, ``Damaged`` for a
    backup that was changed.
    """
    left = not is_empty(database)
    if left and (database.is_sqlite or not restoring.is_half_restored(database)):
        raise Conflict("the database is not empty: restore into a new one")

    carried = key_file.read(keys_at.read_bytes(), keys)
    with database.writing.begin() as connection:
        if left:
            restoring.drop_half_restored(connection)
        header, rows, unreadable = _load(connection, backup, carried, keys, progress)
        upgrade(connection)
        restoring.mark_begun(connection, header.id, clock.now())
        restoring.apply_carried(connection, carried.tables)
        restoring.drop_logins(connection)
        if unreadable:
            _mend(connection)
        removed = _remove_again(connection, keys)
        _index(connection)
        restoring.pass_ids(connection)
        unfinished = drop_under_way(connection)

    return Restored(
        made_at=header.made_at,
        rows=rows,
        unreadable=unreadable,
        removed=removed,
        unfinished_erasures=unfinished,
    )


def finish(database: Database) -> None:
    """Who was erased since is erased again: from now on the database may be served."""
    with database.writing.begin() as connection:
        restoring.clear_mark(connection)


def _load(
    connection: Connection, backup: Path, carried: KeyFile, keys: Keys, progress: Progress
) -> tuple[Header, Mapping[str, int], Mapping[str, int]]:
    holders = _holders(carried)
    rows = Counter[str]()
    unreadable = Counter[str]()
    told = None

    with backup.open("rb") as file:
        header, found = open_records(file, keys)
        build(connection, header.revision)
        loader = Loader(connection)
        for data in found:
            record = records.parse(data)
            if record.table == records.TRAILER:
                told = records.counts_of(record)
            elif (sealed := holders.get(record.holder)) is None:
                unreadable[record.table] += record.count
            else:
                rows[record.table] += _add(loader, record, sealed, keys)
            progress(file.tell())

    _require_its_keys(carried, header, unreadable)
    if told is None or Counter(told) != rows + unreadable:
        raise Damaged("the backup does not hold as many rows as it says")

    return header, rows, unreadable


def _require_its_keys(carried: KeyFile, header: Header, unreadable: Mapping[str, int]) -> None:
    """Raise unless the key file knows the backup as a whole one: then a key that it lacks was destroyed."""
    columns, rows = carried.tables["backup"]
    whole = {row[columns.index("id")]: row[columns.index("finished_at")] is not None for row in rows}
    if header.id not in whole or (unreadable and not whole[header.id]):
        raise BadRequest(
            "the key file is older than the backup, or belongs to others: use the newest (--keys)"
        )


def _holders(carried: KeyFile) -> dict[Holder, bytes]:
    columns, rows = carried.tables["person_key"]
    place = [columns.index(name) for name in ("account_id", "holder_kind", "holder_id", "key")]
    return {(row[place[0]], row[place[1]], row[place[2]]): row[place[3]] for row in rows}


def _add(loader: Loader, record: SealedRecord, sealed: bytes, keys: Keys) -> int:
    key = keys.open("backups", sealed, bound_to=bound_to(record.holder))
    columns, rows = records.rows_of(record, key)
    loader.add(record.table, columns, rows)
    return len(rows)


def _mend(connection: Connection) -> None:
    """After records were passed over: no row points at one that is not there, and no ticket of theirs is empty."""
    restoring.drop_dangling(connection)
    transaction = Transaction(connection, IdBlock(), 0)
    for account, tickets in restoring.emptied_tickets(connection).items():
        remove_tickets(transaction, account, tickets, forget=_forget, tombstones=None)


def _remove_again(connection: Connection, keys: Keys) -> int:
    transaction = Transaction(connection, IdBlock(), 0)
    gone = 0
    for account, messages in restoring.with_tombstones(connection, keys.derive("tombstone")).items():
        done = remove_messages(transaction, account, messages, forget=_forget, tombstones=None)
        remove_tickets(transaction, account, done.emptied, forget=_forget, tombstones=None)
        gone += len(done.messages)
    return gone


def _forget(transaction: Transaction, account: int, messages: Any) -> None:
    """No model was made of the ledger yet: it will be the fold of the rows that stay."""
    restoring.drop_labels(transaction.connection, account, messages)
    ledger.forget_messages(transaction.connection, account, messages)


def _index(connection: Connection) -> None:
    for account, message, unreadable, null, raw in restoring.readable(connection, STEP):
        words = [] if unreadable else index_words(raw, mail_from_null=null)
        add_to_index(connection, [(account, message, words)])


def verify(backup: Path, keys_at: Path, keys: Keys, scratch: Path, progress: Progress) -> Restored:
    """Restore into a scratch file and count; the file is the caller's to delete with its directory."""
    database = Database(scratch / "mailhub.sqlite3")
    try:
        return restore(backup, keys_at, keys, database, progress)
    finally:
        database.close()

"""What goes when an account goes: its configuration when it is terminated, everything else when it is deleted.

    terminated  remove_configuration  routes, pulls, ApiTokens, sessions, rules, mailboxes: one turn, with the stage
    deleted     remove_rows           messages with index and raw bytes, then every table of the catalogue, in short
                                      turns, the keys of its backups among them; the
                                      filter's model; ``scrub``; then ``proof``: a search of every table finds nothing,
                                      a signed receipt
    purged      remove_rows           the tombstones; a second receipt

Interrupted anywhere, the next sweep goes on: the rows say what is left, and the stage is entered only after
the search. What stays is named in ``storage.accounts.account_rows``: the journal (opaque ids), the account's
own row without its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailhub import clock
from mailhub.backups.erasing import backups_holding
from mailhub.errors import Unavailable
from mailhub.filter.models import Models
from mailhub.keys import Keys
from mailhub.proof import receipts
from storage.accounts import account_rows
from storage.accounts.account_rows import PROOF, UNTIL_PURGED
from storage.accounts.accounts import Account
from storage.database import Connection, Database
from storage.mail import search
from storage.writer import Transaction, Writer

MESSAGES_A_TURN = 8  # with up to a MiB of raw bytes in each slice
ROWS_A_TURN = 200
WITH_THE_STAGE = frozenset(
    {"stage_warning"}
)  # the step is due because they were given: gone when it is entered

FINAL = frozenset({"terminated", "deleted", "purged"})  # the stages that remove something
STAYING = PROOF | UNTIL_PURGED | WITH_THE_STAGE

Require = Callable[[Transaction], bool]  # asked in every turn: may it still go?


def remove_configuration(connection: Connection, account: int) -> Mapping[str, int]:
    """Remove what makes mail and people reach the account; rows gone by table."""
    return {
        name: count for name, count in account_rows.delete_configuration(connection, account).items() if count
    }


def remove_rows(writer: Writer, models: Models, account: int, *, require: Require) -> None:
    """Remove everything of the account but what stays until it is purged. Stops when ``require`` says no."""
    tables = [table for table in account_rows.tables_of_accounts() if table.name not in STAYING]
    if not _turns(writer, require, lambda tx: _messages(tx, account)):
        return
    if _turns(writer, require, lambda tx: _rows(tx, account, tables)):
        models.forget(writer, account)


def scrub(database: Database, writer: Writer) -> None:
    """Leave nothing of what was deleted in the database's own files: index, log, dead rows. After ``remove_rows``.

    ``Unavailable`` while an open reader holds that up.
    """
    begin = True
    while writer.run(lambda tx, first=begin: search.rewrite_index(tx.connection, begin=first)):  # type: ignore[misc]
        begin = False
    if not database.empty_log() or not database.vacuum():
        raise Unavailable("a reader holds up the last of a deletion: the next sweep goes on")


def remove_tombstones(writer: Writer, account: int, *, require: Require) -> None:
    """Remove what was kept to clean restored backups with."""
    tables = [table for table in account_rows.tables_of_accounts() if table.name in UNTIL_PURGED]
    _turns(writer, require, lambda tx: _rows(tx, account, tables))


def proof(connection: Connection, keys: Keys, account: Account, to: str, *, now: int) -> dict[str, Any]:
    """What the journal says of a deletion: the receipt. ``Unavailable`` while a search still finds anything."""
    stays = PROOF if to == "purged" else PROOF | UNTIL_PURGED
    left = {
        name: count
        for name, count in account_rows.rows_left(connection, account.id).items()
        if name not in stays
    }
    if left:
        raise Unavailable(
            f"rows of account {account.id} are left in {', '.join(sorted(left))}: the next sweep goes on"
        )

    holding = backups_holding(connection, before=now if to == "deleted" else account.stage_entered_at)
    body = {
        "kind": f"account-{to}",
        "account": account.id,
        "at": clock.to_iso(now),
        "asked_at": None if account.deletion_asked_at is None else clock.to_iso(account.deletion_asked_at),
        "searched": sorted(
            {table.name for table in account_rows.tables_of_accounts()} - stays | {"message_index"}
        ),
        "rows_left": 0,
        "stays": sorted(stays),
        "backups": [{"name": row.name, "expires_at": clock.to_iso(row.expires_at)} for row in holding],
        "keys_of_backups": "destroyed",
        "not_reached": [
            "snapshots",
            "freed file-system blocks",
            "PostgreSQL WAL and replicas",
            "copies of key files",
        ],
    }

    return {"receipt": receipts.issue(keys, body)}


def _messages(transaction: Transaction, account: int) -> int:
    return account_rows.delete_some_messages(transaction.connection, account, limit=MESSAGES_A_TURN)


def _rows(transaction: Transaction, account: int, tables: Sequence[Any]) -> int:
    """Delete rows of these tables, one after the other, as many as one turn may; how many."""
    left = ROWS_A_TURN
    for table in tables:
        if left > 0:
            left -= account_rows.delete_some(transaction.connection, table, account, limit=left)
    return ROWS_A_TURN - left


def _turns(writer: Writer, require: Require, step: Callable[[Transaction], int]) -> bool:
    """Run the step turn by turn until it finds nothing more; False when it may not go on."""
    while True:
        done = writer.run(lambda tx: step(tx) if require(tx) else None)
        if not done:
            return done is not None

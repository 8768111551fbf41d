"""The last word on an erasure: when the last backup that held the person is gone, a second signed receipt says so.

Durable states: ``erasure.backups_gone_at`` (NULL while a backup may hold the person) and ``second_receipt``,
both set in the one transaction that writes the journal. An erasure whose first receipt names no backup needs
no second one. What is due follows from the ledger of backups, so a process stopped anywhere issues it at the
next look. Must not: delete backups (``backups.expiring``), name anybody: it bears the first receipt's
commitment and its digest.
"""

from __future__ import annotations

import json
from operator import attrgetter

from mailhub import clock
from mailhub.backups.vault import Vault
from mailhub.keys import Keys
from mailhub.proof import receipts
from mailhub.system.queues import Queue, by_turns, lines_of
from storage.backups import backups
from storage.privacy import erasures
from storage.privacy.erasures import Erasure
from storage.proof import journal
from storage.writer import Transaction

NOT_REACHED = (
    "copies of backups made outside mailhub",
    "freed blocks of the file system and of the disk where backups lay",
)


def issue_second_receipts(vault: Vault, *, now: int) -> int:
    """Issue what is due, the accounts by turns; how many. A turn each."""
    queue = Queue(vault.database, vault.writer, "second-receipts", now=now)
    with vault.database.read() as connection:
        waiting = erasures.list_in_backups(connection)

    issued = 0
    for row in by_turns(lines_of(waiting, attrgetter("account_id"))):
        issued += bool(queue.run(row.account_id, row.id, vault.writer.run, _settle, vault.keys, row, now))
    return issued


def _settle(transaction: Transaction, keys: Keys, row: Erasure, now: int) -> bool:
    """True when a second receipt was issued; False while a backup is left, or when none ever held the person."""
    connection = transaction.connection
    first = row.receipt or ""
    named = [each["id"] for each in json.loads(first)["backups"]]
    at = now if named else row.done_at or now
    if backups.holding(connection, before=row.done_at or now):
        return False
    if not erasures.settle_backups(connection, row.account_id, row.id, at=at) or not named:
        return False  # another node was faster, or there is nothing to add to the first

    place = _record(transaction, row, now)
    went = backups.gone_at(connection, named)
    body = {
        "kind": "backups-gone",
        "account": row.account_id,
        "erasure": row.id,
        "person": row.commitment,
        "cut_at": clock.to_iso(row.cut_at),
        "first_receipt": receipts.digest_of(first),
        "gone_at": clock.to_iso(now),
        "backups": [
            {"id": each, "gone_at": clock.to_iso(went[each]) if each in went else None} for each in named
        ],
        "not_reached": list(NOT_REACHED),
        "journal": place,
    }
    erasures.change_erasure(connection, row.account_id, row.id, second_receipt=receipts.issue(keys, body))

    return True


def _record(transaction: Transaction, row: Erasure, now: int) -> dict[str, int]:
    sequence = journal.append(
        transaction.connection,
        row.account_id,
        transaction.node,
        at=now,
        actor="system",
        verb="erasure.backups-gone",
        object_=f"erasure:{row.id}",
        detail={},
    )

    return {"node": transaction.node, "sequence": sequence}

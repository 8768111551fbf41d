"""The last step of an erasure: the signed receipt, in the transaction that makes its state done.

Must not: hold personal data. What it says are counts, opaque ids, instants, digests and words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from mailhub import clock
from mailhub.backups.erasing import backups_holding
from mailhub.privacy.erasing.copies import ASKED, LEFT, Copies, copies_of
from mailhub.privacy.erasing.work import CUT, Work
from mailhub.proof import receipts
from storage.backups.backups import Backup
from storage.backups.targets import BackupTarget, list_targets
from storage.privacy.erasures import Erasure
from storage.sources.imap_todos import owed_to_erasures
from storage.writer import Transaction

NOT_REACHED = (
    "freed blocks of the file system and of the disk",
    "snapshots and copies of the disk or of the database made outside mailhub",
    "PostgreSQL's write-ahead log, its replicas and freed space in its files",
    "copies of key files",
    "what others quote of the person in backups made before, until these expire",
    "what was sent to others: their mailboxes, and mailboxes mail was fetched from, but for what was deleted there",
    "what stands inside encrypted files that people attached, in pictures and in recordings",
)
EXCEPTIONS = {  # of a count in the erasure's row, what it says was not done
    "names_left": "names of the person that were not looked for in others' words: nobody agreed to that",
    "names_taken": "names agreed to that are others' by now, and were not looked for",
    "quotes_left": "messages of others with words that the person wrote too, but not provably quoted from them",
    "words_unknown": "the person wrote more than can be compared: quotes of the rest were known by their marks alone",
}


def issue_receipt(work: Work) -> None:
    def act(transaction: Transaction) -> None:
        now = clock.now()
        entry = work.record(transaction, "erasure.done", cut_at=work.row.cut_at)
        place = {"node": transaction.node, "sequence": entry}
        left = backups_holding(transaction.connection, before=now)
        targets = list_targets(transaction.connection)
        said = copies_of(work.row, owed_to_erasures(transaction.connection, work.account).get(work.row.id))
        text = receipts.issue(
            work.parts.keys,
            _statement(
                work.row,
                now=now,
                journal=place,
                left=left,
                copies=said,
                targets=targets,
                ask=work.parts.data_protection_contact,
            ),
        )
        work.change(
            transaction,
            state="done",
            reason="",
            done_at=now,
            receipt=text,
            backups_gone_at=None if left else now,
        )

    work.do(act)


def _statement(
    row: Erasure,
    *,
    now: int,
    journal: dict[str, int],
    left: Sequence[Backup],
    copies: Copies,
    targets: Sequence[BackupTarget],
    ask: str,
) -> dict[str, object]:
    counts = {name: number for name, number in row.counts.items() if name not in (ASKED, LEFT, CUT)}
    exceptions = [
        {"what": what, "count": number}
        for name, what in EXCEPTIONS.items()
        if (number := counts.pop(name, 0))
    ]
    return {
        "kind": "erasure",
        "data_protection_contact": ask,
        "account": row.account_id,
        "erasure": row.id,
        "person": row.commitment,
        "also": counts.pop("also", []),  # the commitments of the further addresses that were named
        "begun_at": clock.to_iso(row.begun_at),
        "cut_at": clock.to_iso(row.cut_at),
        "cut_at_microseconds": row.cut_at,
        "done_at": clock.to_iso(now),
        "rounds": counts.pop("rounds", 0) + 1,
        "model": {name: counts.pop(f"model_{name}", "") for name in ("before", "after", "replay")},
        "search": counts.pop("search", {}),
        "imap_copies": asdict(copies),
        "backups": [
            {
                "id": each.id,
                "made_at": clock.to_iso(each.made_at),
                "expires_at": clock.to_iso(each.expires_at),
            }
            for each in left
        ],
        "backup_targets": [
            {
                "node": each.node,
                "path": each.path,
                "state": each.state,
                "signed_off_at": None if each.lost_at is None else clock.to_iso(each.lost_at),
            }
            for each in targets
        ],
        "witness": counts.pop("witness", {}),
        "exceptions": [*exceptions, *counts.pop("exceptions", [])],
        "not_reached": list(NOT_REACHED),
        "counts": counts,  # what is left of them
        "journal": journal,
    }

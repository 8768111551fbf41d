"""What an erasure asks of providers: that the person's own mail, as far as we know where it lies, is deleted there too.

Only where the mailbox's owner wants it (``imap_source.erase_there``). What is asked for is a row that names a
UID and the erasure (``storage.sources.imap_todos``), made in the transaction that removes the message; the
mailbox's thread does it (``intake.imap.erasing``), and the erasure does not wait for it. Of what was asked
for, each mail is deleted, marked (by a server that can delete none by UID), owed, or *unknown*: it was not
where it lay, the folder has another UIDVALIDITY, the mailbox's fetching was deleted, or the setting was
switched off. Must not: touch another person's mail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub import clock
from mailhub.privacy.erasing.work import Work
from storage.privacy import contacts
from storage.privacy.erasures import Erasure
from storage.sources import imap_copies, imap_todos
from storage.sources.imap_todos import Owed
from storage.writer import Transaction

# names in the erasure's counts
ASKED = "copies_asked"
LEFT = "copies_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Mails at providers, by what became of them; asked is the sum of the last four. ``left`` were not asked for."""

    asked: int
    left: int
    deleted: int
    marked: int
    owed: int
    unknown: int


def ask(work: Work, transaction: Transaction, messages: Sequence[int]) -> None:
    """In the transaction that removes these messages, ahead of it: owe the deletion of those that the person wrote."""
    connection = transaction.connection
    his = contacts.of_contacts(connection, work.account, messages, work.person.contacts)
    places, left = imap_copies.places_to_erase(connection, work.account, his)
    imap_todos.owe_erasing(connection, work.account, places, erasure=work.row.id, next_at=clock.now())
    if places or left:
        work.add_counts(transaction, **{ASKED: len(places), LEFT: left})


def copies_of(row: Erasure, owed: Owed | None) -> Copies:
    """What became of them so far; ``owed`` as ``owed_to_erasures`` has it."""
    asked = row.counts.get(ASKED, 0)
    waiting = owed.count if owed is not None else 0

    return Copies(
        asked=asked,
        left=row.counts.get(LEFT, 0),
        deleted=row.copies_deleted,
        marked=row.copies_marked,
        owed=waiting,
        unknown=max(0, asked - row.copies_deleted - row.copies_marked - waiting),
    )

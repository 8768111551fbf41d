"""Derive anew what is derived from the raw messages: for after an upgrade that reads mail better.

    read_anew (any thread)  raw of the next messages --prepare--> what each would be stored as now
    write_anew (writer)     columns, Message-ID and index words of those that differ

Identity, authentication, ticket, score and fate stay as they were decided: they are records, not derived
(docs/design.md, principle 4). Row-driven: each call says where the next one begins, so that it may stop and go on at
any point. Must not: touch what could not be read (``quarantine`` does), or decode mail in the writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mailhub.directory import Directory
from mailhub.envelope import Envelope, Source
from mailhub.reading.derived import FLAGS_OF_FILING, derived_columns
from mailhub.reading.prepare import Prepared, Secrets, prepare
from storage.database import Database
from storage.mail.derived import Stored, change_derived, change_reference, stored_after
from storage.mail.search import add_to_index, remove_from_index
from storage.writer import Transaction

STEP = 20  # messages of one call: some 10 ms in the writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Anew:
    """One stored message, read again."""

    stored: Stored
    prepared: Prepared
    derived: dict[str, Any]

    @property
    def differs(self) -> bool:
        return self.derived != self.stored.derived


def read_anew(
    database: Database, secrets: Secrets, directory: Directory, account: int, *, after: int
) -> Sequence[Anew]:
    """The next messages by id, read again; empty when there are none."""
    with database.read() as connection:
        found = stored_after(connection, account, after, STEP)
    return [_anew(stored, secrets, directory) for stored in found]


def _anew(stored: Stored, secrets: Secrets, directory: Directory) -> Anew:
    envelope = Envelope(
        source=Source.IMPORT, mail_from=stored.mail_from, recipients=(), received_at=0, quiet=True
    )
    prepared = prepare(stored.raw, envelope, secrets, directory)
    kept = [flag for flag in stored.derived["flags"].split() if flag in FLAGS_OF_FILING]
    flags = [*prepared.parsed.flags, *kept]
    return Anew(stored=stored, prepared=prepared, derived=derived_columns(prepared.parsed, flags=flags))


def write_anew(transaction: Transaction, account: int, messages: Sequence[Anew]) -> int:
    """Store what differs and index all; how many differed. What cannot be read any more stays as it was."""
    connection = transaction.connection
    readable = [each for each in messages if not each.prepared.unreadable]

    differing = [each for each in readable if each.differs]
    for each in differing:
        change_derived(connection, account, each.stored.id, each.derived)
        if each.derived["message_id"] != each.stored.derived["message_id"]:
            change_reference(connection, account, each.stored.id, each.stored.ticket_id, each.prepared.own_id)

    remove_from_index(connection, account, [each.stored.id for each in readable])
    if readable:
        add_to_index(connection, [(account, each.stored.id, each.prepared.words) for each in readable])

    return len(differing)

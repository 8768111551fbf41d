"""Where messages lie at their providers, on both engines: known from the commit that files them until they are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mailhub.envelope import Fate, Outcome
from mailhub.filing.pipeline import file_batch
from mailhub.intake.imap import cursor
from mailhub.intake.reception import Along
from mailhub.reading.prepare import Prepared
from mailhub.tickets.removal import remove_messages
from storage.schema import imap_copy
from storage.sources import imap_copies, imap_sources
from storage.sources.imap_copies import Copy
from storage.sources.imap_sources import Fetching, ImapFolder
from storage.writer import Transaction
from tests.houses.imap_rows import source_row
from tests.houses.postroom import OURS, SUPPORT, PostRoom, mail

SOURCE = 901
INBOX = ImapFolder(account_id=OURS, id=902, source_id=SOURCE, name="INBOX", uidvalidity=7)
SAVED = ImapFolder(account_id=OURS, id=903, source_id=SOURCE, name="Saved", uidvalidity=8)
FETCHING = Fetching(
    source=source_row(account=OURS, source=SOURCE, mailbox=SUPPORT),
    address="support@example.com",
    stage="active",
)


@pytest.fixture(autouse=True)
def source(room: PostRoom) -> None:
    """A source with two folders."""
    room.do(lambda tx: imap_sources.add_source(tx.connection, FETCHING.source, [INBOX, SAVED]))


def fetch(room: PostRoom, folder: ImapFolder, uid: int, raw: bytes) -> Outcome:
    """File a mail as the door does, with the cursor's step in the same transaction."""
    prepared = room.prepare(raw)
    along = cursor.step(FETCHING, folder, uid, before=uid - 1, came_at=None)
    outcomes = room.do(lambda tx: _both(tx, room, prepared, along))
    room.delivered += 1
    if outcomes[0].fate is Fate.FILED:
        room.sent[outcomes[0].message] = raw
    found: Outcome = outcomes[0]
    return found


def _both(tx: Transaction, room: PostRoom, prepared: Prepared, along: Along) -> Sequence[Outcome]:
    (outcomes,) = file_batch(tx, room.context, [prepared])
    along(tx, outcomes)
    return outcomes


def places(room: PostRoom, *messages: int | None) -> list[tuple[int, int, str]]:
    """(folder, UID, how known) of the copies of messages."""
    with room.database.read() as connection:
        found = imap_copies.copies_of(connection, OURS, [each for each in messages if each is not None])
    return [(copy.folder_id, copy.uid, copy.known_by) for copy in found]


def test_a_filed_mail_and_its_duplicates_are_copies_of_one_message(room: PostRoom) -> None:
    """The second folder's copy, and one of mail that came by SMTP, name the message that was there before."""
    first = fetch(room, INBOX, 1, mail(id="one@customer.example"))
    fetch(room, SAVED, 1, mail(id="one@customer.example"))
    other = room.deliver(mail(id="two@customer.example"))
    fetch(room, INBOX, 2, mail(id="two@customer.example"))
    assert places(room, first.message) == [(INBOX.id, 1, "filed"), (SAVED.id, 1, "duplicate")]
    assert places(room, other.message) == [(INBOX.id, 2, "duplicate")]


def test_a_mail_that_is_read_again_keeps_when_it_was_first_seen(room: PostRoom) -> None:
    """The same UID read twice is one copy."""
    first = fetch(room, INBOX, 1, mail(id="one@customer.example"))
    (before,) = room.rows(imap_copy)
    fetch(room, INBOX, 1, mail(id="one@customer.example"))
    assert room.rows(imap_copy) == [before]
    assert before.message_id == first.message


def test_copies_go_with_their_message(room: PostRoom) -> None:
    """What is removed for good lies nowhere any more, as far as we know."""
    first = fetch(room, INBOX, 1, mail(id="one@customer.example"))
    second = fetch(room, INBOX, 2, mail(id="two@customer.example"))
    assert first.message is not None
    gone = room.do(
        lambda tx: remove_messages(tx, OURS, [first.message], forget=lambda *_: None, tombstones=None)  # type: ignore[list-item]
    )
    assert gone.rows["imap_copy"] == 1
    assert [row.message_id for row in room.rows(imap_copy)] == [second.message]


def test_a_rejected_mail_has_no_copy(room: PostRoom) -> None:
    """Mail without a message of ours is not remembered here."""
    looped = mail(id="loop@customer.example", headers=[("Received", "from a by b; x")] * 60)
    assert fetch(room, INBOX, 1, looped).fate is Fate.REJECTED
    assert room.rows(imap_copy) == []


def test_copies_of_another_epoch_are_not_shown(room: PostRoom) -> None:
    """A UID of a folder that begins again means nothing, even before its rows are gone."""
    first = fetch(room, INBOX, 1, mail(id="one@customer.example"))
    room.do(lambda tx: imap_sources.begin_epoch(tx.connection, INBOX, uidvalidity=9, quiet_uid=0))
    assert places(room, first.message) == []
    cursor.forget_copies(room.writer, replace(INBOX, uidvalidity=9))
    assert room.rows(imap_copy) == []


def test_copies_go_with_the_folder_some_at_a_time_or_the_source_at_once(room: PostRoom) -> None:
    """A turn removes no more than it is told, and a source leaves nothing behind."""
    for uid in range(1, 6):
        fetch(room, INBOX, uid, mail(id=f"{uid}@customer.example"))
    fetch(room, SAVED, 1, mail(id="1@customer.example"))
    assert room.do(lambda tx: imap_copies.delete_some(tx.connection, OURS, INBOX.id, limit=2)) == 2
    assert room.count(imap_copy) == 4
    room.do(lambda tx: imap_copies.delete_copies(tx.connection, INBOX, [3, 4]))
    assert {(row.folder_id, row.uid) for row in room.rows(imap_copy)} <= {
        (INBOX.id, 1),
        (INBOX.id, 2),
        (INBOX.id, 5),
        (SAVED.id, 1),
    }
    cursor.forget_copies(room.writer, INBOX)
    assert [row.folder_id for row in room.rows(imap_copy)] == [SAVED.id]
    room.do(lambda tx: imap_sources.delete_source(tx.connection, OURS, SOURCE))
    assert room.rows(imap_copy) == []


def test_copies_follow_a_message_that_is_filed_anew(room: PostRoom) -> None:
    """A message that was removed and filed again under another id keeps its places."""
    first = fetch(room, INBOX, 1, mail(id="one@customer.example"))
    assert first.message is not None
    with room.database.read() as connection:
        copies = imap_copies.copies_of(connection, OURS, [first.message])
    room.do(lambda tx: imap_copies.delete_some(tx.connection, OURS, INBOX.id, limit=9))
    room.do(lambda tx: imap_copies.refile(tx.connection, OURS, copies, 77))
    with room.database.read() as connection:
        assert imap_copies.copies_of(connection, OURS, [77]) == [
            Copy(**{name: getattr(copies[0], name) for name in Copy.__slots__} | {"message_id": 77})
        ]

"""The door as a whole: which mailboxes it fetches, and that none of them waits for another."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import sentinel

import pytest

from mailhub.config import Imap
from mailhub.config.live import Live
from mailhub.intake.imap import door as imap
from mailhub.intake.imap.door import ImapDoor
from mailhub.intake.imap.mailbox import MailboxThread
from mailhub.intake.reception import Reception
from mailhub.system.budget import ByteBudget
from storage.sources import imap_sources
from storage.sources.imap_sources import ImapFolder, ImapSource
from storage.writer import Transaction
from tests.houses.imap_rows import source_row
from tests.houses.postroom import OURS, SALES, SUPPORT, PostRoom
from tests.intake.imap.hostile import Line, scripted

GUARD_SECONDS = 30  # against hanging; not a measure
SILENT, OTHER = 901, 902
SOURCE = source_row(account=OURS, source=SILENT, mailbox=SUPPORT, port=0)


def test_a_silent_server_keeps_no_other_mailbox_from_starting(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that is paused while its server says nothing ends when it can: another starts meanwhile."""
    monkeypatch.setattr(imap, "STOP_SECONDS", 2 * GUARD_SECONDS)
    called, over, other_called = threading.Event(), threading.Event(), threading.Event()

    def silent(_: Line) -> None:
        called.set()
        over.wait(4 * GUARD_SECONDS)

    def other(_: Line) -> None:
        other_called.set()

    def add(source: ImapSource) -> None:
        folder = ImapFolder(account_id=OURS, id=source.id + 10, source_id=source.id, name="INBOX")
        room.do(lambda tx: imap_sources.add_source(tx.connection, source, [folder]))
        door.wake()

    reception = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    door = ImapDoor(
        room.database,
        room.writer,
        reception,
        sentinel.logins,
        node=1,
        message_bytes=Live(2**20),
        directory=tmp_path,
        budget=ByteBudget(2**30, 2**20),
    )
    loop = asyncio.new_event_loop()
    with scripted(silent) as port, scripted(other) as other_port:
        servers = f"{SOURCE.host}:{port} {SOURCE.host}:{other_port}"
        door.start(Imap(command_seconds=4 * GUARD_SECONDS, local_servers=servers), loop)
        try:
            add(replace(SOURCE, port=port))
            assert called.wait(GUARD_SECONDS)
            room.do(lambda tx: imap_sources.set_paused(tx.connection, OURS, SILENT, at=1))
            add(replace(SOURCE, id=OTHER, mailbox_id=SALES, port=other_port))
            assert other_called.wait(GUARD_SECONDS)
        finally:
            over.set()
            door.stop()
            loop.close()


def test_no_more_threads_than_the_machine_gives(
    room: PostRoom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Beyond `imap.mailboxes` a mailbox gets no thread; one that the system gives none gets it later."""
    begun, called, refused = threading.Event(), list[int](), [True]
    start = MailboxThread.start

    def starting(thread: MailboxThread) -> None:
        called.append(thread.fetching.source.id)
        if refused:
            refused.pop()
            raise RuntimeError("can't start new thread")
        start(thread)
        begun.set()

    monkeypatch.setattr(MailboxThread, "start", starting)
    monkeypatch.setattr(imap, "LOOK_SECONDS", 0.01)
    for source in (replace(SOURCE, port=1), replace(SOURCE, id=OTHER, mailbox_id=SALES, port=1)):
        folder = ImapFolder(account_id=OURS, id=source.id + 10, source_id=source.id, name="INBOX")
        room.do(partial(_add, source, folder))
    reception = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    door = ImapDoor(
        room.database,
        room.writer,
        reception,
        sentinel.logins,
        node=1,
        message_bytes=Live(2**20),
        directory=tmp_path,
        budget=ByteBudget(2**30, 2**20),
    )
    loop = asyncio.new_event_loop()
    door.start(Imap(mailboxes=1), loop)
    try:
        assert begun.wait(GUARD_SECONDS)
        door._keep_up()
        assert len(door._threads) == 1
        assert len(called) == 2  # the first was refused, one was begun, and the other is not tried
    finally:
        door.stop()
        loop.close()


def _add(source: ImapSource, folder: ImapFolder, transaction: Transaction) -> None:
    imap_sources.add_source(transaction.connection, source, [folder])

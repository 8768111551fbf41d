"""The IMAP door: a thread for each mailbox at a provider, kept in step with the rows that say which there are.

Durable states: ``imap.source`` and ``imap.folder`` rows (``storage.sources.imap_sources``). A mailbox is fetched by the
node that it was added on, while it is not paused and its account takes mail. Must not: talk to a server
(``imap.mailbox``).
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from dataclasses import replace
from pathlib import Path

import structlog

from mailhub import clock
from mailhub.config import Imap
from mailhub.config.live import Current
from mailhub.intake.imap.folder import Rooms
from mailhub.intake.imap.login import Logins
from mailhub.intake.imap.mailbox import MailboxThread, Shared
from mailhub.intake.reception import Reception
from mailhub.system.budget import ByteBudget
from storage.database import Database
from storage.sources.imap_sources import Fetching, sources_of_node
from storage.sources.imap_todos import sources_to_erase_in
from storage.writer import Writer

LOOK_SECONDS = 5.0  # how often the rows are read, besides when somebody says that they changed
STOP_SECONDS = 10.0
LARGE_AT_ONCE = 4
_SERVED_STAGES = frozenset({"trial", "active"})

log = structlog.get_logger("mailhub.intake.imap.door")


class ImapDoor:
    """All mailboxes of one process. ``start`` and ``stop`` once each, from the daemon."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        reception: Reception,
        logins: Logins,
        *,
        node: int,
        message_bytes: Current[int],
        directory: Path,
        budget: ByteBudget,
    ) -> None:
        """``directory``: where large mails wait until they are whole, in files without a name."""
        self._database = database
        self._writer = writer
        self._reception = reception
        self.logins = logins
        self._node = node
        self._message_bytes = message_bytes
        self._directory = directory
        self._budget = budget
        self._threads: dict[tuple[int, int], MailboxThread] = {}
        self._ending: dict[
            tuple[int, int], MailboxThread
        ] = {}  # asked to end: a silent server holds some for a while
        self._changed = threading.Event()
        self._anew: set[tuple[int, int]] = set()
        self._stopping = False
        self._shared: Shared | None = None
        self._supervisor = threading.Thread(target=self._supervise, name="mailhub-imap", daemon=True)

    def start(self, settings: Imap, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to fetch; what is fetched is handed to the reception on ``loop``."""
        rooms = Rooms(
            database=self._database,
            writer=self._writer,
            reception=self._reception,
            loop=loop,
            large=threading.BoundedSemaphore(LARGE_AT_ONCE),
            directory=self._directory,
            message_bytes=self._message_bytes,
            budget=self._budget,
            batch_bytes=settings.batch_bytes,
            command_seconds=settings.command_seconds,
        )

        self._shared = Shared(rooms=rooms, logins=self.logins, settings=settings)
        self._supervisor.start()

    def wake(self) -> None:
        """The rows changed: look at them now."""
        self._changed.set()

    def restart(self, account_id: int, source_id: int) -> None:
        """How a source logs in was changed: connect anew, however long its thread meant to wait."""
        self._anew.add((account_id, source_id))
        self.wake()

    def stop(self) -> None:
        """Stop fetching. Mail that is being filed gets its fate; connections are cut. Blocks until it is done."""
        self._stopping = True
        self._changed.set()
        if self._supervisor.ident is not None:
            self._supervisor.join()

    def _supervise(self) -> None:
        while not self._stopping:
            self._changed.clear()
            try:
                self._keep_up()
            except Exception as error:  # boundary: the database may be away for a while
                log.exception("mailboxes", id=secrets.token_hex(8), error=type(error).__name__)
            self._changed.wait(LOOK_SECONDS)

        self._end(self._threads)
        until = time.monotonic() + STOP_SECONDS
        for thread in self._ending.values():
            thread.join(max(0.0, until - time.monotonic()))

    def _keep_up(self) -> None:
        """Start threads for rows that have none, end those whose row is gone, paused or changed.

        Nobody waits for one that ends: another mailbox may start meanwhile. Its own next thread starts after it.
        """
        with self._database.read() as connection:
            found = sources_of_node(connection, self._node)
            erased = sources_to_erase_in(connection, now=clock.now())

        wanted = {(each.source.account_id, each.source.id): each for each in found if _runs(each)}
        anew = {self._anew.pop() for _ in range(len(self._anew))}
        over = {
            key: thread
            for key, thread in self._threads.items()
            if key in anew or key not in wanted or _settings(wanted[key]) != _settings(thread.fetching)
        }
        self._end(over)
        self._ending = {key: thread for key, thread in self._ending.items() if thread.runs}

        for key, fetching in wanted.items():
            if key not in self._threads and key not in self._ending and not self._stopping:
                self._begin(key, fetching)

        for key in erased & self._threads.keys():
            self._threads[key].nudge()

    def _begin(self, key: tuple[int, int], fetching: Fetching) -> None:
        """A thread for one more mailbox, where this process may have one more; else it is looked at again soon.

        Those that are ending count, too. A machine that gives no thread must not take the supervisor with it,
        nor leave a mailbox behind that looks as if it were fetched.
        """
        assert self._shared is not None
        if len(self._threads) + len(self._ending) >= self._shared.settings.mailboxes:
            log.warning("no thread for a mailbox: imap.mailboxes", source=key[1])
            return

        thread = MailboxThread(self._shared, fetching, ended=self.wake)
        try:
            thread.start()
        except RuntimeError:  # what Python says when the system, or the unit's TasksMax=, gives none
            thread.discard()
            log.warning("no thread for a mailbox: see TasksMax= of the unit", source=key[1])
        else:
            self._threads[key] = thread

    def _end(self, threads: dict[tuple[int, int], MailboxThread]) -> None:
        for key, thread in list(threads.items()):
            thread.stop()
            self._ending[key] = self._threads.pop(key)


def _runs(fetching: Fetching) -> bool:
    return fetching.source.paused_at is None and fetching.stage in _SERVED_STAGES


def _settings(fetching: Fetching) -> Fetching:
    """What a thread was started with, without what it writes itself."""
    source = replace(fetching.source, state="", fault="", fault_at=None, connected_at=None)
    return replace(fetching, source=source)

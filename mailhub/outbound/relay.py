"""Send what is due in the outbox to the smarthost, one recipient at a time, and record what became of it.

Durable states: the outbox rows (``storage.mail.outbox``): queued -> sent | failed | expired. A row is claimed for a
while before it is sent, so that of several nodes one sends it. The instant of truth: between the relay's 250 after the
final dot and the commit of ``sent`` a crash is possible; then the row is due again when its claim ends, and the same
bytes with the same Message-ID go out once more (at least once). A row that was committed as sent is never sent again.

A try that is not final (``smarthost``) is made again, later and later, until the row's ``not_after``. While
the smarthost cannot be reached at all, one row tries now and then and the others wait. Must not: decide
whether a mail may be sent (``gate`` did), log an address.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog

from mailhub import clock
from mailhub.config import Relay as RelaySettings
from mailhub.config.live import Current
from mailhub.keys import Keys
from mailhub.outbound.sealing import open_letter
from mailhub.outbound.smarthost import Attempt, RelayConversation, Result
from mailhub.system.queues import reason_of
from storage.database import Database
from storage.errors import StorageError
from storage.mail import outbox, raws
from storage.mail.outbox import OutboxRow
from storage.writer import Transaction, Writer

CLAIM_TIMEOUTS = (
    2  # a claim lasts this many times as long as a try can take; after a crash the row waits for its end
)
FIRST_RETRY_SECONDS = 60.0
LAST_RETRY_SECONDS = 3_600.0
LOOK_SECONDS = 30.0  # how long at most between two looks at the outbox
FAULT = "fault"  # the reason of a try that failed by us
BREATH_SECONDS = 0.2  # how long at least, so that a row another node is claiming does not keep us spinning

T = TypeVar("T")
log = structlog.get_logger("mailhub.relay")


class Relay:
    """The sending task of one process. Lives on the daemon's loop; ``wake`` may be called from any thread."""

    def __init__(
        self,
        database: Database,
        writer: Writer,
        settings: Current[RelaySettings],
        keys: Keys,
        *,
        hostname: str,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        now: Callable[[], int] = clock.now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._writer = writer
        self._settings = settings
        self._keys = keys  # opens letters
        self._hostname = hostname
        self._tls = tls
        self._now = now
        self._jitter = jitter
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False
        self._woken = asyncio.Event()
        self._hold_until = 0  # the smarthost could not be reached: ask nothing of it before then
        self._holds = 0  # in a row
        self._served = 0  # the account that had a turn last
        self.counts = dict.fromkeys(("sent", "failed", "expired", "retry"), 0)  # since the start, for metrics

    def wake(self) -> None:
        """Look at the outbox now. Thread-safe, and harmless before ``run`` and after it."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the next start looks by itself
                loop.call_soon_threadsafe(self._woken.set)

    def stop(self) -> None:
        """Let ``run`` end after the try that is under way. Cancelling it instead may send that one mail twice."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Send until ``stop``. A round's fault is logged and the next round comes: nothing is lost by it."""
        self._loop = asyncio.get_running_loop()
        while not self._stopping:
            self._woken.clear()
            try:
                await self.send_due()
                pause = await asyncio.to_thread(self._pause_seconds)
            except StorageError as error:
                log.warning("outbox not reachable", error=type(error).__name__)
                pause = LOOK_SECONDS
            except Exception as error:  # boundary of the task: mail goes on being sent
                log.error("relay round failed", error=type(error).__name__, exc_info=True)
                pause = LOOK_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), max(pause, BREATH_SECONDS))

    def _pause_seconds(self) -> float:
        with self._database.read() as connection:
            due = outbox.next_due(connection)
        if due is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.0, (max(due, self._hold_until) - self._now()) / clock.SECOND))

    async def send_due(self) -> int:
        """Try every row that is due now, over one connection; how many tries were made."""
        tries = 0
        conversation = RelayConversation(self._settings.now, self._hostname, self._tls)

        try:
            while not self._stopping and (row := await self._claim(conversation.settings)):
                self._served = row.account_id
                await self._send(conversation, row)
                tries += 1
            await conversation.close()
        finally:
            conversation.drop()

        return tries

    async def _send(self, conversation: RelayConversation, row: OutboxRow) -> None:
        """Boundary: one row, whatever is in it. One whose outcome cannot be noted is due again after its claim."""
        try:
            attempt = await self._try(conversation, row)
        except Exception as error:  # noqa: BLE001 a letter that does not open, a raw that cannot be read
            conversation.drop()
            reason = reason_of(
                error, log, "a mail of the outbox failed", account=row.account_id, outbox=row.id
            )
            attempt = Attempt(Result.RETRY, FAULT, reason)

        try:
            await self._settle(row, attempt)
        except Exception as error:  # noqa: BLE001 the next claim fails, and ends the round, where it is the database
            reason_of(error, log, "a try could not be noted", account=row.account_id, outbox=row.id)
        self._hold(unreachable=attempt.no_relay)

    def _hold(self, *, unreachable: bool) -> None:
        self._holds = self._holds + 1 if unreachable else 0
        self._hold_until = self._now() + self._delay(self._holds - 1) if unreachable else 0

    async def _claim(self, settings: RelaySettings) -> OutboxRow | None:
        """The next row to try. Reads first: an empty outbox costs no write."""
        if await asyncio.to_thread(self._pause_seconds) > 0:
            return None
        now = self._now()
        until = now + int(CLAIM_TIMEOUTS * settings.timeout_seconds * clock.SECOND)
        claim = partial(outbox.claim_due, now=now, until=until, after=self._served)
        return await self._write(lambda tx: claim(tx.connection))

    async def _try(self, conversation: RelayConversation, row: OutboxRow) -> Attempt:
        if self._now() > row.not_after:
            return Attempt(Result.FAILED, "expired", row.reply)
        if not conversation.settings.host:
            return Attempt(Result.RETRY, "no-relay", row.reply, no_relay=True)
        raw = await asyncio.to_thread(self._read, row)
        if raw is None:
            return Attempt(Result.FAILED, "message-gone")
        return await conversation.send(row, raw)

    def _read(self, row: OutboxRow) -> bytes | None:
        if row.message_id is None:
            return None if row.letter is None else open_letter(self._keys, row)
        with self._database.read() as connection:
            return raws.read(connection, row.account_id, row.message_id)

    async def _settle(self, row: OutboxRow, attempt: Attempt) -> None:
        """Record a try. A row that was ended or removed meanwhile stays as it is."""
        now = self._now()
        if attempt.result is Result.RETRY:
            again = min(now + self._delay(row.attempts), max(row.not_after, now + clock.SECOND))
            change = partial(outbox.set_retry, row=row, reply=attempt.reply, next_attempt_at=again)
        else:
            state = "expired" if attempt.reason == "expired" else attempt.result.value
            change = partial(
                outbox.set_outcome, row=row, state=state, reason=attempt.reason, reply=attempt.reply, at=now
            )

        await self._write(lambda tx: change(tx.connection))
        self.counts["expired" if attempt.reason == "expired" else attempt.result.value] += 1
        log.info(
            "tried", outbox=row.id, result=attempt.result.value, reason=attempt.reason, reply=attempt.reply
        )

    def _delay(self, attempts: int) -> int:
        """Microseconds until the next try: twice as long each time, up to an hour, half of it by chance."""
        seconds = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts, 20))
        return int(seconds * (0.5 + self._jitter() / 2) * clock.SECOND)

    async def _write(self, function: Callable[[Transaction], T]) -> T:
        return await asyncio.wrap_future(self._writer.submit(function))

"""Where every door hands its mail over: from an ``Envelope`` and bytes to committed ``Outcome``s.

    door (loop) --deliver--> worker: prepare --> writer: file_batch, commit --> futures of the waiting sessions

Durable states: none; until the commit the peer keeps the mail (docs/design.md, principle 1). A message that
cannot be filed as read is filed once more as ``unreadable``; if that fails too its outcome is ``deferred``
and the peer tries again. Messages over ``LARGE_BYTES`` have a worker of their own and put their slices down
ahead of the commit, a turn each, so that they never delay small mail.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from mailhub import clock
from mailhub.config.live import Current, Live
from mailhub.directory import NO_ACCOUNT, Directory
from mailhub.envelope import Check, Envelope, Fate, Outcome, Recipient, Refusal, Source, is_from_elsewhere
from mailhub.filing.batch import FilingContext
from mailhub.filing.pipeline import file_batch
from mailhub.intake import resolver as dns
from mailhub.intake.arrivals import Arrivals
from mailhub.intake.resolver import Resolver
from mailhub.message.values import NO_TRUST, Authentication, Trust
from mailhub.reading import reply_token
from mailhub.reading.prepare import Arrived, Prepared, Secrets, prepare_each, unreadable
from mailhub.system.logs import new_error_id
from storage.errors import Full, SlicesGone, StorageError
from storage.mail import raws, refusals
from storage.mail.filing import is_known
from storage.writer import Transaction, WritingThread

LARGE_BYTES = raws.SLICE_BYTES
PREPARED_AT_ONCE = 8  # more gain nothing, and the first of them waits for the last
Along = Callable[[Transaction, Sequence[Outcome]], None]
REFUSALS_WRITTEN = 500  # rows of one turn
REFUSALS_REMEMBERED = 10_000  # distinct (peer, reason) between two flushes; more are counted under no peer

log = structlog.get_logger("mailhub.intake")


@dataclass(slots=True)
class _Delivery:
    """One message on its way to the commit."""

    envelope: Envelope
    raw: bytes
    future: asyncio.Future[Sequence[Outcome]]
    along: Along | None = None
    started_at: int = field(default_factory=clock.now)
    authentication: Authentication | None = None  # what our own check found
    prepared: Prepared | None = None


class Reception:
    """The ``envelope.Pipeline`` of the daemon. ``start`` and ``close`` once each; ``deliver`` from its event loop."""

    def __init__(
        self,
        filing: Current[FilingContext],
        writer: WritingThread,
        keys: Secrets,
        directory: Directory,
        *,
        resolver: Resolver | None = None,
        trust: Current[Trust] | None = None,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """Without a ``resolver`` nothing is authenticated by us. ``trust``: whose word is believed, asked for each message.

        ``has_room`` is asked before each message: no room is a deferral, before the database itself runs full.
        """
        self._writer = writer
        self._keys = keys
        self._directory = directory
        self._filing = filing
        self._resolver = resolver
        self._trust: Current[Trust] = trust or Live(NO_TRUST)
        self._has_room = has_room
        self._small: queue.SimpleQueue[_Delivery | None] = queue.SimpleQueue()
        self._large = ThreadPoolExecutor(1, thread_name_prefix="mailhub-large")
        self._thread = threading.Thread(target=self._prepare_small, name="mailhub-prepare", daemon=True)
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._undecided: dict[int, _Delivery] = {}
        self.outcomes: Counter[tuple[str, str]] = Counter()  # (source, fate), for metrics
        self.last_mail_at: dict[str, int] = {}  # by source
        self.arrivals = Arrivals()

    @property
    def context(self) -> FilingContext:
        """What filing works with now: made anew for each batch, so that a reload is seen by the next one."""
        return self._filing.now

    @property
    def keys(self) -> Secrets:
        """What mail is read with."""
        return self._keys

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Prepare what was handed over, then stop. The writer is closed after this."""
        self._small.put(None)
        self._thread.join()
        self._large.shutdown()

    def begin(self, source: Source, peer: str, helo: str, mail_from: str | None) -> Check | None:
        """SMTP from elsewhere is authenticated by us; behind LMTP and loopback somebody else was the MX."""
        if self._resolver is None or not is_from_elsewhere(source, peer):
            return None
        return self._resolver.begin(peer, helo, mail_from)

    def resolve(self, recipient: str) -> Recipient | Refusal:
        """Where a recipient leads that may be taken now. A retired mailbox takes answers to its tickets alone: what
        comes to a reply address with a genuine proof.
        """
        found = self._directory.resolve(recipient)
        if not isinstance(found, Recipient) or not self._directory.is_retired(found.mailbox):
            return found
        proven = reply_token.read(found.detail, self._keys.reply_token)
        return Refusal.RETIRED if proven is None else found

    def refused(self, peer: str, reason: str) -> None:
        key = (peer, reason)
        if key not in self._refusals and len(self._refusals) >= REFUSALS_REMEMBERED:
            key = ("", reason)
        self._refusals[key] += 1

    def flush_refusals(self) -> None:
        """Write the refusals counted since the last time, one row per peer, hour and reason, in short turns."""
        counted = [*self._refusals.items()]
        self._refusals = Counter()
        at = clock.now()
        for start in range(0, len(counted), REFUSALS_WRITTEN):
            part = dict(counted[start : start + REFUSALS_WRITTEN])
            self._writer.submit(lambda tx, part=part: refusals.add(tx.connection, part, at=at))  # type: ignore[misc]

    def oldest_undecided_seconds(self) -> float:
        """Age of the oldest message handed over and not yet committed; 0 when there is none."""
        started = [delivery.started_at for delivery in list(self._undecided.values())]
        return (clock.now() - min(started)) / clock.SECOND if started else 0.0

    async def deliver(
        self, envelope: Envelope, raw: bytes, check: Check | None = None, *, along: Along | None = None
    ) -> Sequence[Outcome]:
        """File one message: one outcome per recipient, in order, after the commit.

        ``along`` is done in the transaction that files it, with its outcomes: the cursor of a door that has one. Not
        done, like the filing, when that fails.
        """
        delivery = _Delivery(envelope, raw, asyncio.get_running_loop().create_future(), along)
        if not self._has_room():
            return _deferred(delivery, Full("no room in reserve"))

        self._undecided[id(delivery)] = delivery
        try:
            if isinstance(check, dns.DnsCheck):
                delivery.authentication = await check.finish(raw, self._trust.now.sealers)
            if len(raw) < LARGE_BYTES:
                self._small.put(delivery)
            else:
                await self._prepare_large(delivery)
            outcomes = await delivery.future
        finally:
            del self._undecided[id(delivery)]

        self.last_mail_at[envelope.source] = delivery.started_at
        self.outcomes.update((envelope.source.value, outcome.fate.value) for outcome in outcomes)
        if not envelope.quiet:
            self._note_arrivals(envelope, outcomes)

        return outcomes

    def _note_arrivals(self, envelope: Envelope, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            found = self._directory.resolve(outcome.recipient)
            if outcome.fate is not Fate.DEFERRED and isinstance(found, Recipient):
                self.arrivals.note(found.account, found.mailbox, envelope.received_at)

    def _prepare_small(self) -> None:
        while (first := self._small.get()) is not None:
            deliveries = [first, *self._gathered(PREPARED_AT_ONCE - 1)]
            try:
                self._prepare(deliveries)
            except Exception as error:  # noqa: BLE001 boundary: this thread serves everybody, whatever a message does
                self.finish([(delivery, error) for delivery in deliveries])
            else:
                for delivery in deliveries:
                    self._writer.submit_to(self, delivery)

    def _gathered(self, limit: int) -> Iterator[_Delivery]:
        """What else waits now, at most so many."""
        for _ in range(limit):
            try:
                delivery = self._small.get_nowait()
            except queue.Empty:
                return
            if delivery is None:
                self._small.put(None)  # the end is seen once these are done
                return
            yield delivery

    def _prepare(self, deliveries: Sequence[_Delivery]) -> None:
        arrived = [Arrived(each.raw, each.envelope, each.authentication) for each in deliveries]
        prepared = prepare_each(arrived, self._keys, self._directory, trust=self._trust.now)
        for delivery, message in zip(deliveries, prepared, strict=True):
            delivery.prepared = message

    async def _prepare_large(self, delivery: _Delivery) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._large, self._prepare, [delivery])
            if delivery.prepared is not None and len(delivery.prepared.slices) > 1:
                await self._write_ahead(delivery.prepared)
        except Exception as error:  # noqa: BLE001 boundary: as for small mail
            self.finish([(delivery, error)])
        else:
            self._writer.submit_to(self, delivery)

    async def _write_ahead(self, prepared: Prepared) -> None:
        found = (self._directory.resolve(recipient) for recipient in prepared.envelope.recipients)
        accounts = {route.account for route in found if isinstance(route, Recipient)} - {NO_ACCOUNT}
        for account in sorted(accounts):
            message = await asyncio.wrap_future(
                self._writer.submit(partial(_new_id, account, prepared.identity))
            )
            if message is None:
                continue  # a duplicate needs no slices; should its first copy go meanwhile, they come with the message
            for index, data in enumerate(prepared.slices):
                at = prepared.envelope.received_at

                def put(tx: Transaction, index: int = index, data: bytes = data, at: int = at) -> None:
                    raws.write_ahead(tx.connection, account, message, index, data, at=at)  # noqa: B023 awaited below

                await asyncio.wrap_future(self._writer.submit(put))
            prepared.ids[account] = message

    # The two methods of storage.writer.Batch, run in the writer's thread; ``finish`` in any.

    def run(self, transaction: Transaction, items: Sequence[_Delivery]) -> Sequence[Sequence[Outcome]]:
        outcomes = file_batch(transaction, self.context, [item.prepared for item in items if item.prepared])
        for item, decided in zip(items, outcomes, strict=True):
            if item.along is not None:
                item.along(transaction, decided)
        return outcomes

    def finish(self, settled: Sequence[tuple[_Delivery, Sequence[Outcome] | BaseException]]) -> None:
        done = []
        for delivery, result in settled:
            if isinstance(result, BaseException) and self._retry(delivery, result):
                continue
            outcomes = _deferred(delivery, result) if isinstance(result, BaseException) else result
            done.append((delivery, outcomes))
        if done:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                done[0][0].future.get_loop().call_soon_threadsafe(_resolve, done)

    def _retry(self, delivery: _Delivery, error: BaseException) -> bool:
        """Once, as unreadable, when it was the message and not the database that failed."""
        log.error(
            "message could not be filed", error_id=new_error_id(), error=type(error).__name__, exc_info=error
        )
        if (
            isinstance(error, StorageError | SlicesGone)
            or delivery.prepared is None
            or delivery.prepared.unreadable
        ):
            return False
        ids = delivery.prepared.ids
        known = delivery.prepared.authentication
        delivery.prepared = unreadable(delivery.raw, delivery.envelope, self._keys, authentication=known)
        delivery.prepared.ids = ids
        self._writer.submit_to(self, delivery)
        return True


def _new_id(account: int, identity: bytes, transaction: Transaction) -> int | None:
    """An id for a large message; None when the account has it already (``file_batch`` decides that again)."""
    return None if is_known(transaction.connection, account, identity) else transaction.new_id()


def _deferred(delivery: _Delivery, error: BaseException) -> list[Outcome]:
    full = isinstance(error, Full)
    return [
        Outcome(
            recipient=recipient, fate=Fate.DEFERRED, reason="storage-full" if full else "fault", no_space=full
        )
        for recipient in delivery.envelope.recipients
    ]


def _resolve(done: list[tuple[_Delivery, Sequence[Outcome]]]) -> None:
    for delivery, outcomes in done:
        if not delivery.future.done():
            delivery.future.set_result(outcomes)

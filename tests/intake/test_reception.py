"""The way from a door to the commit: poison falls out alone, large mail goes ahead in slices, nobody waits for ever."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from mailhub.config.live import Live
from mailhub.envelope import Envelope, Fate, Outcome, Recipient, Refusal, Source
from mailhub.filing import pipeline
from mailhub.intake import reception as receiving
from mailhub.intake.reception import Reception
from mailhub.reading.prepare import Prepared
from storage.errors import Full
from storage.mail import raws, refusals
from storage.mail.raws import SLICE_BYTES
from storage.schema import intake, message, raw_pending
from storage.schema import raw as raw_table
from storage.writer import Transaction
from tests.houses.postroom import HELP, START, SUPPORT, PostRoom, mail

GUARD_SECONDS = 30.0  # only a hang gets there


@pytest.fixture
def reception(room: PostRoom) -> Iterator[Reception]:
    """A running reception in front of ``room``."""
    started = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    started.start()
    with capture_logs():  # structlog's own default renders the locals of tracebacks, megabytes of mail
        yield started
        started.close()


def envelope(*recipients: str) -> Envelope:
    return Envelope(
        source=Source.SMTP,
        mail_from="envelope@customer.example",
        recipients=recipients or ("support@example.com",),
        received_at=START,
    )


def send(
    room: PostRoom, reception: Reception, *messages: bytes, to: Sequence[str] = ()
) -> list[Sequence[Outcome]]:
    """Hand all messages over at once from one loop; what each session hears."""

    async def main() -> list[Sequence[Outcome]]:
        async with asyncio.timeout(GUARD_SECONDS):
            return await asyncio.gather(*(reception.deliver(envelope(*to), raw) for raw in messages))

    heard = asyncio.run(main())
    for raw, outcomes in zip(messages, heard, strict=True):
        for outcome in outcomes:
            room.delivered += outcome.fate is not Fate.DEFERRED
            if outcome.message is not None and outcome.fate is not Fate.DUPLICATE:
                room.sent[outcome.message] = raw
    return heard


def count(room: PostRoom, table: Any) -> int:
    with room.database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_every_session_hears_its_own_outcomes(room: PostRoom, reception: Reception) -> None:
    """Fifty sessions at once each hear the fate of their own mail, after the commit, one per recipient in order."""
    mails = [mail(f"Mail {n}.", sender=f"kim{n}@customer.example") for n in range(50)]
    heard = send(room, reception, *mails, to=("help@other.example", "support@example.com"))
    assert [[o.recipient for o in outcomes] for outcomes in heard] == [
        ["help@other.example", "support@example.com"]
    ] * 50
    assert len({outcomes[1].message for outcomes in heard}) == 50
    assert [room.raw(outcomes[1].message) for outcomes in heard] == mails
    assert reception.outcomes == {("smtp", "filed"): 100}
    assert reception.oldest_undecided_seconds() == 0.0


def test_a_poison_message_falls_out_alone(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sixteen mails one cannot be filed as read: it is filed as unreadable, the fifteen as they are."""
    original = pipeline._decide

    def poisoned(account: Any, prepared: Prepared, *rest: Any) -> Any:
        if "poison" in prepared.parsed.subject:
            raise ValueError("a fault of ours in this very message")
        return original(account, prepared, *rest)

    monkeypatch.setattr(pipeline, "_decide", poisoned)
    held = hold(room)
    mails = [
        mail(f"{n}", sender=f"k{n}@x.example", subject="poison" if n == 7 else "fine") for n in range(16)
    ]
    threading.Timer(0.0, held.set).start()
    heard = [outcomes[0] for outcomes in send(room, reception, *mails)]
    assert [outcome.fate for outcome in heard] == [
        Fate.QUARANTINED if n == 7 else Fate.FILED for n in range(16)
    ]
    assert (room.message(heard[7].message).unreadable, room.raw(heard[7].message)) == (1, mails[7])


def hold(room: PostRoom) -> threading.Event:
    """Keep the writer busy until the event is set, so that mail gathers."""
    go = threading.Event()
    room.writer.submit(lambda _: go.wait(GUARD_SECONDS))
    return go


def test_what_cannot_be_filed_at_all_is_deferred(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When even the unreadable form fails, the peer hears of a temporary fault and nothing is stored."""

    def broken(*_: Any) -> None:
        raise ValueError

    monkeypatch.setattr(pipeline, "_decide", broken)
    ((outcome,),) = send(room, reception, mail())
    assert (outcome.fate, outcome.reason, outcome.no_space) == (Fate.DEFERRED, "fault", False)
    assert count(room, intake) == 0


def test_a_full_disk_is_told_as_such(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room the peer hears so, for each recipient, and the message is not tried as unreadable."""
    runs: list[int] = []

    def full(_: Transaction, __: Any, messages: Sequence[Prepared]) -> None:
        runs.append(len(messages))
        raise Full("no room")

    monkeypatch.setattr(receiving, "file_batch", full)
    ((one, two),) = send(room, reception, mail(), to=("support@example.com", "sales@example.com"))
    assert [(o.fate, o.reason, o.no_space) for o in (one, two)] == [(Fate.DEFERRED, "storage-full", True)] * 2
    assert runs == [1]


def test_a_fault_while_preparing_stops_nothing(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if preparing raises, which it must not, that session hears of a fault and the next mail is filed."""

    def broken(*_: Any, **__: Any) -> list[Prepared]:
        raise MemoryError

    for raw in (mail(), mail("x" * receiving.LARGE_BYTES)):
        with monkeypatch.context() as patch:
            patch.setattr(receiving, "prepare_each", broken)
            ((outcome,),) = send(room, reception, raw)
        assert (outcome.fate, outcome.reason) == (Fate.DEFERRED, "fault")
    assert send(room, reception, mail())[0][0].fate is Fate.FILED


def large(seed: int, size: int) -> bytes:
    """A mail that zstd cannot make smaller than ``size``."""
    body = random.Random(seed).randbytes(size).hex()
    return mail(body, id=f"{seed}@x.example")


def test_a_large_mail_is_whole_and_nothing_is_pending(room: PostRoom, reception: Reception) -> None:
    """A mail of several slices to two tenants is stored whole in each, and no slice is left to sweep."""
    raw = large(1, 3 * SLICE_BYTES)
    ((ours, theirs),) = send(room, reception, raw, to=("support@example.com", "help@other.example"))
    assert (room.raw(ours.message, 1) == raw, room.raw(theirs.message, 2) == raw) == (True, True)
    assert (count(room, raw_pending), count(room, message)) == (0, 2)


def test_a_large_duplicate_writes_no_slices(room: PostRoom, reception: Reception) -> None:
    """A large mail sent again is recognised before any slice of it is written."""
    raw = large(1, 2 * SLICE_BYTES)
    first, again = send(room, reception, raw)[0][0], send(room, reception, raw)[0][0]
    assert (again.fate, again.message, count(room, raw_pending)) == (Fate.DUPLICATE, first.message, 0)


def test_slices_swept_too_early_defer_their_message(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a sweep overtakes a large mail, its peer hears of a fault and nothing is filed; small mail goes on."""
    original = pipeline.file_batch

    def overtaken(transaction: Transaction, *rest: Any) -> Any:
        raws.sweep(transaction.connection, before=START * 2, limit=1)
        return original(transaction, *rest)

    monkeypatch.setattr(receiving, "file_batch", overtaken)
    ((outcome,),) = send(room, reception, large(1, 2 * SLICE_BYTES))
    assert (outcome.fate, count(room, message)) == (Fate.DEFERRED, 0)
    assert send(room, reception, mail())[0][0].fate is Fate.FILED


def test_the_slices_of_a_large_duplicate_are_swept(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slices ahead of a message that turns out to be known are swept, and those alone."""
    monkeypatch.setattr(receiving, "is_known", lambda *_: False)  # as when both copies come at once
    raw = large(1, 2 * SLICE_BYTES)
    first, again = send(room, reception, raw)[0][0], send(room, reception, raw)[0][0]
    assert (again.fate, again.message) == (Fate.DUPLICATE, first.message)
    assert count(room, raw_pending) == 1
    while room.do(lambda tx: raws.sweep(tx.connection, before=START + 1, limit=2)):
        pass
    assert (count(room, raw_pending), room.raw(first.message)) == (0, raw)
    with room.database.read() as connection:
        assert set(connection.execute(select(raw_table.c.message_id)).scalars()) == {first.message}


def test_a_poisoned_large_mail_keeps_its_slices(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large mail that cannot be filed as read is filed as unreadable with the slices it has written already."""
    original = pipeline._decide

    def poisoned(account: Any, prepared: Prepared, *rest: Any) -> Any:
        if not prepared.unreadable:
            raise ValueError
        return original(account, prepared, *rest)

    monkeypatch.setattr(pipeline, "_decide", poisoned)
    raw = large(2, 2 * SLICE_BYTES)
    ((outcome,),) = send(room, reception, raw)
    assert (outcome.fate, room.raw(outcome.message)) == (Fate.QUARANTINED, raw)
    assert count(room, raw_pending) == 0


def test_a_session_that_goes_away_harms_nobody(room: PostRoom, reception: Reception) -> None:
    """A session cancelled while its mail waits does not stop the others, and its mail is filed all the same."""
    held = hold(room)

    async def main() -> Sequence[Outcome]:
        async with asyncio.timeout(GUARD_SECONDS):
            leaving = [
                asyncio.create_task(reception.deliver(envelope(), raw))
                for raw in (mail("1"), large(3, 999_999))
            ]
            staying = asyncio.create_task(reception.deliver(envelope(), mail("2")))
            await asyncio.sleep(0)
            for task in leaving:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            held.set()
            return await staying

    assert asyncio.run(main())[0].fate is Fate.FILED
    room.writer.run(lambda _: None)
    with room.database.read() as connection:
        stored = connection.execute(select(message.c.id)).scalars().all()
    room.sent.update({id: room.raw(id) or b"" for id in stored})
    room.delivered = count(room, intake)
    assert count(room, message) >= 2


def test_after_closing_mail_is_deferred(room: PostRoom) -> None:
    """What arrives while the house closes is deferred, never lost nor left waiting."""
    closing = Reception(Live(room.context), room.writer, room.secrets, room.context.directory)
    closing.start()
    room.writer.close()
    ((outcome,),) = send(room, closing, mail())
    closing.close()
    assert (outcome.fate, outcome.reason) == (Fate.DEFERRED, "fault")


def test_refusals_are_counted_per_peer_and_reason(
    room: PostRoom, reception: Reception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refusals become one row per peer, hour and reason; a later flush adds to it; peers over the bound share one."""
    monkeypatch.setattr(receiving, "REFUSALS_REMEMBERED", 30)
    monkeypatch.setattr(receiving, "REFUSALS_WRITTEN", 7)
    for _ in range(2):
        for peer in ["192.0.2.1"] * 3 + ["192.0.2.2"]:
            reception.refused(peer, "unknown-recipient")
        reception.flush_refusals()
    for number in range(80):
        reception.refused(f"2001:db8::{number:x}", "junk")
    reception.flush_refusals()
    room.writer.run(lambda _: None)
    with room.database.read() as connection:
        rows = refusals.list_refusals(connection, limit=1000)
    totals: Counter[tuple[str, str]] = Counter()
    for row in rows:
        totals[row.peer, row.reason] += row._mapping["count"]
    assert totals["192.0.2.1", "unknown-recipient"] == 6
    assert totals["192.0.2.2", "unknown-recipient"] == 2
    assert totals["", "junk"] == 50
    assert len(totals) == 2 + 30 + 1


def test_resolving_asks_the_directory(room: PostRoom, reception: Reception) -> None:
    """The reception resolves as the directory does."""
    assert reception.resolve("Help@Other.Example") == Recipient(2, HELP, "help@other.example")
    assert reception.resolve("support+x@example.com") == Recipient(1, SUPPORT, "support@example.com", "x")
    assert reception.resolve("nobody@example.com") is Refusal.UNKNOWN

"""The writer: what gathers goes into one commit, what fails falls out alone, and everybody hears how it ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

import storage.database
import storage.writer
from storage.database import Database
from storage.errors import Full, Locked, Stopped, StorageError
from storage.schema import FIRST_ID, contact_address, raw, refusal
from storage.writer import ATTEMPTS, ID_BLOCK, TURN_ITEMS, Transaction, WritingThread

GUARD_SECONDS = 20.0  # only a hang gets there


def row(reason: str, count: int = 1) -> dict[str, Any]:
    return {"hour": 1, "peer": "192.0.2.1", "reason": reason, "count": count}


def reasons(database: Database) -> list[str]:
    with database.read() as connection:
        return sorted(connection.execute(select(refusal.c.reason)).scalars())


def adding(reason: str) -> Callable[[Transaction], str]:
    """A function for the writer that inserts one row."""

    def add(transaction: Transaction) -> str:
        transaction.connection.execute(insert(refusal).values(row(reason)))
        return reason

    return add


class Held:
    """A writer whose thread is inside a function until ``release``, so that work gathers behind it."""

    def __init__(self, writer: WritingThread) -> None:
        self._inside, self._go = threading.Event(), threading.Event()
        self._future = writer.submit(self._wait)
        assert self._inside.wait(GUARD_SECONDS)

    def _wait(self, _: Transaction) -> None:
        self._inside.set()
        assert self._go.wait(GUARD_SECONDS)

    def release(self) -> None:
        self._go.set()
        self._future.result(GUARD_SECONDS)


class Adding:
    """A batch that inserts its items as rows; "bad" breaks a key, "odd" raises."""

    def __init__(self) -> None:
        self.runs: list[list[str]] = []
        self.heard: dict[str, Any] = {}
        self.settled = threading.Semaphore(0)
        self.visible: Callable[[], list[str]] | None = None  # what others see when the batch hears

    def run(self, transaction: Transaction, items: Sequence[str]) -> Sequence[str]:
        self.runs.append(list(items))
        for item in items:
            transaction.connection.execute(insert(refusal).values(row("twice" if item == "bad" else item)))
            if item == "odd":
                raise ValueError(item)
            if item == "bad":
                transaction.connection.execute(insert(refusal).values(row("twice")))
        return [item.upper() for item in items]

    def finish(self, settled: Sequence[tuple[Any, Any]]) -> None:
        present = self.visible() if self.visible else [item for item, _ in settled]
        for item, result in settled:
            self.heard[item] = result
            assert isinstance(result, BaseException) or item in present
            self.settled.release()

    def wait(self, items: int) -> None:
        for _ in range(items):
            assert self.settled.acquire(timeout=GUARD_SECONDS)


def test_what_gathers_during_a_turn_becomes_one_commit(
    database: Database, writer: WritingThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty functions and forty batch items that gather while a turn runs are committed by one further turn."""
    monkeypatch.setattr(storage.writer, "TURN_SECONDS", GUARD_SECONDS)
    commits: list[Connection] = []
    held, batch = Held(writer), Adding()
    event.listen(database.writing, "commit", commits.append)
    for number in range(40):
        writer.submit_to(batch, f"item-{number}")
    futures = [writer.submit(Transaction.new_id) for _ in range(40)]
    held.release()
    batch.wait(40)
    assert len({future.result(GUARD_SECONDS) for future in futures}) == 40
    assert len(commits) == 2  # the turn that held the writer, and the one for everything behind it
    assert len(batch.runs) == 1


def test_functions_stop_joining_a_long_turn(writer: WritingThread, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function joins no turn that has lasted its time: with no time at all, each has a turn of its own, in order."""
    monkeypatch.setattr(storage.writer, "TURN_SECONDS", 0.0)
    held = Held(writer)
    turns = writer.turns
    futures = [writer.submit(Transaction.new_id) for _ in range(5)]
    held.release()
    ids = [future.result(GUARD_SECONDS) for future in futures]
    writer.run(Transaction.new_id)
    assert ids == sorted(ids)
    assert writer.turns - turns >= 6  # the held one, and five; the last may not be counted yet


def test_a_turn_takes_no_more_than_its_bound(writer: WritingThread) -> None:
    """More items than a turn carries are spread over several runs, in order."""
    held, batch = Held(writer), Adding()
    for number in range(TURN_ITEMS + 5):
        writer.submit_to(batch, f"item-{number}")
    held.release()
    batch.wait(TURN_ITEMS + 5)
    assert [len(run) for run in batch.runs] == [TURN_ITEMS, 5]


def test_batches_go_first(database: Database, writer: WritingThread) -> None:
    """Intake that gathered after a function of the same turn is nevertheless done before it."""
    held, batch = Held(writer), Adding()
    future = writer.submit(lambda tx: tx.connection.execute(select(refusal.c.reason)).scalars().all())
    writer.submit_to(batch, "mail")
    held.release()
    assert future.result(GUARD_SECONDS) == ["mail"]
    assert reasons(database) == ["mail"]


@pytest.mark.parametrize(("item", "error"), [("bad", IntegrityError), ("odd", ValueError)])
def test_a_failing_item_falls_out_alone(
    database: Database, writer: WritingThread, item: str, error: type[Exception]
) -> None:
    """One poisoned item of a batch fails by itself; the others of its batch are committed."""
    held, batch = Held(writer), Adding()
    batch.visible = lambda: reasons(database)
    for name in ("first", item, "last"):
        writer.submit_to(batch, name)
    held.release()
    batch.wait(3)
    assert isinstance(batch.heard.pop(item), error)
    assert batch.heard == {"first": "FIRST", "last": "LAST"}
    assert reasons(database) == ["first", "last"]


def test_ids_never_repeat_after_a_rollback(database: Database, writer: WritingThread) -> None:
    """A block of ids taken in a savepoint that was undone is not handed out again."""
    seen: list[int] = []

    def take_and_fail(transaction: Transaction) -> None:
        seen.extend(transaction.new_id() for _ in range(3))
        raise ValueError("undone")

    for _ in range(3):
        with pytest.raises(ValueError, match="undone"):
            writer.run(take_and_fail)
        seen.append(writer.run(Transaction.new_id))
    kept = seen[3::4]
    assert kept == sorted(set(kept))
    assert min(kept) >= FIRST_ID
    other = WritingThread(database, node=1)
    other.start()
    theirs = [other.run(Transaction.new_id), other.run(lambda tx: [tx.new_id() for _ in range(ID_BLOCK)][-1])]
    other.close()
    assert min(theirs) > max(kept)
    assert writer.run(Transaction.new_id) not in theirs


def test_actions_run_after_commits_only(database: Database, writer: WritingThread) -> None:
    """What is to happen after the commit happens once for work that is kept, with its rows visible, else never."""
    heard: list[list[str]] = []

    def kept(transaction: Transaction) -> None:
        adding("kept")(transaction)
        transaction.after_commit(lambda: heard.append(reasons(database)))

    def undone(transaction: Transaction) -> None:
        adding("undone")(transaction)
        transaction.after_commit(lambda: heard.append(["never"]))
        raise ValueError

    held = Held(writer)
    futures = [writer.submit(undone), writer.submit(kept)]
    held.release()
    assert isinstance(futures[0].exception(GUARD_SECONDS), ValueError)
    futures[1].result(GUARD_SECONDS)
    assert heard == [["kept"]]


def test_actions_do_not_run_when_the_commit_fails(database: Database, writer: WritingThread) -> None:
    """When the commit itself fails nobody is told that anything was kept, and nothing is."""
    heard: list[str] = []

    def refuse(_: Connection) -> None:
        raise OSError("the disk went away")

    def work(transaction: Transaction) -> None:
        adding("lost")(transaction)
        transaction.after_commit(lambda: heard.append("kept"))

    event.listen(database.writing, "commit", refuse)
    failed = writer.submit(work)
    assert isinstance(failed.exception(GUARD_SECONDS), StorageError)
    event.remove(database.writing, "commit", refuse)
    assert (heard, reasons(database)) == ([], [])
    assert writer.run(adding("later")) == "later"


def test_close_finishes_what_was_submitted(database: Database, writer: WritingThread) -> None:
    """Closing commits everything submitted before, and what comes after hears that the writer stopped."""
    held, batch = Held(writer), Adding()
    names = [f"row-{number:02}" for number in range(30)]
    futures: list[Future[str]] = [writer.submit(adding(name)) for name in names]
    closing = threading.Thread(target=writer.close)
    closing.start()
    held.release()
    closing.join(GUARD_SECONDS)
    assert [future.result(0) for future in futures] == names
    assert reasons(database) == names
    assert isinstance(writer.submit(adding("late")).exception(0), Stopped)
    writer.submit_to(batch, "late")
    assert isinstance(batch.heard["late"], Stopped)


def test_closing_races_with_submitting(database: Database) -> None:
    """However a submit and a close interleave, its future is resolved."""
    for _ in range(20):
        racing = WritingThread(database)
        racing.start()
        futures: list[Future[int]] = []
        submitting = threading.Thread(
            target=lambda racing=racing, futures=futures: futures.extend(
                racing.submit(Transaction.new_id) for _ in range(20)
            )
        )
        submitting.start()
        racing.close()
        submitting.join(GUARD_SECONDS)
        assert len([future.exception(GUARD_SECONDS) for future in futures]) == 20


def test_closing_a_writer_that_never_started_returns(database: Database) -> None:
    """A writer that was made and never started can be closed."""
    idle = WritingThread(database)
    idle.close()
    assert isinstance(idle.submit(adding("late")).exception(0), Stopped)


def test_a_cancelled_future_stops_nothing(database: Database, writer: WritingThread) -> None:
    """A caller who gave up before their turn is passed over, and the writer serves the next one."""
    held = Held(writer)
    given_up = writer.submit(adding("given-up"))
    assert given_up.cancel()
    held.release()
    assert writer.submit(adding("next")).result(GUARD_SECONDS) == "next"
    assert reasons(database) == ["next"]


def test_a_listener_that_raises_stops_nothing(database: Database, writer: WritingThread) -> None:
    """An action or a batch that raises after the commit neither undoes the work nor ends the writer."""

    class Deaf(Adding):
        def finish(self, settled: Sequence[tuple[Any, Any]]) -> None:
            super().finish(settled)
            raise RuntimeError("the loop is closed")

    def work(transaction: Transaction) -> None:
        adding("kept")(transaction)
        transaction.after_commit(lambda: [][0])

    deaf = Deaf()
    writer.submit_to(deaf, "heard")
    deaf.wait(1)
    writer.submit(work).result(GUARD_SECONDS)
    assert writer.submit(adding("next")).result(GUARD_SECONDS) == "next"
    assert reasons(database) == ["heard", "kept", "next"]


def test_a_database_held_by_another_process_is_a_temporary_error(
    sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody else holds the file every caller, of batches and of functions, hears Locked; then it works."""
    pragmas = [pragma for pragma in storage.database._SQLITE_PRAGMAS if "busy_timeout" not in pragma]
    monkeypatch.setattr(storage.database, "_SQLITE_PRAGMAS", (*pragmas, "PRAGMA busy_timeout=0"))
    holder, database = Database(sqlite_path), Database(sqlite_path)
    writer, batch = WritingThread(database), Adding()
    writer.start()
    with holder.writing.begin():
        futures = [writer.submit(adding(name)) for name in ("one", "two")]
        writer.submit_to(batch, "item")
        batch.wait(1)
        assert [type(future.exception(GUARD_SECONDS)) for future in futures] == [Locked, Locked]
        assert isinstance(batch.heard["item"], Locked)
    assert writer.run(adding("later")) == "later"
    writer.close()
    assert reasons(database) == ["later"]
    holder.close()
    database.close()


def test_a_held_row_of_postgresql_is_a_temporary_error(
    postgresql_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that another node does not let go of is given up as Locked instead of holding the writer for ever."""
    monkeypatch.setattr(storage.database, "BUSY_TIMEOUT_MS", 50)
    impatient = Database(postgresql_database.url.render_as_string(hide_password=False))
    writer = WritingThread(impatient)
    writer.start()
    with postgresql_database.writing.begin() as holder:
        holder.execute(text("LOCK TABLE refusal IN ACCESS EXCLUSIVE MODE"))
        assert isinstance(writer.submit(adding("one")).exception(GUARD_SECONDS), Locked)
    assert writer.run(adding("later")) == "later"
    writer.close()
    impatient.close()


def test_a_full_disk_is_a_temporary_error_of_its_own(sqlite_database: Database) -> None:
    """When the file can grow no more every caller of the turn hears Full, nothing is kept, and room heals it."""

    def limit(pages: str) -> Callable[[Any, Any], None]:
        return lambda connection, _: connection.execute(f"PRAGMA max_page_count={pages}").close()

    def large(transaction: Transaction) -> None:
        data = {"account_id": 1, "message_id": transaction.new_id(), "slice": 0, "data": bytes(1024 * 1024)}
        transaction.connection.execute(insert(raw).values(data))

    with sqlite_database.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    event.listen(sqlite_database.writing, "connect", limit(str(pages + 20)))
    writer, batch = WritingThread(sqlite_database), Adding()
    writer.start()
    held = Held(writer)
    writer.submit_to(batch, "item")
    failed = writer.submit(large)
    held.release()
    batch.wait(1)
    assert isinstance(failed.exception(GUARD_SECONDS), Full)
    assert isinstance(batch.heard["item"], Full)
    assert reasons(sqlite_database) == []
    sqlite_database.writing.dispose()
    event.listen(sqlite_database.writing, "connect", limit(str(pages + 2000)))
    writer.run(large)
    writer.close()


def test_the_loser_of_a_race_runs_again_and_sees_the_winner(postgresql_database: Database) -> None:
    """Two nodes insert the same key at once: the one that loses runs again and finds what the winner committed."""
    both_looked = threading.Barrier(2)
    runs: list[str | None] = []
    nodes = [WritingThread(postgresql_database, node=node) for node in range(2)]

    def contact(transaction: Transaction) -> int:
        find = select(contact_address.c.contact_id).where(contact_address.c.address == "kim@customer.example")
        known = transaction.connection.execute(find).scalar_one_or_none()
        runs.append(None if known is None else "known")
        if known is not None:
            return int(known)
        if len(runs) <= len(nodes):
            both_looked.wait(GUARD_SECONDS)
        made = transaction.new_id()
        values = {"account_id": 1, "address": "kim@customer.example", "contact_id": made}
        transaction.connection.execute(insert(contact_address).values(values))
        return made

    for node in nodes:
        node.start()
    found = {future.result(GUARD_SECONDS) for future in [node.submit(contact) for node in nodes]}
    for node in nodes:
        node.close()
    assert len(found) == 1
    assert runs == [None, None, "known"]


def test_an_error_of_the_data_is_tried_again_only_so_often(writer: WritingThread) -> None:
    """What collides every time is given up after a few tries, and fails alone."""
    tries: list[int] = []

    def collide(transaction: Transaction) -> None:
        tries.append(1)
        transaction.connection.execute(insert(refusal), [row("same"), row("same")])

    held = Held(writer)
    failed, fine = writer.submit(collide), writer.submit(adding("fine"))
    held.release()
    assert isinstance(failed.exception(GUARD_SECONDS), DBAPIError)
    assert fine.result(GUARD_SECONDS) == "fine"
    assert len(tries) == ATTEMPTS


def test_the_age_of_a_turn_is_known(writer: WritingThread) -> None:
    """While a turn goes on its age grows; between turns it is 0."""
    inside, go_on = threading.Event(), threading.Event()

    def slow(_: Transaction) -> None:
        inside.set()
        go_on.wait(30)

    future = writer.submit(slow)
    assert inside.wait(30)
    first = writer.turn_seconds()
    while not writer.turn_seconds() > first:
        pass
    go_on.set()
    future.result()
    writer.close()
    assert writer.turn_seconds() == 0.0

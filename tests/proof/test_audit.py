"""The journal proves itself: whatever is changed behind its back before the last anchor is found."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, func, insert, select, update

from mailhub.errors import BadRequest
from mailhub.keys import Keys
from mailhub.proof import audit
from mailhub.proof.audit import AuditReport
from storage.database import Database
from storage.proof import anchors, journal
from storage.schema import journal as table
from storage.schema import journal_anchor
from storage.writer import Transaction, WritingThread

KEY = Keys(bytes(32)).signer("anchors")
PUBLIC = KEY.public_key()
ACCOUNTS = (journal.MACHINE, 1, 2)
START = 1_800_000_000_000_000
HOUR = 3_600_000_000


def act(transaction: Transaction, account: int, count: int, *, at: int = START) -> None:
    """Let somebody do something ``count`` times."""
    acts = [
        (f"ticket:{number}", {"before": {"assignee_id": None}, "number": number}) for number in range(count)
    ]
    journal.append_all(
        transaction.connection, account, transaction.node, acts, at=at, actor="user:7", verb="ticket.assign"
    )


def written(database: Database, writer: WritingThread, rows: int = 8) -> None:
    """Three chains of ``rows`` acts, an anchor, three more acts each, and another anchor."""
    for moment, count in ((START, rows - 3), (START + HOUR, 3)):
        for account in ACCOUNTS:
            writer.run(act, account, count, at=moment)
        assert audit.anchor(database, writer, KEY, node=0, now=moment + 1) is not None


def verify(database: Database, **more: Any) -> AuditReport:
    return audit.verify(database, PUBLIC, **more)


def test_an_untouched_journal_is_whole(database: Database, writer: WritingThread) -> None:
    """Every row is counted, all of them are anchored, and later ones are reported as not yet anchored."""
    written(database, writer)
    report = verify(database)
    assert (report.faults, report.chains, report.rows, report.anchored, report.anchors) == ((), 3, 24, 24, 2)
    writer.run(act, 2, 5)
    report = verify(database)
    assert (report.faults, report.rows - report.anchored) == ((), 5)
    assert verify(database, account=2).rows == 13


def test_nothing_new_is_not_anchored(database: Database, writer: WritingThread) -> None:
    """A second anchor without an act between would say nothing, and is not made."""
    written(database, writer)
    assert audit.anchor(database, writer, KEY, node=0, now=START + 2 * HOUR) is None


def test_an_act_that_says_an_earlier_instant_is_anchored_too(
    database: Database, writer: WritingThread
) -> None:
    """An act that was asked for before the anchor and committed after it gets into the next one."""
    written(database, writer)
    writer.run(act, 1, 1, at=START + HOUR - 5)
    assert audit.anchor(database, writer, KEY, node=0, now=START + 2 * HOUR) is not None
    assert verify(database).anchored == 25


def _rehash(connection: Connection, account: int) -> None:
    """Make an account's chain whole in itself again, as somebody without the signing key can."""
    digest = journal.GENESIS
    for row in connection.execute(
        select(table).where(table.c.account_id == account).order_by(table.c.sequence)
    ).all():
        digest = journal.chained(digest, dict(row._mapping))
        here = (table.c.account_id == account, table.c.node == row.node, table.c.sequence == row.sequence)
        connection.execute(update(table).where(*here).values(hash=digest))


def _edit(connection: Connection, account: int, sequence: int, dice: random.Random) -> None:
    column = dice.choice(["actor", "verb", "object", "detail", "at", "hash"])
    value: object = {"at": dice.randrange(2**50), "hash": dice.randbytes(32)}.get(
        column, f"forged {dice.random()}"
    )
    connection.execute(update(table).where(*_at(account, sequence)).values({column: value}))


def _drop(connection: Connection, account: int, sequence: int, dice: random.Random) -> None:
    connection.execute(delete(table).where(*_at(account, sequence)))
    if dice.random() < 0.5:  # and close the gap
        later = (table.c.account_id == account, table.c.sequence > sequence)
        for row in connection.execute(
            select(table.c.sequence).where(*later).order_by(table.c.sequence)
        ).all():
            moved = update(table).where(*_at(account, row.sequence))
            connection.execute(moved.values(sequence=row.sequence - 1))
        if dice.random() < 0.5:
            _rehash(connection, account)


def _swap(connection: Connection, account: int, sequence: int, dice: random.Random) -> None:
    other = sequence % 8 + 1
    names = ["actor", "verb", "object", "detail", "at"] + (["hash"] if dice.random() < 0.5 else [])
    one, two = (
        connection.execute(select(table).where(*_at(account, each))).one() for each in (sequence, other)
    )
    for target, source in ((sequence, two), (other, one)):
        values = {name: source._mapping[name] for name in names}
        connection.execute(update(table).where(*_at(account, target)).values(values))
    if dice.random() < 0.5:
        _rehash(connection, account)


def _truncate(connection: Connection, account: int, sequence: int, _dice: random.Random) -> None:
    connection.execute(delete(table).where(table.c.account_id == account, table.c.sequence >= sequence))


def _rewrite(connection: Connection, account: int, sequence: int, dice: random.Random) -> None:
    """A fork: the chain goes on differently from here, and is whole in itself."""
    connection.execute(
        update(table).where(*_at(account, sequence)).values(object=f"ticket:{dice.randrange(10**9) + 99}")
    )
    _rehash(connection, account)


def _insert(connection: Connection, account: int, sequence: int, dice: random.Random) -> None:
    """An act that never was, put between two that were."""
    rows = [
        dict(row._mapping) for row in connection.execute(select(table).where(table.c.account_id == account))
    ]
    forged = next(row for row in rows if row["sequence"] == sequence) | {
        "object": f"ticket:{dice.randrange(10**9) + 99}"
    }
    later = [row | {"sequence": row["sequence"] + 1} for row in rows if row["sequence"] >= sequence]
    connection.execute(delete(table).where(table.c.account_id == account, table.c.sequence >= sequence))
    connection.execute(insert(table), [forged, *later])
    if dice.random() < 0.5:
        _rehash(connection, account)


def _at(account: int, sequence: int) -> tuple[Any, ...]:
    return (table.c.account_id == account, table.c.node == 0, table.c.sequence == sequence)


TAMPERING: list[Callable[[Connection, int, int, random.Random], None]] = [
    _edit, _drop, _swap, _truncate, _rewrite, _insert
]  # fmt: skip


class Untouched(Exception):
    """Rolls the tampering back."""


def test_a_thousand_changes_before_the_last_anchor_are_each_found(
    database: Database, writer: WritingThread
) -> None:
    """Random edits, drops, swaps, truncations, forks and insertions of anchored rows: none gets past ``verify``."""
    written(database, writer)
    dice = random.Random(20261124)
    rounds = 1_000 if database.is_sqlite else 60
    for number in range(rounds):
        account, sequence = dice.choice(ACCOUNTS), dice.randrange(1, 9)
        tamper = TAMPERING[number % len(TAMPERING)]
        with database.writing.begin() as connection:
            before = connection.execute(select(table)).all()
            tamper(connection, account, sequence, dice)
        found = verify(database).faults
        assert found, (tamper.__name__, account, sequence)
        assert {fault.account for fault in found} == {account}
        with database.writing.begin() as connection:
            connection.execute(delete(table))
            connection.execute(insert(table), [dict(row._mapping) for row in before])
    assert verify(database).faults == ()


def test_changes_behind_the_last_anchor_are_reported_as_unanchored(
    database: Database, writer: WritingThread
) -> None:
    """What no signature covers can be rewritten by who can write the database: the rows are counted as unproven."""
    written(database, writer)
    writer.run(act, 1, 4)
    with database.writing.begin() as connection:
        _rewrite(connection, 1, 11, random.Random(1))
    report = verify(database)
    assert (report.faults, report.rows - report.anchored) == ((), 4)


@pytest.mark.parametrize("change", ["heads", "signature", "previous", "at", "gap", "last"])
def test_changed_anchors_are_found(database: Database, writer: WritingThread, change: str) -> None:
    """An edited or missing anchor is a fault; that the newest is gone shows against a copy kept elsewhere."""
    written(database, writer)
    kept = list(audit._all_anchors(database))
    with database.writing.begin() as connection:
        if change in ("gap", "last"):
            gone = journal_anchor.c.sequence == (1 if change == "gap" else 2)
            connection.execute(delete(journal_anchor).where(gone))
        else:
            value = {"heads": "[]", "at": 5}.get(change, bytes(64))
            first = update(journal_anchor).where(journal_anchor.c.sequence == 1)
            connection.execute(first.values({change: value}))
    kinds = {fault.kind for fault in verify(database, kept=kept[-1:]).faults}
    assert kinds & {"anchor-changed", "anchor-missing"}
    if change == "last":
        assert verify(database).faults == ()


def test_an_anchor_of_somebody_else_is_refused(database: Database, writer: WritingThread) -> None:
    """A file of anchors that this installation did not sign proves nothing and says so."""
    written(database, writer)
    forged = [anchors.Anchor(node=0, sequence=1, at=1, heads="[]", previous=bytes(32), signature=bytes(64))]
    with pytest.raises(BadRequest, match="not signed by this installation"):
        verify(database, kept=forged)


def test_reading_is_by_pages(
    database: Database, writer: WritingThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain longer than a page is followed over its end."""
    monkeypatch.setattr(audit, "PAGE", 5)
    written(database, writer, rows=23)
    assert verify(database).rows == 69


def test_append_costs_two_statements(database: Database, writer: WritingThread) -> None:
    """However many acts are recorded at once, one row is read and one statement writes."""
    seen: list[str] = []

    def some(transaction: Transaction) -> None:
        def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            seen.append(statement.split(maxsplit=1)[0])

        event.listen(transaction.connection, "before_cursor_execute", count)
        act(transaction, 1, 200)
        event.remove(transaction.connection, "before_cursor_execute", count)

    writer.run(some)
    assert seen == ["SELECT", "INSERT"]
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 200

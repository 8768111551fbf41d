"""Two nodes on one PostgreSQL take the same mail at the same time: it is stored once, and neither loses a delivery."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from mailhub.envelope import Fate, Outcome
from mailhub.filing.flood import FloodCounter
from mailhub.filing.pipeline import file_batch
from mailhub.filter.models import Models
from mailhub.reading.prepare import Prepared
from storage.database import Database
from storage.schema import contact, intake, message
from storage.writer import Transaction, WritingThread
from tests.houses.postroom import PostRoom, mail, open_room

GUARD_SECONDS = 30.0  # only a hang gets there


def test_the_same_mail_at_two_nodes_is_one_message(postgresql_database: Database, tmp_path: Path) -> None:
    """Twelve mails of three people, sent to both nodes at once, are twelve messages of three contacts, 24 fates."""
    nodes = [WritingThread(postgresql_database, node=number) for number in range(2)]
    for node in nodes:
        node.start()
    with open_room(postgresql_database, nodes[0], tmp_path) as room:
        mails = [mail(f"Mail {n}.", id=f"{n}@x.example", sender=f"k{n % 3}@x.example") for n in range(12)]
        prepared = [[room.prepare(raw, quiet=True) for raw in mails] for _ in nodes]
        start = threading.Barrier(2)

        def deliver(number: int) -> list[Outcome]:
            context = replace(
                room.context,
                models=Models(postgresql_database, tmp_path / str(number)),
                flood=FloodCounter(100),
            )
            start.wait(GUARD_SECONDS)
            return [file_one(nodes[number], context, each) for each in prepared[number]]

        with ThreadPoolExecutor(2) as threads:
            heard = [outcome for outcomes in threads.map(deliver, range(2)) for outcome in outcomes]
        assert sorted(outcome.fate.value for outcome in heard) == ["duplicate"] * 12 + ["filed"] * 12
        assert [room.count(table) for table in (message, contact, intake)] == [12, 3, 24]
        remember(room, mails, heard)
    for node in nodes:
        node.close()


def file_one(writer: WritingThread, context: Any, prepared: Prepared) -> Outcome:
    """One mail, as a session of that node."""

    def work(transaction: Transaction) -> Sequence[Outcome]:
        return file_batch(transaction, context, [prepared])[0]

    return writer.submit(work).result(GUARD_SECONDS)[0]


def remember(room: PostRoom, mails: list[bytes], heard: list[Outcome]) -> None:
    """Tell the room what was sent past it, for its check at the end."""
    room.delivered += len(heard)
    for raw, outcome in zip([*mails, *mails], heard, strict=True):
        if outcome.fate is Fate.FILED and outcome.message is not None:
            room.sent[outcome.message] = raw

"""However mail arrives, repeated, by two doors, cut into batches, each message is stored exactly once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailhub.envelope import Fate, Source
from storage.database import Database
from storage.schema import intake, message
from storage.writer import WritingThread
from tests.houses.postroom import ADDRESSES, HELP, OURS, THEIRS, PostRoom, answering, mail, open_room

MAILS = [
    mail("One.", id="1@x.example"),
    mail("The same id, another body.", id="1@x.example"),
    mail("Without an id."),
    mail("Without an id, another text."),
    mail("An answer.", id="2@x.example", headers=answering("1@x.example")),
    mail("A loop.", headers=[("Received", "from a by b")] * 60),
    mail(sender="support@example.com", id="3@x.example"),
]
LOOP = 5
TRACES = [b"", b"Received: from a by b\r\n", b"Delivered-To: support@example.com\r\n"]

Rooms = Callable[[], AbstractContextManager[PostRoom]]
Delivery = tuple[int, int, list[int], Source]
deliveries = st.lists(
    st.tuples(
        st.integers(0, len(MAILS) - 1),
        st.integers(0, len(TRACES) - 1),
        st.lists(st.sampled_from(sorted(ADDRESSES)), min_size=1, max_size=4),
        st.sampled_from(Source),
    ),
    max_size=25,
)
sizes = st.lists(st.integers(1, 9), min_size=25, max_size=25)


@pytest.fixture
def rooms(sqlite_template: Path, tmp_path: Path) -> Rooms:
    """Opens a fresh room on SQLite, as often as asked."""
    path = tmp_path / "example.sqlite3"

    @contextmanager
    def fresh() -> Iterator[PostRoom]:
        for old in tmp_path.glob("example.sqlite3*"):
            old.unlink()
        database = Database(Path(shutil.copy(sqlite_template, path)))
        writer = WritingThread(database)
        writer.start()
        try:
            with open_room(database, writer, tmp_path) as room:
                yield room
        finally:
            writer.close()
            database.close()

    return fresh


def batches(items: Sequence[Delivery], cuts: Sequence[int]) -> Iterator[Sequence[Delivery]]:
    """The deliveries in order, in batches of these sizes."""
    at = 0
    for size in cuts:
        if at < len(items):
            yield items[at : at + size]
            at += size


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(sent=deliveries, cuts=sizes)
def test_each_message_is_stored_once(rooms: Rooms, sent: list[Delivery], cuts: list[int]) -> None:
    """Every delivery has a fate; an account holds each mail sent to it once; all its copies name that one message."""
    with rooms() as room:
        named: dict[tuple[int, int], set[int | None]] = {}
        fates: list[Fate] = []
        for batch in batches(sent, cuts):
            prepared = [
                (
                    TRACES[trace] + MAILS[which],
                    room.prepare(
                        TRACES[trace] + MAILS[which],
                        recipients=[ADDRESSES[mailbox] for mailbox in to],
                        source=source,
                        quiet=True,
                    ),
                )
                for which, trace, to, source in batch
            ]
            for (which, _, to, _), outcomes in zip(batch, room.file_all(prepared), strict=True):
                fates += [outcome.fate for outcome in outcomes]
                for mailbox, outcome in zip(to, outcomes, strict=True):
                    account = THEIRS if mailbox == HELP else OURS
                    named.setdefault((account, which), set()).add(outcome.message)
        assert len(fates) == sum(len(to) for _, _, to, _ in sent)
        assert Fate.DEFERRED not in fates
        assert all(ids == {None} if which == LOOP else len(ids) == 1 for (_, which), ids in named.items())
        for account in (OURS, THEIRS):
            wanted = {which for owner, which in named if owner == account} - {LOOP}
            assert room.count(message, account) == len(wanted)
            stored = {row.id for row in room.rows(message, account)}
            assert {row.message_id for row in room.rows(intake, account)} - {None} == stored

"""Any sequence of deliveries, reading and moves gives exactly the marks of a small model that knows no rows.

The real watch and rows, against a server of folders in memory. The model knows each mail's place and flags,
and what one look after the other can have seen of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailhub.envelope import Source
from mailhub.filing.pipeline import file_batch
from mailhub.intake.imap import cursor
from mailhub.intake.imap.answers import Sketch
from mailhub.intake.imap.conversation import Conversation
from mailhub.intake.imap.folder import Rooms
from mailhub.intake.imap.watch import BODIES_AT_ONCE, MoveWatch
from storage.database import Database
from storage.filter import mark_requests
from storage.schema import mark_request, message
from storage.sources import imap_sources
from storage.sources.imap_sources import WATCHED, Fetching, ImapFolder, ImapSource
from storage.writer import WritingThread
from tests.houses.imap_rows import source_row
from tests.houses.postroom import OURS, PostRoom, mail, open_room

MAILS = 4
INBOX, JUNK = "INBOX", "Junk"
_ids = itertools.count(5_000)

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["deliver", "deliver-read"]),
            st.integers(0, MAILS - 1),
            st.sampled_from([INBOX, JUNK]),
        ),
        st.tuples(
            st.sampled_from(["read", "unread", "move", "delete"]), st.integers(0, MAILS - 1), st.just("")
        ),
        st.tuples(st.just("look"), st.just(0), st.just("")),
    ),
    max_size=24,
)


@dataclass(kw_only=True)
class Server:
    """Two folders: UID -> (name of the mail, whether it is read). What ``MoveWatch`` asks of a conversation."""

    folders: dict[str, dict[int, list[Any]]] = field(default_factory=lambda: {INBOX: {}, JUNK: {}})
    next_uid: int = 1
    selected: str = INBOX
    raws: dict[str, bytes] = field(default_factory=dict)
    bodies: int = 0  # fetched by the watch

    def put(self, name: str, folder: str, *, read: bool) -> None:
        self.folders[folder][self.next_uid] = [name, read]
        self.next_uid += 1

    def junk_folder(self) -> str:
        return JUNK

    def uids(self, low: int, high: int | None) -> Sequence[int]:
        return [uid for uid in self.folders[self.selected] if low <= uid <= (high or 2**32)]

    def states(
        self, uids: Sequence[int], *, since: int | None
    ) -> tuple[Mapping[int, frozenset[str]], int | None]:
        there = self.folders[self.selected]
        return {uid: self._flags(there[uid]) for uid in uids if uid in there}, since

    def sketch(self, uids: Sequence[int]) -> Mapping[int, Sketch]:
        there = {uid: mail for uid, mail in self.folders[self.selected].items() if uid in uids}
        return {
            uid: Sketch(
                size_bytes=len(self.raws[each[0]]),
                flags=self._flags(each),
                message_id=f"{each[0]}@customer.example",
            )
            for uid, each in there.items()
        }

    def fetch(self, uids: Sequence[int], *, budget: int) -> Mapping[int, bytes]:
        assert budget > 0
        self.bodies += len(uids)
        return {uid: self.raws[each[0]] for uid, each in self.folders[self.selected].items() if uid in uids}

    @staticmethod
    def _flags(each: list[Any]) -> frozenset[str]:
        return frozenset({"\\Seen"} if each[1] else ())


@dataclass(kw_only=True)
class Known:
    """What the model knows of one mail: where it is, and what the last look saw."""

    place: str = ""  # "": not delivered, or gone for good
    stay: int = 0  # counts moves: another stay is another copy
    read: bool = False
    seen_place: str = ""
    seen_stay: int = -1
    read_there: bool | None = (
        None  # None: it was read when we first saw it in Junk, which says nothing ever after
    )


@dataclass(kw_only=True)
class Model:
    """The marks that should be asked for: mail -> (label, whether it is sure)."""

    mails: dict[int, Known] = field(default_factory=lambda: {number: Known() for number in range(MAILS)})
    asked: dict[int, tuple[str, bool]] = field(default_factory=dict)

    def look(self) -> None:
        for number, each in self.mails.items():
            moved = each.seen_place and each.place and each.place != each.seen_place
            if moved:
                self._ask(number, "spam" if each.place == JUNK else "ham", bool(each.read_there))
            if each.stay != each.seen_stay:
                each.read_there = None if each.read and each.place == JUNK else each.read
            elif each.read_there is False and each.read:
                each.read_there = True
            each.seen_place, each.seen_stay = each.place, each.stay

    def _ask(self, number: int, label: str, sure: bool) -> None:
        if self.asked.get(number) != (label, True):
            self.asked[number] = (label, sure)


@dataclass(kw_only=True)
class World:
    """The watch and the model, side by side."""

    room: PostRoom
    names: list[str]
    server: Server
    model: Model
    source: ImapSource
    watch: MoveWatch

    def do(self, act: str, number: int, folder: str) -> None:
        known, name = self.model.mails[number], self.names[number]
        if act == "look":
            self.look()
        elif act.startswith("deliver"):
            if known.stay == 0:  # each mail once
                known.place, known.stay, known.read = folder, 1, act == "deliver-read"
                self.server.put(name, folder, read=known.read)
        elif known.place:
            self._touch(act, known, name)

    def _touch(self, act: str, known: Known, name: str) -> None:
        there = self.server.folders[known.place]
        uid = next(uid for uid, each in there.items() if each[0] == name)
        if act in ("read", "unread"):
            known.read = there[uid][1] = act == "read"
            return
        del there[uid]
        known.place = "" if act == "delete" else JUNK if known.place == INBOX else INBOX
        known.stay += 1
        if known.place:
            self.server.put(name, known.place, read=known.read)

    def look(self) -> None:
        for folder in self._folders():
            self.server.selected = folder.name
            if folder.role != WATCHED:
                for uid in self.server.uids(folder.last_uid + 1, None):
                    self._file(folder, uid, self.server.folders[folder.name][uid][0])
            self.watch.look(next(each for each in self._folders() if each.id == folder.id))
        self.model.look()

    def _folders(self) -> Sequence[ImapFolder]:
        with self.room.database.read() as connection:
            return imap_sources.list_folders(connection, OURS, self.source.id)

    def _file(self, folder: ImapFolder, uid: int, name: str) -> None:
        """As the door does."""
        raw = self.server.raws[name]
        prepared = self.room.prepare(raw, source=Source.IMAP)
        before = next(each.last_uid for each in self._folders() if each.id == folder.id)
        fetching = Fetching(source=self.source, address="support@example.com", stage="active")
        along = cursor.step(fetching, folder, uid, before=before, came_at=None)

        def act(tx: Any) -> None:
            (outcomes,) = file_batch(tx, self.room.context, [prepared])
            along(tx, outcomes)
            self.room.sent.setdefault(outcomes[0].message or 0, raw)

        self.room.do(act)
        self.room.delivered += 1

    def asked(self) -> dict[int, tuple[str, bool]]:
        numbers = {
            row.id: self.names.index(name)
            for row in self.room.rows(message)
            if (name := row.message_id.partition("@")[0]) in self.names
        }
        rows = [row for row in self.room.rows(mark_request) if row.giver_id == self.source.mailbox_id]
        return {numbers[row.message_id]: (row.label, row.state == "waiting") for row in rows}


@pytest.fixture
def house(sqlite_database: Database, tmp_path: Any) -> Iterator[PostRoom]:
    """One for all examples."""
    writer = WritingThread(sqlite_database)
    writer.start()
    with open_room(sqlite_database, writer, tmp_path) as room:
        yield room
    writer.close()


def world(room: PostRoom, *, mails: int = MAILS) -> World:
    """A mailbox of its own, with mails nobody had."""
    number = next(_ids)
    source = source_row(
        account=OURS,
        source=number,
        mailbox=100_000 + number,
        host="h",
        login="l",
        secret_from="none",
        feedback_from_moves=1,
    )
    folders = [
        ImapFolder(account_id=OURS, id=10_000 + 10 * number, source_id=number, name=INBOX, uidvalidity=1),
        ImapFolder(
            account_id=OURS, id=10_001 + 10 * number, source_id=number, name=JUNK, uidvalidity=1, role=WATCHED
        ),
    ]
    room.do(lambda tx: imap_sources.add_source(tx.connection, source, folders))
    names = [f"w{number}m{each}" for each in range(mails)]
    server = Server(raws={name: mail(id=f"{name}@customer.example") for name in names})
    rooms = cast(
        "Rooms",
        SimpleNamespace(
            database=room.database, writer=room.writer, reception=SimpleNamespace(keys=room.secrets)
        ),
    )
    watch = MoveWatch(rooms, cast("Conversation", server), source)
    return World(room=room, names=names, server=server, model=Model(), source=source, watch=watch)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_the_watch_asks_for_the_marks_of_the_model(
    house: PostRoom, steps: list[tuple[str, int, str]]
) -> None:
    """Whatever happens between the looks, and however often one looks again."""
    made = world(house)
    for act, number, folder in steps:
        made.do(act, number, folder)
    for _ in range(2):
        made.look()
        assert made.asked() == made.model.asked


def test_a_client_that_moves_hundreds_at_once_costs_a_bounded_look(house: PostRoom) -> None:
    """A hundred bodies are compared, the others by id and size; nothing is told twice; all count against the cap."""
    made = world(house, mails=250)
    made.model.mails = {}
    for name in made.names:
        made.server.put(name, INBOX, read=True)
    made.look()
    there = made.server.folders[INBOX]
    for uid in [*there]:
        made.server.put(there.pop(uid)[0], JUNK, read=True)
    made.look()
    told = made.asked()
    assert made.server.bodies == BODIES_AT_ONCE
    assert sorted(sure for _, sure in told.values()) == [False] * 150 + [True] * 100
    assert {label for label, _ in told.values()} == {"spam"}
    made.look()
    assert (made.asked(), made.server.bodies) == (told, BODIES_AT_ONCE)
    with house.database.read() as connection:
        asked = mark_requests.count_asked(connection, OURS, made.source.mailbox_id, "imap", since=0)
    assert asked == len(
        made.names
    )  # over any sensible imap.moves_per_hour: tests/filter/test_mark_requests.py

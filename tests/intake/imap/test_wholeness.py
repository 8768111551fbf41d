"""What a server gives that is not the mail it announced: nothing is filed for it, nothing deleted, and none is lost.

On both engines: the real reading and settling of a folder against a scripted server, as in ``test_owed``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import pytest

from mailhub.intake.imap.folder import LARGE_BYTES
from mailhub.intake.imap.settling import settle
from mailhub.intake.imap.wholeness import CONFIRMED, LEARNED, PROVEN, Doubts, GivenMail, WholenessVerdict
from tests.houses.postroom import mail
from tests.intake.imap.test_owed import Provider, Reader, reader, reception  # noqa: F401 fixtures

EMPTY = {"quoted": b'""', "literal": b"{0}\r\n", "nil": b"NIL"}
LARGE = mail("Large.", id="3@customer.example") + b"x" * (LARGE_BYTES + 100_000)


@dataclass(kw_only=True)
class Liar(Provider):
    """Gives something else than what it announced, of some of its mails."""

    empties: dict[int, bytes] = field(default_factory=dict)  # UID -> what it says for a body
    cuts: dict[int, int] = field(default_factory=dict)  # UID -> bytes that it gives, however it is asked
    sizes: dict[int, int] = field(default_factory=dict)  # UID -> what it announces
    deleted: list[int] = field(default_factory=list)

    def _answer(self, rest: bytes) -> bytes:
        if b"UID STORE" in rest and b"DELETED" in rest:
            self.deleted += self._named(rest.split(b" ")[2])
        if b"FETCH" in rest and b"FLAGS" in rest and b"BODY" not in rest:
            return b"".join(
                b"* 1 FETCH (UID %d FLAGS ())\r\n" % uid for uid in self._named(rest.split(b" ")[2])
            )
        return super()._answer(rest)

    def _size(self, uid: int) -> bytes:
        shown = super()._size(uid)
        return re.sub(rb"SIZE \d+", b"SIZE %d" % self.sizes[uid], shown) if uid in self.sizes else shown

    def _body(self, uid: int, rest: bytes) -> bytes:
        if uid in self.empties:
            name = b"BODY[]<%s>" % piece[1] if (piece := re.search(rb"<(\d+)\.", rest)) else b"BODY[]"
            return b"* 1 FETCH (UID %d %s %s)\r\n" % (uid, name, self.empties[uid])
        if uid in self.cuts:
            whole = self.mails[uid]
            self.mails[uid] = whole[: self.cuts[uid]]
            try:
                return super()._body(uid, rest)
            finally:
                self.mails[uid] = whole
        return super()._body(uid, rest)


@pytest.fixture
def provider() -> Liar:
    """Five mails, of which the third is lied about."""
    return Liar(mails={uid: mail(f"Mail {uid}.", id=f"{uid}@customer.example") for uid in range(1, 6)})


def deleting(reader: Reader) -> Reader:  # noqa: F811
    """The same, with --after-filing delete."""
    return replace(reader, source=replace(reader.source, after_filing="delete"))


def look_and_settle(reader: Reader) -> None:  # noqa: F811
    """One look, and what is owed to the server after it."""
    reader.look()
    conversation, room = reader.connect(), reader.room
    settle(conversation, reader.source, reader.folder(), room.database, room.writer)
    conversation.close()


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
@pytest.mark.parametrize("how", EMPTY)
def test_nothing_is_no_mail(reader: Reader, provider: Liar, how: str, large: bool) -> None:  # noqa: F811
    """An empty answer files nothing and deletes nothing, however often it comes; the others come in, then that one."""
    if large:
        provider.mails[3] = LARGE
    provider.empties[3] = EMPTY[how]
    reader = deleting(reader)
    for _ in range(2 * PROVEN):
        look_and_settle(reader)
        reader.let_time_pass()
    assert (reader.folder().filed, list(reader.owed()), 3 in provider.deleted) == (4, [3], False)
    assert reader.owed()[3] >= PROVEN
    provider.mails[6] = mail("Mail 6.", id="6@customer.example")
    provider.empties.clear()
    look_and_settle(reader)
    assert (reader.folder().filed, reader.owed()) == (6, {})
    assert set(provider.deleted) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_a_mail_that_is_cut_off_is_asked_for_again(reader: Reader, provider: Liar, large: bool) -> None:  # noqa: F811
    """Half a mail is not filed; when the server is well again the whole one is, once, and only then deleted there."""
    if large:
        provider.mails[3] = LARGE
    provider.cuts[3] = len(provider.mails[3]) // 2
    reader = deleting(reader)
    look_and_settle(reader)
    reader.let_time_pass()
    look_and_settle(reader)
    assert (reader.folder().filed, list(reader.owed()), 3 in provider.deleted) == (4, [3], False)
    provider.cuts.clear()
    reader.let_time_pass()
    look_and_settle(reader)
    assert (reader.folder().filed, reader.owed(), set(provider.deleted)) == (5, {}, {1, 2, 3, 4, 5})


def test_sizes_that_are_never_true_lose_and_hold_up_nothing(reader: Reader, provider: Liar) -> None:  # noqa: F811
    """Where the server announces far more than it has, each mail is filed after some looks, and none is deleted."""
    provider.sizes = dict.fromkeys(provider.mails, 90_000)
    reader = deleting(reader)
    for _ in range(PROVEN):
        look_and_settle(reader)
        reader.let_time_pass()
    assert (reader.folder().filed, reader.owed(), provider.deleted) == (5, {}, [])


@pytest.mark.parametrize("announced", [1, 2**40])
def test_an_announced_size_alone_decides_nothing(reader: Reader, provider: Liar, announced: int) -> None:  # noqa: F811
    """A mail announced as tiny, or as far over the limit, is read all the same, filed, and left there."""
    provider.sizes[3] = announced
    reader = deleting(reader)
    for _ in range(PROVEN):
        look_and_settle(reader)
        reader.let_time_pass()
    assert (reader.folder().filed, reader.owed(), 3 in provider.deleted) == (5, {}, False)


def test_line_ends_counted_otherwise_hold_up_nothing(reader: Reader, provider: Liar) -> None:  # noqa: F811
    """A size that counts each line end as one byte more is no reason to wait, and none to delete."""
    provider.sizes[3] = len(provider.mails[3]) + provider.mails[3].count(b"\n")
    reader = deleting(reader)
    look_and_settle(reader)
    assert (reader.folder().filed, reader.owed(), 3 in provider.deleted) == (5, {}, False)


def test_a_slow_server_holds_no_permit(reader: Reader, provider: Liar) -> None:  # noqa: F811
    """While a large mail is waited for, the permits to hold large mails in memory are free."""
    provider.mails[3] = LARGE
    free: list[bool] = []
    rooms = reader.rooms

    class Watched(Liar):
        def _body(self, uid: int, rest: bytes) -> bytes:
            if b"<" in rest:
                free.append(rooms.large.acquire(blocking=False))
                rooms.large.release()
            return super()._body(uid, rest)

    provider.__class__ = Watched
    assert reader.look().filed == 5
    assert free
    assert all(free)


def test_a_uid_that_the_server_refuses_stops_no_other(reader: Reader, provider: Liar) -> None:  # noqa: F811
    """What is to be deleted there goes one by one when all at once is refused; the refused one is tried again later."""
    refused = re.compile(rb"UID STORE [\d,:]*\b(3\b|\d:)")
    plain = provider._refused
    provider._refused = lambda rest: bool(refused.search(rest)) or plain(rest)  # type: ignore[method-assign]
    reader = deleting(reader)
    look_and_settle(reader)
    assert set(provider.deleted) >= {1, 2, 4, 5}
    with reader.room.database.read() as connection:
        from storage.sources import imap_todos

        assert imap_todos.count_todos(connection, reader.folder(), "settle") == 1
        worst = imap_todos.most_tried(connection, reader.folder(), "settle")
    assert worst is not None
    assert (worst.uid, worst.tries) == (3, 1)


def test_doubts_end_by_the_same_answer_alone() -> None:
    """Short answers that differ each time are never believed; the same one is after so many, sooner once known."""
    doubts = Doubts()
    for count in range(4 * PROVEN):
        assert doubts.judge(1, 900, GivenMail().add(b"%d" % count)) is WholenessVerdict.DOUBTFUL
    for uid in range(LEARNED):
        told = [doubts.judge(uid, 900, GivenMail().add(b"same")) for _ in range(PROVEN)]
        assert told == [WholenessVerdict.DOUBTFUL] * (PROVEN - 1) + [WholenessVerdict.ODD]
    told = [doubts.judge(9, 900, GivenMail().add(b"same")) for _ in range(CONFIRMED)]
    assert told == [WholenessVerdict.DOUBTFUL] * (CONFIRMED - 1) + [WholenessVerdict.ODD]
    assert doubts.judge(9, 0, GivenMail()) is WholenessVerdict.NOTHING

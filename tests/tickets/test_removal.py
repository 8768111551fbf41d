"""What goes when a message or a ticket goes for good."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Table, select

from mailhub.envelope import Fate
from mailhub.errors import Conflict, NotFound
from mailhub.proof.act import Act
from mailhub.system.queues import Queue
from mailhub.tickets import acts, merging, purging, removal
from storage.mail.search import find_messages
from storage.privacy import tombstones
from storage.privacy.holds import Hold, add_hold
from storage.proof.journal import MACHINE
from storage.schema import DIRECTORY_TABLES, OPERATOR_TABLES, intake, metadata
from storage.tickets import removal as rows
from storage.writer import Transaction
from tests.houses.desk import Desk

LABELS = {"ledger", "mark"}  # taken back by the caller's ``forget``, by rules of their own
KEEP_A_RECORD = {"intake"}  # stays, and points at nothing any more


class Forgetting:
    """A filter that remembers what it was told to forget."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, _transaction: Transaction, _account: int, messages: Sequence[int]) -> None:
        self.asked.extend(messages)


def parts_of(desk: Desk, forget: removal.Forget) -> purging.Purging:
    key = desk.secrets.tombstone
    return purging.Purging(database=desk.database, writer=desk.writer, forget=forget, tombstone_key=key)


def purge(desk: Desk, ticket: int, forget: Forgetting) -> purging.Purge:
    going = desk.do(lambda tx: purging.begin(Act(tx, desk.actor, desk.account, desk.now), ticket))
    assert purging.carry_out(parts_of(desk, forget), desk.account, going.ticket, now=desk.now)
    return going


def purge_message(desk: Desk, message: int, forget: Forgetting) -> removal.Removed:
    key = desk.secrets.tombstone
    return desk.do(
        lambda tx: acts.purge_message(
            Act(tx, desk.actor, desk.account, desk.now), message, forget=forget, tombstone_key=key
        )
    )


def names(table: Table, column: str) -> bool:
    """Whether the table has this reference (message.message_id is a Message-ID, not one)."""
    return column in table.c and table.c[column].info["unit"] == "id"


def rows_naming(desk: Desk, column: str, value: int) -> set[str]:
    """Tables in which a row still names this id."""
    with desk.database.read() as connection:
        named = {
            table.name
            for table in metadata.sorted_tables
            if names(table, column)
            and connection.execute(select(table.c[column]).where(table.c[column] == value)).first()
        }
        own = metadata.tables[column.removesuffix("_id")]
        if connection.execute(select(own.c.id).where(own.c.id == value)).first():
            named.add(own.name)
    return named


@pytest.mark.parametrize(
    ("column", "handled"), [("message_id", rows.OF_MESSAGE), ("ticket_id", rows.OF_TICKET)]
)
def test_every_table_that_names_it_is_dealt_with(column: str, handled: Sequence[object]) -> None:
    """A table that names messages or tickets is emptied of them, or is one of the exceptions told here."""
    naming = {t.name for t in metadata.sorted_tables if names(t, column)} - DIRECTORY_TABLES - OPERATOR_TABLES
    by_message = {"message", "message_reference", "outbox"} if column == "ticket_id" else set()
    assert naming - by_message - KEEP_A_RECORD - LABELS == {getattr(table, "name", None) for table in handled}


def test_a_purged_ticket_leaves_its_fate_and_nothing_else(desk: Desk) -> None:
    """After a purge no row names the ticket or its messages but the journal; deliveries keep their fate."""
    first = desk.mail(to=f"{'support@example.com'}, friend@other.example", text="zanzibar")
    second = desk.mail(Subject="More [#1]")
    stays = desk.mail("leo@other.example")
    ticket = desk.ticket_of(first)
    desk.do(
        lambda tx: acts.note(Act(tx, desk.actor, desk.account, desk.now), ticket, user=desk.ana, text="hm")
    )
    desk.answer(ticket)
    messages = desk.messages_in(ticket)
    forget = Forgetting()
    removed = purge(desk, ticket, forget)
    assert (list(removed.messages), removed.tickets) == (messages, (ticket,))
    assert forget.asked == messages
    assert [rows_naming(desk, "message_id", message) for message in messages] == [set()] * 3
    assert rows_naming(desk, "ticket_id", ticket) == set()
    with desk.database.read() as connection:
        fates = connection.execute(select(intake.c.fate, intake.c.message_id).order_by(intake.c.id)).all()
        assert find_messages(connection, desk.account, "zanzibar", before=2**62, limit=9) == []
    assert [tuple(row) for row in fates] == [("filed", None), ("filed", None), ("filed", stays.message)]
    assert second.ticket == ticket
    assert desk.faults() == []


def test_a_purged_ticket_takes_the_shells_merged_into_it(desk: Desk) -> None:
    """No ticket is left that leads to one that is gone."""
    one, two, three = (
        desk.ticket_of(desk.mail(sender)) for sender in ("a@a.example", "b@b.example", "c@c.example")
    )
    for source, target in ((one, two), (two, three)):
        desk.act(merging.merge, source, target)
    with pytest.raises(Conflict, match="merged into another"):
        purge(desk, one, Forgetting())
    assert set(purge(desk, three, Forgetting()).tickets) == {one, two, three}
    assert [rows_naming(desk, "ticket_id", each) for each in (one, two, three)] == [set()] * 3


def test_a_large_ticket_goes_a_few_messages_a_turn(desk: Desk) -> None:
    """Each turn removes at most eight; mail that comes meanwhile is a ticket of its own; stopped, a job goes on."""
    first = desk.mail()
    ticket = desk.ticket_of(first)
    for _ in range(20):
        desk.mail(Subject="More [#1]")
    forget, turns = Forgetting(), desk.writer.turns
    desk.do(lambda tx: purging.begin(Act(tx, desk.actor, desk.account, desk.now), ticket))
    stop = iter([False, True])
    parts = parts_of(desk, forget)
    assert not purging.carry_out(parts, desk.account, ticket, now=desk.now, stopping=lambda: next(stop))
    assert len(forget.asked) == 8
    late = desk.mail(Subject="More [#1]")
    assert late.ticket not in (None, ticket)
    for act in (acts.close, acts.restore, acts.trash):
        with pytest.raises(Conflict):
            desk.do(lambda tx, act=act: act(Act(tx, desk.actor, desk.account, desk.now), ticket))  # type: ignore[misc]
    assert purging.go_on(parts, now=desk.now) == 1
    assert len(forget.asked) == 21
    assert desk.writer.turns - turns <= 8
    assert rows_naming(desk, "ticket_id", ticket) == set()
    assert purging.go_on(parts, now=desk.now) == 0
    assert desk.faults() == []


def test_a_purge_that_was_begun_waits_for_a_hold(desk: Desk) -> None:
    """What is left stays while a hold is in force."""
    ticket = desk.ticket_of(desk.mail())
    now = desk.now
    desk.do(lambda tx: purging.begin(Act(tx, desk.actor, desk.account, now), ticket))
    row = Hold(
        account_id=desk.account,
        id=7,
        kind="ticket",
        object_id=ticket,
        reason="claim",
        actor=desk.actor,
        created_at=now,
        ends_at=now + 10,
    )
    desk.do(lambda tx: add_hold(tx.connection, row))
    assert purging.go_on(parts_of(desk, Forgetting()), now=now) == 0
    assert desk.ticket(ticket).message_count == 1
    assert purging.go_on(parts_of(desk, Forgetting()), now=now + 10) == 1


def test_a_purged_message_leaves_a_true_count(desk: Desk) -> None:
    """A ticket without one of its messages counts the others."""
    first = desk.mail()
    second = desk.mail(Subject="More [#1]")
    forget = Forgetting()
    removed = purge_message(desk, desk.message_of(first), forget)
    assert (removed.messages, removed.emptied) == ((first.message,), ())
    assert forget.asked == [first.message]
    assert desk.messages_in(desk.ticket_of(second)) == [second.message]
    assert rows_naming(desk, "message_id", desk.message_of(first)) == set()
    assert desk.faults() == []


def test_the_only_message_is_purged_with_its_ticket(desk: Desk) -> None:
    """Purging the only message of a ticket is a conflict that names the way."""
    only = desk.mail()
    with pytest.raises(Conflict, match="purge the ticket"):
        purge_message(desk, desk.message_of(only), Forgetting())
    with pytest.raises(NotFound):
        purge_message(desk, desk.ticket_of(only), Forgetting())


def test_removal_tells_which_tickets_it_emptied(desk: Desk) -> None:
    """Removing messages of several tickets mends each count and names those without any left."""
    first, second = desk.mail(), desk.mail("leo@other.example")
    more = desk.mail(Subject="More [#1]")
    wanted = [desk.message_of(more), desk.message_of(second), 12345]
    removed = desk.do(
        lambda tx: removal.remove_messages(tx, desk.account, wanted, forget=Forgetting(), tombstones=None)
    )
    assert (removed.messages, removed.emptied) == (tuple(sorted(wanted[:2])), (second.ticket,))
    assert desk.ticket(desk.ticket_of(first)).message_count == 1
    assert desk.faults() == []


@pytest.mark.parametrize("purged", ["message", "ticket"])
def test_what_was_purged_does_not_come_back(desk: Desk, purged: str) -> None:
    """The same bytes again get the fate erased, and their delivery names nobody."""
    raw = desk.written("Kim <kim@customer.example>")
    first = desk.receive(raw)
    desk.mail(Subject="More [#1]")
    if purged == "message":
        purge_message(desk, desk.message_of(first), Forgetting())
    else:
        purge(desk, desk.ticket_of(first), Forgetting())
    again = desk.receive(raw)
    assert (again.fate, again.reason, again.message) == (Fate.ERASED, "tombstone", None)
    with desk.database.read() as connection:
        last = connection.execute(select(intake).order_by(intake.c.id.desc()).limit(1)).one()
        assert (last.fate, last.mail_from, last.peer, last.helo) == ("erased", "", "", "")
        assert tombstones.count(connection, desk.account)["tombstone"] == (1 if purged == "message" else 2)
    assert desk.mail().fate is Fate.FILED


def test_tombstones_end_when_they_are_told_to(desk: Desk) -> None:
    """One that expires is gone after its time, and not before; others stay."""
    raw = desk.written("Kim <kim@customer.example>")
    purge(desk, desk.ticket_of(desk.receive(raw)), Forgetting())
    desk.do(lambda tx: tombstones.bury_people(tx.connection, desk.account, [b"x" * 16], cut_at=2**61))
    desk.do(lambda tx: tombstones.let_expire(tx.connection, before=desk.now + 1, at=desk.now + 5))
    queue = Queue(desk.database, desk.writer, "tombstones", now=desk.now)
    early, late = (tombstones.tombstones_over(now) for now in (0, 2**60))
    assert [sum(queue.sweep(MACHINE, over) for over in kinds) for kinds in (early, late)] == [0, 1]
    assert desk.receive(raw).fate is Fate.FILED
    with desk.database.read() as connection:
        assert [each.digest for each in tombstones.list_people(connection, desk.account)] == [b"x" * 16]

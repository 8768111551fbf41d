"""A ticket is read once: how many questions its page asks the database, and that it shows what each message
alone does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event, insert

from mailhub.access.actor import Actor, Role
from mailhub.api.tickets.messages import show_message
from mailhub.api.tickets.tickets import TicketWithMessages, show_ticket
from mailhub.callers.caller import Call
from mailhub.errors import Forbidden, Unavailable
from mailhub.system.budget import MIB, ByteBudget, Charges
from storage.privacy.holds import Hold, add_hold
from storage.schema import message, raw
from storage.writer import Transaction
from tests.houses.desk import Desk

ABOUT_TEN = 12


def asking(desk: Desk, role: Role = Role.OWNER) -> Call:
    """A request of somebody of the desk's account; of the house it needs what is read."""
    house: Any = SimpleNamespace(database=desk.database, directory=desk.directory)
    return Call(house, Actor(role=role, account=desk.account, user=desk.ana), desk.account)


@contextmanager
def counted(desk: Desk) -> Iterator[list[str]]:
    """The statements that are read with meanwhile."""
    told: list[str] = []

    def listen(*about: Any) -> None:
        told.append(about[2])

    engine = desk.database._reading
    event.listen(engine, "before_cursor_execute", listen)
    yield told
    event.remove(engine, "before_cursor_execute", listen)


def grown(desk: Desk, ticket: int, messages: int) -> None:
    """Fill the ticket up to so many messages, with copies of its first one under ids of their own."""

    def copy(transaction: Transaction) -> None:
        connection = transaction.connection
        own = message.c.ticket_id == ticket
        first: Any = connection.execute(message.select().where(own).order_by(message.c.id)).first()
        slices: Any = connection.execute(raw.select().where(raw.c.message_id == first.id)).one()
        there = len(connection.execute(message.select().where(own)).all())
        for number in range(there, messages):
            id_ = transaction.new_id()
            identity = number.to_bytes(16, "big")
            connection.execute(insert(message), [dict(first._mapping) | {"id": id_, "identity": identity}])
            connection.execute(insert(raw), [dict(slices._mapping) | {"message_id": id_}])

    desk.do(copy)


def answered(desk: Desk) -> int:
    """A ticket with two mails, an answer, a mark and a note."""
    outcome = desk.mail()
    ticket = desk.ticket_of(outcome)
    desk.answer(ticket)
    return ticket


@pytest.mark.parametrize("role", [Role.OWNER, Role.AGENT])
def test_a_ticket_of_many_messages_asks_no_more_than_one_of_few(desk: Desk, role: Role) -> None:
    """Some ten statements, for 3 messages, for 60 and for 200, whoever of the account reads."""
    ticket = answered(desk)
    counts = {}
    for size in (3, 60, 200):
        grown(desk, ticket, size)
        with counted(desk) as told:
            page = show_ticket(asking(desk, role), str(ticket))
        assert len(page.messages) == size
        counts[size] = len(told)
    assert set(counts.values()) == {counts[3]}, counts
    assert counts[3] <= ABOUT_TEN, counts


def test_a_page_shows_each_message_as_it_is_shown_alone(desk: Desk) -> None:
    """Text, files, addressees, verdict with its reason, and what became of each recipient are the same both ways."""
    ticket = answered(desk)
    grown(desk, ticket, 5)
    page: TicketWithMessages = show_ticket(asking(desk), str(ticket))
    alone = [show_message(asking(desk), each.id) for each in page.messages]
    assert [each.model_dump() for each in page.messages] == [each.model_dump() for each in alone]
    sent = [each for each in page.messages if each.direction == "out"]
    assert [each.recipient for each in sent[0].sending] == ["kim@customer.example"]
    assert page.messages[0].text.startswith("It does not work.")


def test_a_page_holds_no_more_bytes_than_a_portion_or_one_message(desk: Desk) -> None:
    """Mail of 3 MB is shown where 1 MiB may be held at once, portion by portion; one that is larger needs its size."""
    ticket = answered(desk)
    grown(desk, ticket, 60)
    size = 50_000
    desk.do(lambda tx: tx.connection.execute(message.update().values(size_bytes=size)))
    budget = ByteBudget(4 * MIB, MIB)
    held: list[int] = []
    call = replace(asking(desk), charges=Watched(budget, held))
    assert len(show_ticket(call, str(ticket)).messages) == 60
    assert max(held) <= MIB
    assert sum(held) == 60 * size
    assert budget.held_bytes == 0
    desk.do(lambda tx: tx.connection.execute(message.update().values(size_bytes=5 * MIB)))
    with pytest.raises(Unavailable):
        show_ticket(call, str(ticket))


class Watched(Charges):
    """Charges that say what was held, and wait for nobody."""

    def __init__(self, budget: ByteBudget, held: list[int]) -> None:
        super().__init__(budget, "api:1")
        self._seen = held

    def hold(self, count: int, seconds: float = 0.0) -> None:
        super().hold(count, 0.0)
        self._seen.append(count)


def test_a_hold_keeps_the_page_from_agents(desk: Desk) -> None:
    """On the ticket or on who wrote into it: agents read nothing of it, owners all."""
    ticket = answered(desk)
    for kind, held in (("ticket", ticket), ("contact", desk.ticket(ticket).contact_id)):
        row = Hold(
            account_id=desk.account, id=desk.writer.run(Transaction.new_id), kind=kind, object_id=held,
            reason="claim", actor="user:1", created_at=1, ends_at=None,
        )  # fmt: skip
        desk.do(lambda tx, row=row: add_hold(tx.connection, row))  # type: ignore[misc]
        with pytest.raises(Forbidden, match="hold"):
            show_ticket(asking(desk, Role.AGENT), str(ticket))
    assert len(show_ticket(asking(desk), str(ticket)).messages) == 2


def test_a_quote_of_ours_is_folded_on_the_page_and_alone(desk: Desk) -> None:
    """An answer is compared with what the ticket's answers said, whether its page or the message alone is shown."""
    ticket = desk.ticket_of(desk.mail(Message_ID="<a@customer.example>"))
    ours = "Which of the two lamps stays dark?\nAnd did you change the fuse already?"
    desk.answer(ticket, ours)
    text = f"The left one.\n\n{ours}"
    made = desk.written("kim@customer.example", text=text, In_Reply_To="<a@customer.example>")
    outcome = desk.receive(made.replace(b" (2)", b""))
    call = asking(desk)
    page = show_ticket(call, str(ticket)).messages[-1]
    alone = show_message(call, desk.message_of(outcome))
    assert page == alone
    assert (page.reply_text, page.folded_lines) == ("The left one.", 2)

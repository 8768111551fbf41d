"""Two nodes work on the same tickets at once: what one decides rests on what the other has committed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from mailhub import merging, tickets
from mailhub.errors import Conflict, MailhubError
from storage import outbox
from storage.schema import journal, ticket
from storage.tickets import live_end, merge_chain
from storage.writer import Transaction, Writer
from tests.desk import Desk

GUARD_SECONDS = 60.0  # only a hang gets there


@pytest.fixture
def nodes(desk: Desk) -> Iterator[tuple[Writer, Writer]]:
    """The desk's writer and a second one, as of another machine."""
    other = Writer(desk.database, node=1)
    other.start()
    yield desk.writer, other
    other.close()


def outcomes(futures: list[Future[Any]]) -> list[BaseException | None]:
    return [future.exception(GUARD_SECONDS) for future in futures]


def _merge(desk: Desk, source: int, target: int, transaction: Transaction) -> object:
    return merging.merge(transaction, desk.actor, desk.account, source, target, now=desk.now)


def test_two_tickets_merged_into_each_other(desk: Desk, nodes: tuple[Writer, Writer]) -> None:
    """Of two opposite merges one happens and the other is a conflict: never a loop."""
    for _ in range(10):
        one, two = desk.ticket_of(desk.mail("a@a.example")), desk.ticket_of(desk.mail("b@b.example"))
        pairs = zip(nodes, ((one, two), (two, one)), strict=True)
        futures = [node.submit(partial(_merge, desk, source, target)) for node, (source, target) in pairs]
        assert sorted(type(error).__name__ for error in outcomes(futures)) == ["Conflict", "NoneType"]
        with desk.database.read() as connection:
            assert {live_end(connection, desk.account, each) for each in (one, two)} <= {one, two}
    assert desk.faults() == []


def test_many_acts_on_few_tickets(desk: Desk, nodes: tuple[Writer, Writer]) -> None:
    """Acts of two nodes in any order leave true counts, references that lead home, and chains that end."""
    dice = Random(7)
    every = [desk.ticket_of(desk.mail(f"p{n}@customer.example")) for n in range(5)]
    common: dict[str, Any] = {"actor": desk.actor, "account": desk.account, "now": desk.now}
    acts: list[Callable[[int, int], Callable[[Transaction], object]]] = [
        lambda a, b: partial(merging.merge, source=a, target=b, **common),
        lambda a, _: partial(merging.unmerge, ticket=a, **common),
        lambda a, _: partial(tickets.trash, ticket=a, **common),
        lambda a, _: partial(tickets.restore, ticket=a, **common),
        lambda a, _: partial(tickets.assign, ticket=a, user=desk.ben, **common),
    ]
    futures = [dice.choice(nodes).submit(dice.choice(acts)(*dice.sample(every, 2))) for _ in range(120)]
    unexpected = [e for e in outcomes(futures) if e is not None and not isinstance(e, MailhubError)]
    assert unexpected == []
    assert desk.faults() == []
    with desk.database.read() as connection:
        assert all(merge_chain(connection, desk.account, each) for each in every)
        assert connection.execute(select(func.sum(ticket.c.message_count))).scalar_one() == len(every)
        numbered = select(func.max(journal.c.sequence) - func.count()).group_by(journal.c.node)
        assert set(connection.execute(numbered).scalars()) <= {0}


def test_one_row_is_claimed_by_one_node(desk: Desk, nodes: tuple[Writer, Writer]) -> None:
    """However often both ask, each queued row is given to one node once."""
    rows = [desk.answer(desk.ticket_of(desk.mail(f"p{n}@customer.example"))).queued[0].id for n in range(10)]
    now = desk.now
    claims = [nodes[n % 2].submit(lambda tx: outbox.claim_due(tx.connection, now, until=now + 1)) for n in range(40)]
    given = [row.id for row in (claim.result(GUARD_SECONDS) for claim in claims) if row is not None]
    assert sorted(given) == rows


def test_closing_what_was_merged_meanwhile(desk: Desk, nodes: tuple[Writer, Writer]) -> None:
    """An act that waited for another node's merge sees it."""
    one, two = desk.ticket_of(desk.mail("a@a.example")), desk.ticket_of(desk.mail("b@b.example"))
    nodes[1].run(lambda tx: merging.merge(tx, desk.actor, desk.account, one, two, now=desk.now))
    with pytest.raises(Conflict, match="merged into another"):
        nodes[0].run(lambda tx: tickets.close(tx, desk.actor, desk.account, one, now=desk.now))

"""The short form of `scripts/campaign life`, and that its model knows a loss when it sees one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.campaign_life import live, templates
from scripts.rig.life_house import postgresql_programs
from scripts.rig.life_model import Mail, Model, Order

if TYPE_CHECKING:
    from collections.abc import Callable

ACTS = 7


@pytest.mark.parametrize(("engine", "seed"), [("sqlite", 2191), ("postgresql", 7501)])
def test_a_short_life(engine: str, seed: int, require_service: Callable[[bool, str], None]) -> None:
    """Through acts and kills drawn at random, each mail that was answered 250 is there once, or was erased by order."""
    if engine == "postgresql":
        require_service(postgresql_programs() is not None, "PostgreSQL is not installed (Debian: postgresql)")
    with templates(postgresql=engine == "postgresql") as template:
        walk = live(seed, template, postgresql=engine == "postgresql", powered=False, acts=ACTS)
    assert walk.faults == []
    assert len(walk.trace) == ACTS
    assert any(mail.answered for mail in walk.model.mails.values())


@pytest.mark.parametrize(
    ("offered", "answered", "settled", "orders", "expected"),
    [
        (1, 2, 9, [], "there"),
        (1, 0, 9, [], "either"),  # never answered: the peer still has it
        (1, 2, 9, [Order(3, told=True)], "gone"),
        (1, 2, 9, [Order(3, told=False)], "either"),  # nobody knows whether the order was heard
        (1, 4, 9, [Order(3, told=True)], "either"),  # on its way meanwhile
        (10, 11, 9, [Order(3, told=True)], "there"),
        (10, 11, 9, [Order(3, told=True), Order(10.5, told=True)], "either"),
    ],
)
def test_what_must_be_true(
    offered: float, answered: float, settled: float, orders: list[Order], expected: str
) -> None:
    """Only an order that may concern a mail excuses its absence, and one that was heard in time demands it."""
    mail = Mail(7, 1, b"", 2, offered, answered)
    assert Model(erasures={1: orders}, settled_at=settled).expected(mail) == expected
    assert Model(erasures={2: orders}, settled_at=settled).expected(mail) == (
        "there" if answered else "either"
    )

"""Years of accounts by the real flow, with a clock that jumps and a daemon that is down, against a small model."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert

from mailhub.accounts import lifecycle
from mailhub.clock import DAY
from mailhub.config import Lifecycle
from scripts.bench_sweep import NOW, made
from scripts.campaign_lifecycle import live
from scripts.rig.stage_model import DAYS, Modelled
from storage.database import Database
from storage.schema import account
from tests.storage.test_query_plans import flat, plan


@pytest.mark.parametrize("seed", [3, 4])
def test_every_account_is_where_the_model_has_it(seed: int) -> None:
    """After every sweep, through payments in the last second, holds, jumps and downtime; nothing outlives its term."""
    lived = live(seed, accounts=8, days=150)
    assert lived.faults == ()
    assert lived.years > 3


def test_the_model_finds_a_stage_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: one day taken from a term, or a warning left out, and the comparison says so."""
    late = Modelled(billing="external", born=0)
    late.warned = [8 * DAY, 14 * DAY]
    late.promise(14 * DAY + 1)
    assert late.faults == ["trial ended before its warnings' time"]
    monkeypatch.setitem(DAYS, "trial", 15)
    assert live(3, accounts=8, days=90).faults != ()


def test_a_sweep_asks_the_index_and_reads_what_may_be_due(sqlite_database: Database) -> None:
    """Of 2,000 accounts with nothing due a sweep reads a handful of index ranges: no step scans the accounts."""
    rows = [each for each in map(made, range(1, 2_001)) if each["stage"] != "active"]
    with sqlite_database.writing.begin() as connection:
        connection.execute(insert(account), rows)
    asked: list[tuple[str, Any]] = []
    event.listen(
        sqlite_database._reading, "before_cursor_execute", lambda *told: asked.append((told[2], told[3]))
    )
    assert list(lifecycle.plan(sqlite_database, Lifecycle(), now=NOW)) == []
    selects = [(sql, values) for sql, values in asked if sql.startswith("SELECT") and "FROM account" in sql]
    assert len(selects) == 5
    with sqlite_database.read() as connection:
        steps = {step for sql, values in selects for step in plan(connection, sql, flat(values))}
    assert {step for step in steps if "SCAN" in step} == set()
    assert all("account_by_term" in step for step in steps if step.startswith("SEARCH"))

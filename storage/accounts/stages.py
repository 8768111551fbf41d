"""What the lifecycle remembers beside the account's row: warnings given, events of billing, the clock of sweeps.

Durable states: stage_warning (for the term that runs; gone when a stage is entered), billing_event (a signed
event is taken once), clock_mark (the newest instant at which a node's clock was found sane). Functions take a
connection, commit nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import billing_event, clock_mark, stage_warning

_WARNINGS = select(stage_warning).where(stage_warning.c.account_id.in_(bindparam("accounts", expanding=True)))
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


@dataclass(frozen=True, slots=True)
class ClockMark:
    """The newest instant a sweep believed, of any node, and what this node's sweep last said of its clock."""

    seen_at: int
    state: str


def warnings_given(connection: Connection, accounts: Sequence[int]) -> Mapping[int, Mapping[int, int]]:
    """By account when each warning of its running term was given, by days before the step; none: an empty one."""
    found: dict[int, dict[int, int]] = {each: {} for each in accounts}
    for row in connection.execute(_WARNINGS, {"accounts": accounts}):
        found[row.account_id][row.days] = row.given_at
    return found


def add_warning(connection: Connection, account_id: int, *, days: int, given_at: int) -> None:
    """Note a warning."""
    connection.execute(insert(stage_warning).values(account_id=account_id, days=days, given_at=given_at))


def clear_warnings(connection: Connection, account_id: int) -> None:
    """Forget the warnings of a term that is over."""
    connection.execute(delete(stage_warning).where(stage_warning.c.account_id == account_id))


def take_event(connection: Connection, account_id: int, digest: bytes, *, now: int, keep_since: int) -> bool:
    """Whether this event is new; it is not the next time. Events from before ``keep_since`` are forgotten."""
    own = billing_event.c.account_id == account_id
    connection.execute(delete(billing_event).where(own, billing_event.c.received_at < keep_since))
    values = {"account_id": account_id, "digest": digest, "received_at": now}
    add = _INSERT[connection.dialect.name](billing_event).values(values).on_conflict_do_nothing()
    return connection.execute(add).rowcount == 1


def find_clock_mark(connection: Connection, node: int) -> ClockMark | None:
    """What sweeps believed last; None before the first."""
    seen = connection.execute(select(func.max(clock_mark.c.seen_at))).scalar_one()
    state = connection.execute(
        select(clock_mark.c.state).where(clock_mark.c.node == node)
    ).scalar_one_or_none()
    return None if seen is None else ClockMark(seen, state or "sane")


def set_clock_mark(connection: Connection, node: int, mark: ClockMark) -> None:
    """Remember it."""
    values = {"seen_at": mark.seen_at, "state": mark.state}
    add = _INSERT[connection.dialect.name](clock_mark).values(node=node, **values)
    connection.execute(add.on_conflict_do_update(index_elements=[clock_mark.c.node], set_=values))

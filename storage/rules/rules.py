"""Rules as rows. Functions take a connection of the caller's transaction, commit nothing.

Every change of what a rule says or whether it runs gives the account another version (``outdate``): whoever keeps rules
in memory reads them again then, on every node. Not here: what a rule says (``mailhub.rules.form``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import randbits
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, literal_column, select, update

from storage.schema import rule, rule_set, ticket
from storage.words import TicketState


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A rule as it is stored."""

    account_id: int
    id: int
    position: int
    name: str
    text: str
    user_id: int
    enabled: int = 1
    fault: str | None = None
    turn: int = 0
    looked_until: int | None = None
    created_at: int
    updated_at: int


_WAITING: tuple[ColumnElement[str], ...] = (literal_column("'open'"), literal_column("'pending'"))
_COLUMNS = tuple(rule.c[name] for name in RuleRow.__slots__)


def version_of(connection: Connection, account_id: int) -> int:
    """Which state the account's rules are in; 0 where it never had any."""
    query = select(rule_set.c.version).where(rule_set.c.account_id == account_id)
    return connection.execute(query).scalar_one_or_none() or 0


def outdate(connection: Connection, account_id: int) -> None:
    """Say that the account's rules changed. Needs a write transaction, as all that follows.

    The version is drawn by chance: one that was counted up in a transaction that was undone would come again.
    """
    version = randbits(62) or 1
    known = update(rule_set).where(rule_set.c.account_id == account_id).values(version=version)
    if not connection.execute(known).rowcount:
        connection.execute(insert(rule_set).values(account_id=account_id, version=version))


def accounts_with_rules(connection: Connection) -> Sequence[int]:
    """Accounts that ever had a rule."""
    return connection.execute(select(rule_set.c.account_id).order_by(rule_set.c.account_id)).scalars().all()


def list_rules(connection: Connection, account_id: int) -> Sequence[RuleRow]:
    """All rules of the account, in the order in which they run."""
    query = select(*_COLUMNS).where(rule.c.account_id == account_id).order_by(rule.c.position, rule.c.id)
    return [RuleRow(**row._mapping) for row in connection.execute(query)]


def find_rule(connection: Connection, account_id: int, id_: int) -> RuleRow | None:
    """The rule with this id."""
    query = select(*_COLUMNS).where(rule.c.account_id == account_id, rule.c.id == id_)
    row = connection.execute(query).one_or_none()
    return RuleRow(**row._mapping) if row else None


def last_position(connection: Connection, account_id: int) -> int:
    """Where the last rule stands; 0 without one."""
    query = select(func.max(rule.c.position)).where(rule.c.account_id == account_id)
    return int(connection.execute(query).scalar_one() or 0)


def add_rule(connection: Connection, row: RuleRow) -> None:
    """Insert a rule."""
    connection.execute(insert(rule).values({name: getattr(row, name) for name in RuleRow.__slots__}))
    outdate(connection, row.account_id)


def change_rule(connection: Connection, account_id: int, id_: int, **values: Any) -> None:
    """Set columns of a rule."""
    connection.execute(update(rule).where(*_own(account_id, id_)).values(**values))
    outdate(connection, account_id)


def delete_rule(connection: Connection, account_id: int, id_: int) -> None:
    """Remove a rule."""
    connection.execute(delete(rule).where(*_own(account_id, id_)))
    outdate(connection, account_id)


def next_turn(connection: Connection, account_id: int, id_: int) -> int:
    """Whose turn it is: counts up by one. What the rule says stays as it is, so nobody reads it again."""
    connection.execute(update(rule).where(*_own(account_id, id_)).values(turn=rule.c.turn + 1))
    return int(connection.execute(select(rule.c.turn).where(*_own(account_id, id_))).scalar_one())


def set_looked_until(connection: Connection, account_id: int, id_: int, until: int) -> None:
    """Up to where a rule that waits for time to pass has looked."""
    connection.execute(update(rule).where(*_own(account_id, id_)).values(looked_until=until))


def looked_until(connection: Connection, account_id: int, id_: int) -> int | None:
    """As ``set_looked_until`` left it; None where the rule is gone, or waits for no time."""
    return connection.execute(select(rule.c.looked_until).where(*_own(account_id, id_))).scalar_one_or_none()


def untouched(
    connection: Connection, account_id: int, state: TicketState, *, after: int, until: int, limit: int
) -> Sequence[tuple[int, int]]:
    """(instant, ticket) of those open or pending to which something last happened then, the oldest first."""
    query = (
        select(ticket.c.updated_at, ticket.c.id)
        .with_hint(ticket, "INDEXED BY ticket_by_change", "sqlite")
        .where(
            ticket.c.account_id == account_id,
            ticket.c.state.in_(_WAITING),  # said, not bound: the index's own condition
            ticket.c.state == state,
            ticket.c.updated_at > after,
            ticket.c.updated_at <= until,
        )
        .order_by(ticket.c.updated_at)
        .limit(limit)
    )
    return [(row.updated_at, row.id) for row in connection.execute(query)]


def load_of(connection: Connection, account_id: int, user_id: int, states: Sequence[str]) -> int:
    """How many tickets in these states a user has."""
    own = (ticket.c.account_id == account_id, ticket.c.assignee_id == user_id, ticket.c.state.in_(states))
    return int(connection.execute(select(func.count()).select_from(ticket).where(*own)).scalar_one())


def _own(account_id: int, id_: int) -> tuple[Any, Any]:
    return rule.c.account_id == account_id, rule.c.id == id_

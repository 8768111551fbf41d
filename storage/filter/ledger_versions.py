"""Ledger rows whose features another version's tokeniser made: how many, which, and which have no raw message any more.

Every function walks the account's rows of the ledger (their features are not read): for readers, not for each
mail. Not here: what becomes of them (``mailhub.filter.rebuild``).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, and_, func, select

from storage.filter.ledger import Entry
from storage.schema import ledger, raw


def count_all(connection: Connection, account_id: int) -> int:
    """Labels in force, of whichever version."""
    return connection.execute(select(func.count()).where(ledger.c.account_id == account_id)).scalar_one()


def count_other(connection: Connection, account_id: int, version: int) -> int:
    """Labels in force whose features are not of this version: the model does not hold them."""
    return connection.execute(select(func.count()).where(_other(account_id, version))).scalar_one()


def count_lost(connection: Connection, account_id: int, version: int) -> int:
    """Those of them whose raw message is gone."""
    query = select(func.count()).where(_other(account_id, version), _raw_is_gone(account_id))
    return connection.execute(query).scalar_one()


def lost_after(
    connection: Connection, account_id: int, version: int, *, after: int, limit: int
) -> Sequence[tuple[int, int]]:
    """(sequence, message) of those, in order, from the one after ``after``."""
    query = (
        select(ledger.c.sequence, ledger.c.message_id)
        .where(_other(account_id, version), ledger.c.sequence > after, _raw_is_gone(account_id))
        .order_by(ledger.c.sequence)
        .limit(limit)
    )
    return [(row.sequence, row.message_id) for row in connection.execute(query)]


def others_after(
    connection: Connection, account_id: int, version: int, *, after: int, limit: int
) -> Sequence[Entry]:
    """Labels in force of another version in their order, from the one after ``after``."""
    columns = (ledger.c[name] for name in Entry.__slots__)
    query = (
        select(*columns)
        .where(_other(account_id, version), ledger.c.sequence > after)
        .order_by(ledger.c.sequence)
        .limit(limit)
    )
    return [Entry(**row._mapping) for row in connection.execute(query)]


def _other(account_id: int, version: int) -> ColumnElement[bool]:
    return and_(ledger.c.account_id == account_id, ledger.c.features_version != version)


def _raw_is_gone(account_id: int) -> ColumnElement[bool]:
    there = select(raw.c.slice).where(raw.c.account_id == account_id, raw.c.message_id == ledger.c.message_id)
    return ~there.exists()

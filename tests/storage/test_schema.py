"""The catalogue of columns is complete, and the schema can be sharded by account."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Index, Table, UniqueConstraint

from storage.catalogue import CATEGORIES, RETENTIONS
from storage.schema import DIRECTORY_TABLES, OPERATOR_TABLES, metadata

TABLES = sorted(metadata.tables.values(), key=lambda table: table.name)
COLUMNS = [column for table in TABLES for column in table.columns]
TENANT_TABLES = [table for table in TABLES if table.name not in OPERATOR_TABLES | DIRECTORY_TABLES]
ENTRIES = {"meaning", "null", "personal", "retention", "unit"}


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_a_column_is_catalogued(column: Column[object]) -> None:
    """Every column says what it means, what NULL means, whether it is personal and how long it is kept."""
    assert column.info.keys() == ENTRIES
    assert column.info["meaning"].strip()
    assert column.info["personal"] in (None, *CATEGORIES)
    assert column.info["retention"] in RETENTIONS


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_the_meaning_of_null_is_given_exactly_where_null_is_allowed(column: Column[object]) -> None:
    """A nullable column tells what NULL means, and no other does."""
    assert bool(column.info["null"]) == bool(column.nullable)


@pytest.mark.parametrize("table", TENANT_TABLES, ids=str)
def test_a_tenant_table_begins_with_the_account(table: Table) -> None:
    """The first column, the primary key, and every index and unique key of a tenant's table begin with account_id."""
    keys = [[*table.primary_key.columns], *([*index.columns] for index in table.indexes)]
    keys += [
        [*constraint.columns] for constraint in table.constraints if isinstance(constraint, UniqueConstraint)
    ]
    assert next(iter(table.columns)).name == "account_id"
    assert {key[0].name for key in keys} == {"account_id"}


def test_the_exceptions_exist() -> None:
    """Every table named as an exception is a table, and none is named twice."""
    assert metadata.tables.keys() >= OPERATOR_TABLES | DIRECTORY_TABLES
    assert not OPERATOR_TABLES & DIRECTORY_TABLES


def test_no_index_repeats_a_primary_key() -> None:
    """No index has the columns of its table's primary key, or only account_id: neither would ever help."""
    useless = {
        index.name
        for table in TABLES
        for index in table.indexes
        if isinstance(index, Index)
        and not index.dialect_kwargs
        and [column.name for column in index.columns] in ([*table.primary_key.columns.keys()], ["account_id"])
    }
    assert useless == set()


@pytest.mark.parametrize("table", TENANT_TABLES, ids=str)
def test_addresses_are_personal(table: Table) -> None:
    """A column that holds a person's address, name, text or IP by its name is marked as personal."""
    telling = {
        "from_address",
        "from_name",
        "email",
        "peer",
        "recipient",
        "subject",
        "text",
        "trace",
        "mail_from",
    }
    unmarked = {c.name for c in table.columns if c.name in telling and c.info["personal"] is None}
    assert unmarked - ({"mail_from"} if table.name == "outbox" else set()) == set()  # our own bounce address

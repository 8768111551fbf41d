"""The catalogue: what is said of every column beside its type. Export, erasure and the record of processing read it.

Job: make columns that carry their meaning, unit, what NULL means, category of personal data and retention in
``info``. The tables are in ``schema/``; a column made otherwise does not get past
``tests/storage/test_schema.py``.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, MetaData, Text

metadata = MetaData()

FIRST_ID = (
    1_000_000_000  # ids begin where no account's ticket numbers come: 1017 is a number, 1000001017 an id
)

CATEGORIES = ("name", "email", "address", "content", "ip", "time", "credential", "behaviour")
RETENTIONS = (
    "account",  # as long as the account lives
    "ticket",  # as long as its ticket
    "message",  # as long as its message
    "ledger",  # 12 months by default, or until unlearned
    "log",  # 30 days by default
    "operation",  # as long as the service needs it
)


def column(
    name: str,
    type_: Any,
    meaning: str,
    *,
    null: str | None = None,
    personal: str | None = None,
    retention: str = "ticket",
    unit: str | None = None,
) -> Column[Any]:
    """One catalogued column. ``null`` is what NULL means (None: never NULL); ``personal`` a category or None."""
    info = {"meaning": meaning, "null": null, "personal": personal, "retention": retention, "unit": unit}
    return Column(name, type_, nullable=null is not None, info=info, autoincrement=False)


def account_id() -> Column[Any]:
    return column("account_id", BigInteger, "the tenant the row belongs to", retention="account")


def instant(name: str, meaning: str, **catalogue: Any) -> Column[Any]:
    return column(name, BigInteger, meaning, unit="microseconds since the epoch, UTC", **catalogue)


def word(name: str, meaning: str, **catalogue: Any) -> Column[Any]:
    return column(name, Text, meaning, unit="word", **catalogue)


def reference(name: str, meaning: str, **catalogue: Any) -> Column[Any]:
    return column(name, BigInteger, meaning, unit="id", **catalogue)

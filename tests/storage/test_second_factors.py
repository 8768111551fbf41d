"""Rows of second factors: each code is used up once."""

from __future__ import annotations

from storage.database import Database
from storage.second_factors import replace_recovery_codes, use_recovery_code
from storage.writer import Writer

HASH = bytes(range(32))


def test_a_recovery_code_is_used_up_once(database: Database, writer: Writer) -> None:
    """Of two who both saw the code unused, the second fails at the instant of use; so do other users with it."""
    writer.run(lambda tx: replace_recovery_codes(tx.connection, 1, 7, [HASH]))
    uses = [(1, 8), (2, 7), (1, 7), (1, 7)]
    used = [writer.run(lambda tx, who=who: use_recovery_code(tx.connection, *who, HASH, 5)) for who in uses]  # type: ignore[misc]
    assert used == [False, False, True, False]

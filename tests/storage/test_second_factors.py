"""Rows of second factors: each code is used up once."""

from __future__ import annotations

from functools import partial

from storage.database import Database
from storage.people.second_factors import replace_recovery_codes, use_recovery_code
from storage.writer import Transaction, WritingThread

HASH = bytes(range(32))


def test_a_recovery_code_is_used_up_once(database: Database, writer: WritingThread) -> None:
    """Of two who both saw the code unused, the second fails at the instant of use; so do other users with it."""
    writer.run(lambda tx: replace_recovery_codes(tx.connection, 1, 7, [HASH]))
    used = []
    for account, user in ((1, 8), (2, 7), (1, 7), (1, 7)):
        use = partial(_use, account=account, user=user)
        used.append(writer.run(use))
    assert used == [False, False, True, False]


def _use(transaction: Transaction, account: int, user: int) -> bool:
    return use_recovery_code(transaction.connection, account, user, HASH, 5)

"""Letters at rest: sealed under the row they are queued in, since one can hold a link that opens something."""

from __future__ import annotations

from mailhub.keys import Keys
from storage.mail.outbox import OutboxRow

PURPOSE = "letters"


def seal_letter(keys: Keys, raw: bytes, *, account: int, row: int) -> bytes:
    """The bytes of a letter as the outbox keeps them until it is done."""
    return keys.seal(PURPOSE, raw, bound_to=_bound(account, row))


def open_letter(keys: Keys, row: OutboxRow) -> bytes:
    """The letter of a row that has one. Raises ``SealBroken`` when it was changed, or is another row's."""
    assert row.letter is not None
    return keys.open(PURPOSE, row.letter, bound_to=_bound(row.account_id, row.id))


def _bound(account: int, row: int) -> bytes:
    return b"letter:%d:%d" % (account, row)

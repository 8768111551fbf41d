"""When a letter of a kind last went to an address, by a keyed hash of both, over all accounts. Commits nothing.

It outlives the letter's row in the outbox, which goes with a deleted user or an erased person: else deleting
and adding again would make room for one more letter. Not here: which letters are counted
(``mailhub.outbound.letters``).
"""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from storage.engine.by_date import Over
from storage.schema import letter_rate


def take_turn(connection: Connection, digest: bytes, *, at: int, none_since: int) -> bool:
    """Note that a letter goes now; False, and nothing is noted, where one went since ``none_since``.

    IntegrityError when another node was first: run again.
    """
    own = letter_rate.c.digest == digest
    free = letter_rate.c.sent_at <= none_since
    if connection.execute(update(letter_rate).where(own, free).values(sent_at=at)).rowcount:
        return True
    if connection.execute(select(letter_rate.c.sent_at).where(own)).first() is not None:
        return False
    connection.execute(insert(letter_rate).values(digest=digest, sent_at=at))
    return True


def turns_over(before: int) -> Over:
    """What is older and says nothing any more."""
    return Over(letter_rate, letter_rate.c.sent_at < before)

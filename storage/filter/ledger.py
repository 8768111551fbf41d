"""Rows of the filter's ledger: what each model is the fold of, and every mark that was ever given.

Durable states, all in the transaction of the caller:
  ``ledger``       one row per label in force, with the message's features: the truth;
  ``mark``         one row per act of a person (spam, ham, none), kept when a later one supersedes or revokes it, so
                   that revoking a user's marks brings back what they had replaced;
  ``ledger_head``  one row per account: the next sequence, and stamps by which a node sees that others changed it.
A change takes the head's row lock first (``lock_head``): that settles races between nodes, and no sequence is handed
out twice.

A *stamp* is a random number per change. Memory whose (rewritten, stamp of its last row) are still found here
holds exactly the rows up to its last sequence: only appends came after, and the same last row has the same
rows before it.

Not here: what training means (``classifier``), who may mark (``mailhub.access``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from storage.engine.by_date import Over
from storage.schema import ledger, ledger_head, mark

IN_LIMIT = 500  # ids of one statement

# Where an act comes from: somebody said so; they answered the message; they closed its ticket without a word
# against it; they looked through what lies in spam; it was moved in a mailbox at a provider; it was sent to a feedback
# address.
MARK = "mark"
ANSWER = "answer"
HANDLED = "handled"
REVIEWED = "reviewed"
IMAP = "imap"
FORWARD = "forward"
WEAK = frozenset({ANSWER, HANDLED, REVIEWED})  # what people did with a mail, beaten by whatever anybody says


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where an account's ledger stands."""

    next_sequence: int = 1
    stamp: int = 0
    rewritten: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One label in force. ``features`` is the classifier's own encoding."""

    sequence: int
    message_id: int
    contact_id: int | None
    label: str
    user_id: int
    given_at: int
    features_version: int
    features: bytes
    stamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One act of a person about one message. ``label`` "none" took a label back; ``source`` is mark or answer."""

    sequence: int
    message_id: int
    label: str
    user_id: int
    given_at: int
    revoked_at: int | None
    source: str
    verdict_before: str


def find_head(connection: Connection, account_id: int) -> Head:
    """Where the ledger stands; the state of an empty one when nobody has marked anything yet."""
    row = connection.execute(_HEAD, {"account": account_id}).one_or_none()
    return Head(**row._mapping) if row else Head()


def lock_head(connection: Connection, account_id: int) -> Head:
    """``find_head``, and no other node changes this ledger before the caller's transaction ends.

    Two nodes that make the first mark of an account at once collide on the key; the loser's savepoint runs again.
    """
    row = connection.execute(_HEAD.with_for_update(), {"account": account_id}).one_or_none()
    if row is None:
        head = Head()
        connection.execute(insert(ledger_head).values(account_id=account_id, **_values(head)))
        return head
    return Head(**row._mapping)


def save_head(connection: Connection, account_id: int, head: Head) -> None:
    """Store where the ledger stands; the caller holds its lock."""
    connection.execute(
        update(ledger_head).where(ledger_head.c.account_id == account_id).values(**_values(head))
    )


def accounts_with_ledger(connection: Connection) -> Sequence[int]:
    """Accounts in which somebody has marked a message."""
    return (
        connection.execute(select(ledger_head.c.account_id).order_by(ledger_head.c.account_id))
        .scalars()
        .all()
    )


def add_entries(connection: Connection, account_id: int, entries: Sequence[Entry]) -> None:
    """Insert labels in force; a sequence or message that is there already is an IntegrityError."""
    if entries:
        connection.execute(
            insert(ledger), [{"account_id": account_id, **_values(entry)} for entry in entries]
        )


def remove_entries(connection: Connection, account_id: int, sequences: Sequence[int]) -> None:
    """Take labels out of force."""
    statement = delete(ledger).where(
        ledger.c.account_id == account_id, ledger.c.sequence == bindparam("gone")
    )
    if sequences:
        connection.execute(statement, [{"gone": sequence} for sequence in sequences])


def entries_of(connection: Connection, account_id: int, messages: Collection[int]) -> dict[int, Entry]:
    """The labels in force of these messages, by message."""
    found: dict[int, Entry] = {}
    for chosen in _portions(messages):
        query = select(*_ENTRY).where(ledger.c.account_id == account_id, ledger.c.message_id.in_(chosen))
        found |= {row.message_id: Entry(**row._mapping) for row in connection.execute(query)}
    return found


def entries_after(connection: Connection, account_id: int, sequence: int, *, limit: int) -> Sequence[Entry]:
    """Labels in force in their order, from the one after ``sequence``."""
    query = (
        select(*_ENTRY)
        .where(ledger.c.account_id == account_id, ledger.c.sequence > sequence)
        .order_by(ledger.c.sequence)
        .limit(limit)
    )
    return [Entry(**row._mapping) for row in connection.execute(query)]


def entries_given_before(
    connection: Connection, account_id: int, instant: int, *, after: int, limit: int
) -> Sequence[tuple[int, int]]:
    """(sequence, message) of labels in force given before an instant, in order. Walks the ledger: for a reader."""
    query = (
        select(ledger.c.sequence, ledger.c.message_id)
        .where(ledger.c.account_id == account_id, ledger.c.sequence > after, ledger.c.given_at < instant)
        .order_by(ledger.c.sequence)
        .limit(limit)
    )
    return [(row.sequence, row.message_id) for row in connection.execute(query)]


def marks_over(account_id: int, instant: int) -> Over:
    """Acts of an account from before an instant about messages without a label in force."""
    in_force = select(ledger.c.sequence).where(
        ledger.c.account_id == account_id, ledger.c.message_id == mark.c.message_id
    )
    old = (mark.c.account_id == account_id, mark.c.given_at < instant)
    return Over(mark, and_(*old, ~in_force.exists()))


def last_entry(connection: Connection, account_id: int) -> tuple[int, int]:
    """(sequence, stamp) of the last label in force; (0, 0) when there is none."""
    query = (
        select(ledger.c.sequence, ledger.c.stamp)
        .where(ledger.c.account_id == account_id)
        .order_by(ledger.c.sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return (row.sequence, row.stamp) if row else (0, 0)


def stamp_at(connection: Connection, account_id: int, sequence: int) -> int:
    """The stamp of one row; 0 when there is no such row (and for sequence 0, before the first)."""
    query = select(ledger.c.stamp).where(ledger.c.account_id == account_id, ledger.c.sequence == sequence)
    return connection.execute(query).scalar_one_or_none() or 0


def count_entries(connection: Connection, account_id: int) -> dict[str, int]:
    """Labels in force by label."""
    query = (
        select(ledger.c.label, func.count().label("rows"))
        .where(ledger.c.account_id == account_id)
        .group_by(ledger.c.label)
    )
    return {row.label: row.rows for row in connection.execute(query)}


def add_marks(connection: Connection, account_id: int, marks: Sequence[Mark]) -> None:
    """Record acts."""
    if marks:
        connection.execute(insert(mark), [{"account_id": account_id, **_values(each)} for each in marks])


def revoke(connection: Connection, account_id: int, sequences: Sequence[int], *, at: int) -> None:
    """Let acts count no more. What is in force instead is the caller's to put there."""
    statement = (
        update(mark)
        .where(mark.c.account_id == account_id, mark.c.sequence == bindparam("which"))
        .values(revoked_at=at)
    )
    if sequences:
        connection.execute(statement, [{"which": sequence} for sequence in sequences])


def latest_marks(connection: Connection, account_id: int, messages: Collection[int]) -> dict[int, Mark]:
    """The last act that counts of each of these messages."""
    found: dict[int, Mark] = {}
    for chosen in _portions(messages):
        query = (
            select(*_MARK)
            .where(
                mark.c.account_id == account_id, mark.c.message_id.in_(chosen), mark.c.revoked_at.is_(None)
            )
            .order_by(mark.c.sequence)
        )
        found |= {row.message_id: Mark(**row._mapping) for row in connection.execute(query)}
    return found


def last_words(
    connection: Connection, account_id: int, messages: Collection[int]
) -> dict[int, dict[int, Mark]]:
    """Of each of these messages, by user: the last act of their that counts."""
    found: dict[int, dict[int, Mark]] = {}
    for chosen in _portions(messages):
        query = (
            select(*_MARK)
            .where(
                mark.c.account_id == account_id, mark.c.message_id.in_(chosen), mark.c.revoked_at.is_(None)
            )
            .order_by(mark.c.sequence)
        )
        for row in connection.execute(query):
            found.setdefault(row.message_id, {})[row.user_id] = Mark(**row._mapping)

    return found


def first_marks(connection: Connection, account_id: int, messages: Collection[int]) -> dict[int, Mark]:
    """The first act of each of these messages, whether it still counts or not."""
    found: dict[int, Mark] = {}
    for chosen in _portions(messages):
        query = (
            select(*_MARK)
            .where(mark.c.account_id == account_id, mark.c.message_id.in_(chosen))
            .order_by(mark.c.sequence.desc())
        )
        found |= {row.message_id: Mark(**row._mapping) for row in connection.execute(query)}
    return found


def marks_of_user(
    connection: Connection, account_id: int, user_id: int, *, since: int, limit: int
) -> Sequence[Mark]:
    """The user's acts that count and were given at or after ``since``, latest first."""
    query = (
        select(*_MARK)
        .where(
            mark.c.account_id == account_id,
            mark.c.user_id == user_id,
            mark.c.given_at >= since,
            mark.c.revoked_at.is_(None),
        )
        .order_by(mark.c.sequence.desc())
        .limit(limit)
    )

    return [Mark(**row._mapping) for row in connection.execute(query)]


def find_marks(connection: Connection, account_id: int, sequences: Collection[int]) -> Sequence[Mark]:
    """These acts, in their order."""
    query = select(*_MARK).where(
        mark.c.account_id == account_id, mark.c.sequence.in_(list(sequences)[:IN_LIMIT])
    )
    return [Mark(**row._mapping) for row in connection.execute(query.order_by(mark.c.sequence))]


def list_marks(
    connection: Connection, account_id: int, *, user_id: int | None = None, before: int, limit: int
) -> Sequence[Mark]:
    """Acts, latest first, each with a sequence below ``before``; those of one user only when asked."""
    query = select(*_MARK).where(mark.c.account_id == account_id, mark.c.sequence < before)
    if user_id is not None:
        query = query.where(mark.c.user_id == user_id)
    return [
        Mark(**row._mapping)
        for row in connection.execute(query.order_by(mark.c.sequence.desc()).limit(limit))
    ]


def marks_of_messages(connection: Connection, account_id: int, messages: Collection[int]) -> Sequence[Mark]:
    """Every act about these messages that counts."""
    found: list[Mark] = []
    for chosen in _portions(messages):
        own = (mark.c.account_id == account_id, mark.c.message_id.in_(chosen), mark.c.revoked_at.is_(None))
        found += [Mark(**row._mapping) for row in connection.execute(select(*_MARK).where(*own))]
    return found


def count_marks(connection: Connection, account_id: int, user_id: int, *, since: int) -> int:
    """How many marks this user (or mailbox) gave since then, counting revoked ones, not weak words."""
    query = (
        select(func.count())
        .where(mark.c.account_id == account_id, mark.c.user_id == user_id, mark.c.given_at >= since)
        .where(mark.c.source.not_in(WEAK))
    )
    return connection.execute(query).scalar_one()


def forget_messages(connection: Connection, account_id: int, messages: Collection[int]) -> None:
    """Delete every mark of these messages. Their labels are taken out of force before (``remove_entries``)."""
    for chosen in _portions(messages):
        connection.execute(delete(mark).where(mark.c.account_id == account_id, mark.c.message_id.in_(chosen)))


def _values(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _portions(ids: Collection[int]) -> Sequence[list[int]]:
    ordered = sorted(ids)
    return [ordered[start : start + IN_LIMIT] for start in range(0, len(ordered), IN_LIMIT)]


_ENTRY = tuple(ledger.c[name] for name in Entry.__slots__)
_MARK = tuple(mark.c[name] for name in Mark.__slots__)
_HEAD = select(*(ledger_head.c[name] for name in Head.__slots__)).where(
    ledger_head.c.account_id == bindparam("account")
)

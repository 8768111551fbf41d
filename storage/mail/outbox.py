"""Rows of the outbox: one message or letter to one recipient, from the moment it is queued to its end.

States: queued -> sent | failed | expired; sent -> failed when it bounces. A row is queued in the transaction that
stores its message, and every later change is one function here, run by the writer. A letter is what mailhub itself
writes: it has no message and no ticket, its bytes are in the row until it is done, and it goes out whatever the
account's stage is.
Functions take a connection of the caller's transaction and commit nothing. Not here: whether to send
(``mailhub.outbound``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    ColumnElement,
    Connection,
    delete,
    exists,
    func,
    insert,
    literal_column,
    null,
    select,
    tuple_,
    update,
)

from storage.accounts.accounts import OPEN
from storage.schema import account, message, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One message or letter to one recipient. Instants are microseconds since the epoch, UTC."""

    account_id: int
    id: int
    message_id: int | None  # None: a letter
    ticket_id: int | None
    kind: str  # reply, auto-reply, or what a letter is about
    mail_from: str | None  # None is the null sender
    recipient: str
    state: str  # queued, sent, failed or expired
    reason: str
    attempts: int
    created_at: int
    next_attempt_at: int
    not_after: int
    done_at: int | None = None
    reply: str | None = None  # what the relay said last: "250", "550 5.1.1"
    letter: bytes | None = field(default=None, repr=False)  # sealed; gone when it is done


_COLUMNS = tuple(outbox.c[name] for name in OutboxRow.__slots__)
_QUEUED = outbox.c.state == literal_column(
    "'queued'"
)  # a literal, so that also a generic plan can use the partial index


def add_to_outbox(connection: Connection, rows: Iterable[OutboxRow]) -> None:
    """Queue rows."""
    values = [{name: getattr(row, name) for name in OutboxRow.__slots__} for row in rows]
    if values:
        connection.execute(insert(outbox), values)


def claim_due(connection: Connection, now: int, *, until: int, after: int = 0) -> OutboxRow | None:
    """A queued row that is due; nobody else gets it before ``until``. After a crash it is due again then.

    The accounts by turns: the one that comes behind the account ``after`` by id, and in it what has been due
    the longest. A row that another node is claiming is left to it (PostgreSQL).
    """
    due = (_QUEUED, outbox.c.next_attempt_at <= now, _may_go_out())
    for account_id in _by_turns(connection, after):
        own = (outbox.c.account_id == account_id, *due)
        query = select(*_COLUMNS).where(*own).order_by(outbox.c.next_attempt_at, outbox.c.id).limit(1)
        found = connection.execute(query.with_for_update(skip_locked=True)).one_or_none()
        if found is not None:
            row = OutboxRow(**found._mapping)
            same = (outbox.c.account_id == row.account_id, outbox.c.id == row.id)
            connection.execute(update(outbox).where(*same).values(next_attempt_at=until))
            return row
    return None


def _by_turns(connection: Connection, after: int) -> Iterator[int]:
    """Accounts with queued rows, from the one behind ``after`` around to it: one step in the index for each."""
    for low, high in ((after, None), (-1, after)):
        account_id = low
        while True:
            query = select(func.min(outbox.c.account_id)).where(_QUEUED, outbox.c.account_id > account_id)
            found: int | None = connection.execute(query).scalar_one()
            if found is None or (high is not None and found > high):
                break
            yield found
            account_id = found


def _may_go_out() -> ColumnElement[bool]:
    """Letters, and rows of accounts in a stage in which mail goes out; those of others wait for a better one."""
    return outbox.c.message_id.is_(None) | exists().where(
        account.c.id == outbox.c.account_id, account.c.stage.in_(sorted(OPEN))
    )


def next_due(connection: Connection) -> int | None:
    """When the next queued row is due; None when nothing is queued."""
    query = select(func.min(outbox.c.next_attempt_at)).where(_QUEUED, _may_go_out())
    found: int | None = connection.execute(query).scalar_one()
    return found


def find_row(connection: Connection, account_id: int, row_id: int) -> OutboxRow | None:
    """The row with this id."""
    query = select(*_COLUMNS).where(outbox.c.account_id == account_id, outbox.c.id == row_id)
    row = connection.execute(query).one_or_none()
    return OutboxRow(**row._mapping) if row else None


def rows_of_messages(connection: Connection, account_id: int, messages: Iterable[int]) -> Sequence[OutboxRow]:
    """All rows of these messages: what became of each recipient."""
    query = select(*_COLUMNS).where(
        outbox.c.account_id == account_id, outbox.c.message_id.in_(sorted(messages))
    )
    return [
        OutboxRow(**row._mapping)
        for row in connection.execute(query.order_by(outbox.c.message_id, outbox.c.id))
    ]


def rows_of_bounced(
    connection: Connection, account_id: int, ticket_id: int, message_id_header: str
) -> Sequence[OutboxRow]:
    """Rows of the ticket's message that we sent with this Message-ID (without < >)."""
    query = (
        select(*_COLUMNS)
        .join(message, (message.c.account_id == outbox.c.account_id) & (message.c.id == outbox.c.message_id))
        .where(
            message.c.account_id == account_id,
            message.c.ticket_id == ticket_id,
            message.c.direction == "out",
            message.c.message_id == message_id_header,
        )
    )

    return [OutboxRow(**row._mapping) for row in connection.execute(query.order_by(outbox.c.id))]


def sent_to_since(
    connection: Connection, account_id: int, recipient: str, since: int, *, kind: str | None
) -> int:
    """How many mails (of a kind, or of any) were queued for an address since then."""
    own = [outbox.c.account_id == account_id, outbox.c.recipient == recipient, outbox.c.created_at >= since]
    if kind is not None:
        own.append(outbox.c.kind == kind)
    return connection.execute(select(func.count()).where(*own)).scalar_one()


def old_letters(
    connection: Connection, *, before: int, after: tuple[int, int], limit: int
) -> Sequence[tuple[int, int]]:
    """Account and id of letters that were done before then, in their order, behind ``after``."""
    place = tuple_(outbox.c.account_id, outbox.c.id)
    done = (outbox.c.message_id.is_(None), outbox.c.done_at < before, place > tuple_(*after))
    query = select(outbox.c.account_id, outbox.c.id).where(*done).order_by(outbox.c.account_id, outbox.c.id)
    return [(row.account_id, row.id) for row in connection.execute(query.limit(limit))]


def delete_letters(connection: Connection, account_id: int, rows: Sequence[int]) -> int:
    """Delete these letters; how many went."""
    own = (outbox.c.account_id == account_id, outbox.c.id.in_(rows), outbox.c.message_id.is_(None))
    return connection.execute(delete(outbox).where(*own)).rowcount


def waiting_letters(
    connection: Connection, account_id: int, after: int, *, limit: int
) -> Sequence[OutboxRow]:
    """Rows of letters that are still to be sent, by id, from the one after ``after``."""
    own = (outbox.c.account_id == account_id, outbox.c.message_id.is_(None), outbox.c.done_at.is_(None))
    query = select(*_COLUMNS).where(*own, outbox.c.id > after, outbox.c.letter.is_not(None))
    return [OutboxRow(**row._mapping) for row in connection.execute(query.order_by(outbox.c.id).limit(limit))]


def change_letter(connection: Connection, row: OutboxRow, letter: bytes) -> bool:
    """Put other bytes in the place of a letter's; False when it left, or was removed, meanwhile."""
    own = (outbox.c.account_id == row.account_id, outbox.c.id == row.id, outbox.c.letter == row.letter)
    return connection.execute(update(outbox).where(*own).values(letter=letter)).rowcount == 1


def delete_letters_to(connection: Connection, account_id: int, recipient: str) -> int:
    """Delete letters to an address, those that wait and those that left; how many went."""
    own = (outbox.c.account_id == account_id, outbox.c.recipient == recipient, outbox.c.message_id.is_(None))
    return connection.execute(delete(outbox).where(*own)).rowcount


def set_outcome(
    connection: Connection, row: OutboxRow, *, state: str, reason: str, reply: str | None, at: int
) -> bool:
    """End a row that is still queued; False when it was ended or removed meanwhile. Nothing of a letter is kept."""
    own = (outbox.c.account_id == row.account_id, outbox.c.id == row.id, outbox.c.state == "queued")
    values = {
        "state": state,
        "reason": reason,
        "reply": reply,
        "done_at": at,
        "attempts": outbox.c.attempts + 1,
    }
    values["letter"] = null()
    return connection.execute(update(outbox).where(*own).values(values)).rowcount == 1


def set_retry(connection: Connection, row: OutboxRow, *, reply: str | None, next_attempt_at: int) -> bool:
    """Note a failed try of a row that is still queued; False when it was ended or removed meanwhile."""
    own = (outbox.c.account_id == row.account_id, outbox.c.id == row.id, outbox.c.state == "queued")
    values = {"reply": reply, "next_attempt_at": next_attempt_at, "attempts": outbox.c.attempts + 1}
    return connection.execute(update(outbox).where(*own).values(values)).rowcount == 1


def set_bounced(connection: Connection, account_id: int, row_id: int, *, reply: str | None, at: int) -> bool:
    """Fail a row that had left; False when it had failed already."""
    own = (outbox.c.account_id == account_id, outbox.c.id == row_id, outbox.c.state != "failed")
    values = {"state": "failed", "reason": "bounced", "reply": reply, "done_at": at}
    return connection.execute(update(outbox).where(*own).values(values)).rowcount == 1

"""Marks that were asked for: by moving mail in a mailbox at a provider, by sending it to a feedback address,
or by closing its ticket.

States of a request: waiting -> given as a mark (the row goes), or suggested -> confirmed or dismissed by an agent, or
gone by age. One request a message and giver: the last word counts. Functions take a connection of the caller's
transaction. Not here: what becomes of a request (``mailhub.filter.mark_requests``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, tuple_, update

from storage.filter.ledger import HANDLED
from storage.schema import mark, mark_request

WAITING = "waiting"
SUGGESTED = "suggested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A mark that is asked for. Instants in microseconds since the epoch, UTC."""

    id: int
    message_id: int
    label: str
    giver_id: int  # a user, or with the source imap a mailbox
    source: str
    state: str
    reason: str = ""
    noticed_at: int
    due_at: int


_REQUEST = tuple(mark_request.c[name] for name in Request.__slots__)


def put_request(connection: Connection, account_id: int, row: Request) -> None:
    """Ask for a mark; an earlier request of the giver about the message is over.

    But a sure one is not made unsure by the same word said again (a client that sets $Junk and then moves), and
    closing a ticket takes back nothing that was said of its mail in words.
    """
    same = (
        *_own(account_id),
        mark_request.c.message_id == row.message_id,
        mark_request.c.giver_id == row.giver_id,
    )
    present = connection.execute(select(*_REQUEST).where(*same)).one_or_none()
    if present is not None and present.label == row.label and present.state == WAITING:
        return
    if present is not None and row.source == HANDLED and present.source != HANDLED:
        return
    connection.execute(delete(mark_request).where(*same))
    values = {name: getattr(row, name) for name in Request.__slots__}
    connection.execute(insert(mark_request).values(account_id=account_id, **values))


def accounts_with_requests(connection: Connection, *, due_at: int) -> Sequence[int]:
    """Accounts with a request that is due."""
    due = (mark_request.c.state == WAITING, mark_request.c.due_at <= due_at)
    query = select(mark_request.c.account_id).where(*due).distinct().order_by(mark_request.c.account_id)
    return connection.execute(query).scalars().all()


def due_requests(
    connection: Connection, account_id: int, *, due_at: int, after: tuple[int, int], limit: int
) -> Sequence[Request]:
    """Requests that are due, in the order they were noticed, behind the instant and id ``after``."""
    due = (*_own(account_id), mark_request.c.state == WAITING, mark_request.c.due_at <= due_at)
    place = tuple_(mark_request.c.due_at, mark_request.c.id)
    query = select(*_REQUEST).where(*due, place > tuple_(*after))
    query = query.order_by(mark_request.c.due_at, mark_request.c.id).limit(limit)
    return [Request(**row._mapping) for row in connection.execute(query)]


def delete_requests_of(
    connection: Connection, account_id: int, messages: Collection[int], source: str
) -> None:
    """What was asked for in this way about these messages (some hundred) is over."""
    own = (
        *_own(account_id),
        mark_request.c.message_id.in_(sorted(messages)),
        mark_request.c.source == source,
    )
    connection.execute(delete(mark_request).where(*own))


def find_requests(connection: Connection, account_id: int, ids: Collection[int]) -> Sequence[Request]:
    """These requests (some hundred), by id; those that are over are absent."""
    query = (
        select(*_REQUEST)
        .where(*_own(account_id), mark_request.c.id.in_(sorted(ids)))
        .order_by(mark_request.c.id)
    )
    return [Request(**row._mapping) for row in connection.execute(query)]


def list_suggestions(
    connection: Connection, account_id: int, *, before: int, limit: int
) -> Sequence[Request]:
    """What an agent is to decide, latest first, with ids below ``before``."""
    own = (*_own(account_id), mark_request.c.state == SUGGESTED, mark_request.c.id < before)
    query = select(*_REQUEST).where(*own).order_by(mark_request.c.id.desc()).limit(limit)
    return [Request(**row._mapping) for row in connection.execute(query)]


def count_asked(connection: Connection, account_id: int, giver_id: int, source: str, *, since: int) -> int:
    """How many marks a giver asked for or gave since then, in this way."""
    asked = select(func.count()).where(
        *_own(account_id),
        mark_request.c.giver_id == giver_id,
        mark_request.c.source == source,
        mark_request.c.noticed_at >= since,
    )
    given = select(func.count()).where(
        mark.c.account_id == account_id,
        mark.c.user_id == giver_id,
        mark.c.source == source,
        mark.c.given_at >= since,
    )

    return int(connection.execute(asked).scalar_one() + connection.execute(given).scalar_one())


def suggest(
    connection: Connection, account_id: int, giver_id: int, source: str, *, due_at: int, reason: str
) -> None:
    """All that a giver asks for now, in this way, is left to an agent."""
    own = (
        *_own(account_id),
        mark_request.c.giver_id == giver_id,
        mark_request.c.source == source,
        mark_request.c.state == WAITING,
    )
    values = {"state": SUGGESTED, "reason": reason}
    connection.execute(update(mark_request).where(*own, mark_request.c.due_at <= due_at).values(values))


def suggest_these(connection: Connection, account_id: int, ids: Collection[int], *, reason: str) -> None:
    """These requests (some hundred) are left to an agent."""
    own = (*_own(account_id), mark_request.c.id.in_(sorted(ids)))
    connection.execute(update(mark_request).where(*own).values(state=SUGGESTED, reason=reason))


def delete_requests(connection: Connection, account_id: int, ids: Collection[int]) -> int:
    """These requests are over; how many went."""
    own = (*_own(account_id), mark_request.c.id.in_(sorted(ids)))
    return connection.execute(delete(mark_request).where(*own)).rowcount


def old_suggestions(
    connection: Connection, *, before: int, after: tuple[int, int], limit: int
) -> Sequence[tuple[int, int]]:
    """Account and id of suggestions that nobody decided on in time, behind ``after``."""
    key = (mark_request.c.account_id, mark_request.c.id)
    old = (mark_request.c.state == SUGGESTED, mark_request.c.noticed_at < before)
    query = select(*key).where(*old, tuple_(*key) > tuple_(*after)).order_by(*key).limit(limit)
    return [(row.account_id, row.id) for row in connection.execute(query)]


def _own(account_id: int) -> tuple[ColumnElement[bool], ...]:
    return (mark_request.c.account_id == account_id,)

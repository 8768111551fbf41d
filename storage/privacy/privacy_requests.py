"""Rows of what people ask about their own data: erasure, a copy, withdrawal of consent.

States: asked -> proven (the link that was mailed to the address was used) -> approved | refused. Every change is one
function here and says whether the row was in the state it needs: of two at once, one wins. Commit nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, tuple_, update

from storage.schema import contact_address, participant, privacy_request


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyRequest:
    """One request. Instants are microseconds since the epoch, UTC. ``link``: SHA-256 of what was mailed."""

    account_id: int
    id: int
    kind: str  # erasure, export or withdrawal
    address: str = field(repr=False)
    mailbox_id: int
    state: str  # asked, proven, approved or refused
    link: bytes = field(repr=False)
    created_at: int
    expires_at: int
    proven_at: int | None = None
    decided_at: int | None = None
    actor: str | None = None
    waits_for: str | None = None
    commitment: str | None = None
    erasure_id: int | None = None


_COLUMNS = tuple(privacy_request.c[name] for name in PrivacyRequest.__slots__)


def add_request(connection: Connection, row: PrivacyRequest) -> None:
    """Insert a request."""
    connection.execute(
        insert(privacy_request).values({name: getattr(row, name) for name in PrivacyRequest.__slots__})
    )


def find_request(connection: Connection, account_id: int, request_id: int) -> PrivacyRequest | None:
    """The request with this id."""
    return _one(connection, account_id, privacy_request.c.id == request_id)


def find_request_of_link(connection: Connection, account_id: int, link: bytes) -> PrivacyRequest | None:
    """The request whose link hashes to this."""
    return _one(connection, account_id, privacy_request.c.link == link)


def _one(connection: Connection, account_id: int, which: Any) -> PrivacyRequest | None:
    row = connection.execute(
        select(*_COLUMNS).where(privacy_request.c.account_id == account_id, which)
    ).one_or_none()
    return PrivacyRequest(**row._mapping) if row else None


def list_requests(
    connection: Connection, account_id: int, *, state: str | None = None, after: int = 0, limit: int = 100
) -> Sequence[PrivacyRequest]:
    """Requests by id, of a state or of all."""
    own = [privacy_request.c.account_id == account_id, privacy_request.c.id > after]
    if state is not None:
        own.append(privacy_request.c.state == state)
    rows = connection.execute(select(*_COLUMNS).where(*own).order_by(privacy_request.c.id).limit(limit))
    return [PrivacyRequest(**row._mapping) for row in rows]


def change_request(connection: Connection, row: PrivacyRequest, *, state: str, **values: Any) -> bool:
    """Bring a request that is still as ``row`` says into a state; False when it was changed meanwhile."""
    own = (
        privacy_request.c.account_id == row.account_id,
        privacy_request.c.id == row.id,
        privacy_request.c.state == row.state,
        privacy_request.c.link == row.link,
    )
    return connection.execute(update(privacy_request).where(*own).values(state=state, **values)).rowcount == 1


def old_requests(
    connection: Connection, *, before: int, after: tuple[int, int], limit: int
) -> Sequence[tuple[int, int]]:
    """Account and id of requests that were decided, or whose link ended unused, before then, behind ``after``."""
    unused = (privacy_request.c.state == "asked", privacy_request.c.expires_at < before)
    over = or_(privacy_request.c.decided_at < before, unused[0] & unused[1])
    key = (privacy_request.c.account_id, privacy_request.c.id)
    query = select(*key).where(over, tuple_(*key) > tuple_(*after)).order_by(*key).limit(limit)
    return [(row.account_id, row.id) for row in connection.execute(query)]


def delete_requests(connection: Connection, account_id: int, rows: Sequence[int]) -> int:
    """Delete these requests; how many went."""
    own = (privacy_request.c.account_id == account_id, privacy_request.c.id.in_(rows))
    return connection.execute(delete(privacy_request).where(*own)).rowcount


def is_known(connection: Connection, account_id: int, address: str) -> bool:
    """Whether the account holds data under exactly this address (lower case): a contact's, or a participant's."""
    of_contact = select(contact_address.c.address).where(
        contact_address.c.account_id == account_id, contact_address.c.address == address
    )
    taking_part = select(participant.c.address).where(
        participant.c.account_id == account_id, participant.c.address == address
    )
    return any(connection.execute(query.limit(1)).first() is not None for query in (of_contact, taking_part))


def count_waiting(connection: Connection, account_id: int) -> int:
    """Requests that an agent has to decide."""
    own = (privacy_request.c.account_id == account_id, privacy_request.c.state == "proven")
    return connection.execute(select(func.count()).where(*own)).scalar_one()

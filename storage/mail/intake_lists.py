"""Deliveries in and what became of them, as people and the health check see them. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select

from storage.schema import intake, message

LOOKED_AT = 1_000  # deliveries of an account that are read for when its last mail came


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRow:
    """One delivery: message x recipient x door. Instants are microseconds since the epoch, UTC."""

    id: int
    source: str
    received_at: int
    mail_from: str | None
    recipient: str
    peer: str
    helo: str
    tls: int
    fate: str
    reason: str
    message: int | None
    ticket: int | None
    message_id: str | None  # the stored message's Message-ID
    size_bytes: int


def _select(account_id: int) -> Select[tuple[object, ...]]:
    own = [intake.c[name] for name in IntakeRow.__slots__ if name in intake.c and name != "message_id"]
    return (
        select(
            *own,
            intake.c.message_id.label("message"),
            intake.c.ticket_id.label("ticket"),
            message.c.message_id.label("message_id"),
        )
        .select_from(intake)
        .outerjoin(
            message, (message.c.account_id == intake.c.account_id) & (message.c.id == intake.c.message_id)
        )
        .where(intake.c.account_id == account_id)
    )


def list_intake(
    connection: Connection,
    account_id: int,
    *,
    fate: str | None = None,
    message_id: int | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Sequence[IntakeRow]:
    """Deliveries newest first, each with an id below ``before``; of one fate or one stored message when asked."""
    query = _select(account_id)
    if fate is not None:
        query = query.where(intake.c.fate == fate)
    if message_id is not None:
        query = query.where(intake.c.message_id == message_id)
    if before is not None:
        query = query.where(intake.c.id < before)
    return [
        IntakeRow(**row._mapping)
        for row in connection.execute(query.order_by(intake.c.id.desc()).limit(limit))
    ]


def find_intake(connection: Connection, account_id: int, intake_id: int) -> IntakeRow | None:
    """The delivery with this id."""
    row = connection.execute(_select(account_id).where(intake.c.id == intake_id)).one_or_none()
    return IntakeRow(**row._mapping) if row else None


def count_unreadable(connection: Connection, account_id: int | None = None) -> int:
    """Messages filed raw because reading them failed: what waits for `intake retry`, of one account or of all."""
    query = select(func.count()).where(message.c.unreadable == 1)
    if account_id is not None:
        query = query.where(message.c.account_id == account_id)
    return int(connection.execute(query).scalar_one())


def last_mail_at(connection: Connection, account_id: int) -> Mapping[str, int]:
    """When the account's last mail came by each door, as far as its latest deliveries say (``LOOKED_AT``)."""
    latest = select(intake.c.source, intake.c.received_at).where(intake.c.account_id == account_id)
    some = latest.order_by(intake.c.id.desc()).limit(LOOKED_AT).subquery()
    query = select(some.c.source, func.max(some.c.received_at).label("at")).group_by(some.c.source)
    return {row.source: row.at for row in connection.execute(query)}

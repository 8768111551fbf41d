"""Mail that came, as far as rules are tried on it. Functions take a connection and commit nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, exists, select

from storage.schema import mailbox, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """One message that came in."""

    id: int
    ticket_id: int
    received_at: int
    mailbox: str
    from_address: str
    subject: str
    verdict: str
    automatic: str
    authentication: str
    attachments: int
    new: bool  # the first of its ticket


_EARLIER = message.alias("earlier")
_FIRST = ~exists().where(
    _EARLIER.c.account_id == message.c.account_id,
    _EARLIER.c.ticket_id == message.c.ticket_id,
    _EARLIER.c.id < message.c.id,
)
_MADE = {"mailbox": mailbox.c.address.label("mailbox"), "new": case((_FIRST, 1), else_=0).label("new")}
_COLUMNS = tuple(_MADE[name] if name in _MADE else message.c[name] for name in Came.__slots__)


def came_since(
    connection: Connection, account_id: int, *, since: int, before: int, limit: int
) -> Sequence[Came]:
    """Mail with ids below ``before`` that came since an instant, the newest first."""
    query = _came(account_id).where(message.c.id < before, message.c.received_at >= since)
    return _rows(connection, query.order_by(message.c.id.desc()).limit(limit))


def find_came(connection: Connection, account_id: int, message_id: int) -> Came | None:
    """One message that came in."""
    return next(iter(_rows(connection, _came(account_id).where(message.c.id == message_id))), None)


def _came(account_id: int) -> Any:
    same = (mailbox.c.account_id == message.c.account_id) & (mailbox.c.id == message.c.mailbox_id)
    own = (message.c.account_id == account_id, message.c.direction == "in")
    return select(*_COLUMNS).select_from(message.outerjoin(mailbox, same)).where(*own)


def _rows(connection: Connection, query: Any) -> list[Came]:
    rows = connection.execute(query).mappings()
    return [Came(**{**row, "mailbox": row["mailbox"] or "", "new": bool(row["new"])}) for row in rows]

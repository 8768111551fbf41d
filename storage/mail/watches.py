"""Rows of what is known of each mailbox's rhythm. Functions take a connection of the caller's transaction.

A mailbox has none until its first mail came or somebody set a limit. Not here: what it means
(``mailhub.health.silence``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, insert, select, update

from storage.schema import account, imap_source, intake, mailbox, mailbox_watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One mailbox. Instants are microseconds since the epoch, UTC; None as the catalogue says."""

    account_id: int
    mailbox_id: int
    limit_hours: int | None = None
    first_at: int | None = None
    newest_at: int | None = None
    hours: bytes = b""
    alarm_at: int | None = None
    silent_at: int | None = None


_COLUMNS = tuple(mailbox_watch.c[name] for name in Watch.__slots__)
_MAILBOX = and_(
    mailbox.c.account_id == mailbox_watch.c.account_id, mailbox.c.id == mailbox_watch.c.mailbox_id
)


def find_watch(connection: Connection, account_id: int, mailbox_id: int) -> Watch | None:
    """What is known of a mailbox."""
    query = select(*_COLUMNS).where(
        mailbox_watch.c.account_id == account_id, mailbox_watch.c.mailbox_id == mailbox_id
    )
    row = connection.execute(query).one_or_none()
    return Watch(**row._mapping) if row else None


def list_watches(connection: Connection, account_id: int) -> Sequence[Watch]:
    """What is known of the mailboxes of an account."""
    query = (
        select(*_COLUMNS).where(mailbox_watch.c.account_id == account_id).order_by(mailbox_watch.c.mailbox_id)
    )
    return [Watch(**row._mapping) for row in connection.execute(query)]


def put_watch(connection: Connection, watch: Watch) -> None:
    """Insert or replace a row; nothing when the mailbox is gone meanwhile."""
    values = {name: getattr(watch, name) for name in Watch.__slots__}
    own = (mailbox_watch.c.account_id == watch.account_id, mailbox_watch.c.mailbox_id == watch.mailbox_id)
    if connection.execute(update(mailbox_watch).where(*own).values(values)).rowcount:
        return
    there = select(mailbox.c.id).where(
        mailbox.c.account_id == watch.account_id, mailbox.c.id == watch.mailbox_id
    )
    if connection.execute(there).one_or_none() is not None:
        connection.execute(insert(mailbox_watch).values(values))


def delete_watch(connection: Connection, account_id: int, mailbox_id: int) -> None:
    """Forget what is known of a mailbox."""
    own = (mailbox_watch.c.account_id == account_id, mailbox_watch.c.mailbox_id == mailbox_id)
    connection.execute(delete(mailbox_watch).where(*own))


def due_watches(connection: Connection, *, now: int) -> Sequence[Watch]:
    """Mailboxes whose silence is to be told: that take mail, of accounts that do, and not where fetching is paused."""
    paused = select(imap_source.c.id).where(
        imap_source.c.account_id == mailbox_watch.c.account_id,
        imap_source.c.mailbox_id == mailbox_watch.c.mailbox_id,
        imap_source.c.paused_at.is_not(None),
    )
    query = (
        select(*_COLUMNS)
        .join(account, account.c.id == mailbox_watch.c.account_id)
        .join(mailbox, _MAILBOX)
        .where(mailbox.c.retired_at.is_(None))
        .where(account.c.stage.in_(("trial", "active")), ~paused.exists())
        .where(mailbox_watch.c.alarm_at <= now, mailbox_watch.c.silent_at.is_(None))
    )

    return [Watch(**row._mapping) for row in connection.execute(query)]


def set_silent(connection: Connection, watch: Watch, *, at: int) -> bool:
    """Note that the silence is told; False when it was told already, or mail came since ``watch`` was read."""
    same = (
        mailbox_watch.c.account_id == watch.account_id,
        mailbox_watch.c.mailbox_id == watch.mailbox_id,
        mailbox_watch.c.alarm_at == watch.alarm_at,
        mailbox_watch.c.silent_at.is_(None),
    )
    return connection.execute(update(mailbox_watch).where(*same).values(silent_at=at)).rowcount == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One mailbox of any account, for metrics: ids and numbers only."""

    mailbox_id: int
    newest_at: int | None
    silent_at: int | None


def every_watch(connection: Connection) -> Sequence[Watched]:
    """The mailboxes of all accounts that something is known of."""
    query = select(*(mailbox_watch.c[name] for name in Watched.__slots__)).order_by(
        mailbox_watch.c.mailbox_id
    )
    return [Watched(**row._mapping) for row in connection.execute(query)]


def silent_watches(connection: Connection) -> Sequence[tuple[str, Watch]]:
    """The silent mailboxes of every account, each with its address."""
    query = (
        select(mailbox.c.address, *_COLUMNS)
        .join(mailbox, _MAILBOX)
        .where(mailbox_watch.c.silent_at.is_not(None))
    )
    rows = [dict(row._mapping) for row in connection.execute(query.order_by(mailbox.c.address))]
    return [(row.pop("address"), Watch(**row)) for row in rows]


def newest_deliveries(connection: Connection, account_id: int, *, limit: int) -> Sequence[tuple[int, int]]:
    """The last deliveries on record of an account, imports left out: (mailbox_id, received_at), the newest first."""
    query = select(intake.c.mailbox_id, intake.c.received_at).where(intake.c.account_id == account_id)
    some = query.where(intake.c.source != "import").order_by(intake.c.id.desc()).limit(limit)
    return [(row.mailbox_id, row.received_at) for row in connection.execute(some)]

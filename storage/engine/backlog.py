"""What waits, over all accounts, and how new the newest delivery is: numbers for `mailhub doctor`. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, literal_column, select

from storage.mail.intake_lists import count_unreadable
from storage.schema import account, intake, outbox

ACCOUNTS = 1000  # whose newest delivery is looked up; each is one step into an index


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Instants are microseconds since the epoch, UTC; None where there is nothing."""

    queued: int  # rows of the outbox that are to be sent
    oldest_queued_at: int | None
    unreadable: int  # messages that wait for `intake retry`
    newest_delivery_at: int | None


def backlog(connection: Connection) -> Backlog:
    """What waits now."""
    queued = outbox.c.state == literal_column("'queued'")  # a literal: the partial index is used
    count, oldest = connection.execute(
        select(func.count(), func.min(outbox.c.created_at)).where(queued)
    ).one()
    return Backlog(
        queued=int(count),
        oldest_queued_at=oldest,
        unreadable=count_unreadable(connection),
        newest_delivery_at=_newest_delivery_at(connection),
    )


def _newest_delivery_at(connection: Connection) -> int | None:
    accounts = connection.execute(select(account.c.id).order_by(account.c.id).limit(ACCOUNTS)).scalars()
    own = select(intake.c.received_at).order_by(intake.c.id.desc()).limit(1)
    found = (connection.execute(own.where(intake.c.account_id == each)).scalar() for each in accounts.all())
    return max((at for at in found if at is not None), default=None)

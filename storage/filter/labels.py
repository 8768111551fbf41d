"""What a label changes besides the ledger: the verdict of the message, and verdict and state of its ticket.

Functions take a connection of the caller's transaction and commit nothing.
Not here: the ledger (``ledger``), what a label means for a ticket (``mailhub.filter.feedback``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, update

from storage.privacy.objections import objecting
from storage.schema import contact_address, ledger, mark, message, ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A message that may be labelled. ``first``: its ticket began with it; ``objected``: who wrote it objected to
    their mail teaching.
    """

    id: int
    ticket_id: int
    contact_id: int | None
    direction: str
    verdict: str
    unreadable: bool
    first: bool
    objected: bool = False


def find_labelled(
    connection: Connection, account_id: int, messages: Collection[int]
) -> Mapping[int, Labelled]:
    """Those of these messages that the account has, by id (at most some hundred at a time)."""
    columns = (
        message.c.id,
        message.c.ticket_id,
        message.c.contact_id,
        message.c.direction,
        message.c.verdict,
    )
    own = (message.c.account_id == account_id, message.c.id.in_(sorted(messages)))
    rows = connection.execute(select(*columns, message.c.unreadable).where(*own)).all()
    tickets = sorted({row.ticket_id for row in rows})
    query = select(func.min(message.c.id)).where(
        message.c.account_id == account_id, message.c.ticket_id.in_(tickets)
    )
    firsts = set(connection.execute(query.group_by(message.c.ticket_id)).scalars())
    against = objecting(
        connection, account_id, {row.contact_id for row in rows if row.contact_id is not None}
    )

    return {
        row.id: Labelled(
            id=row.id,
            ticket_id=row.ticket_id,
            contact_id=row.contact_id,
            direction=row.direction,
            verdict=row.verdict,
            unreadable=bool(row.unreadable),
            first=row.id in firsts,
            objected=row.contact_id in against,
        )
        for row in rows
    }


def set_verdicts(connection: Connection, account_id: int, verdicts: Mapping[int, str]) -> None:
    """Set the verdicts of messages. The score stays what it was when they arrived."""
    statement = (
        update(message)
        .where(message.c.account_id == account_id, message.c.id == bindparam("which"))
        .values(verdict=bindparam("now_verdict"))
    )
    if verdicts:
        rows = [{"which": which, "now_verdict": verdict} for which, verdict in sorted(verdicts.items())]
        connection.execute(statement, rows)


def remember_labels(connection: Connection, account_id: int, messages: Collection[int]) -> None:
    """Note on messages that their verdict was a label, whose row is gone (a portion)."""
    if messages:
        own = (message.c.account_id == account_id, message.c.id.in_(sorted(messages)))
        connection.execute(update(message).where(*own).values(verdict_reason="label", verdict_evidence=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketVerdict:
    """What a ticket is to have after the label on its first message."""

    ticket_id: int
    verdict: str
    state: str
    state_before: str | None


def set_ticket_verdicts(
    connection: Connection, account_id: int, tickets: Sequence[TicketVerdict], *, at: int
) -> None:
    """Set verdict and states of tickets, and when something last happened to them."""
    statement = (
        update(ticket)
        .where(ticket.c.account_id == account_id, ticket.c.id == bindparam("which"))
        .values(
            verdict=bindparam("now_verdict"),
            state=bindparam("now_state"),
            state_before=bindparam("now_before"),
            updated_at=at,
        )
    )

    rows = [
        {
            "which": each.ticket_id,
            "now_verdict": each.verdict,
            "now_state": each.state,
            "now_before": each.state_before,
        }
        for each in tickets
    ]
    if rows:
        connection.execute(statement, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which incoming messages are meant; None: whichever."""

    mailbox: int | None = None
    contact: int | None = None
    address: str | None = None  # of a contact, lower case
    verdict: str | None = None
    since: int | None = None  # what came before is not meant; microseconds


def choose_messages(
    connection: Connection,
    account_id: int,
    choice: Choice,
    *,
    before: int,
    limit: int,
    among: Collection[int] | None = None,
) -> Sequence[int]:
    """Readable incoming messages with ids below ``before``, newest first; ``among``: only these (some hundred)."""
    query = select(message.c.id).where(
        message.c.account_id == account_id,
        message.c.id < before,
        message.c.direction == "in",
        message.c.unreadable == 0,
    )
    equal = {"mailbox_id": choice.mailbox, "contact_id": choice.contact, "verdict": choice.verdict}
    query = query.where(*(message.c[name] == value for name, value in equal.items() if value is not None))
    if choice.since is not None:
        query = query.where(message.c.received_at >= choice.since)

    if choice.address is not None:
        people = select(contact_address.c.contact_id)
        own = (contact_address.c.account_id == account_id, contact_address.c.address == choice.address)
        query = query.where(message.c.contact_id.in_(people.where(*own)))

    if among is not None:
        query = query.where(message.c.id.in_(sorted(among)))

    return connection.execute(query.order_by(message.c.id.desc()).limit(limit)).scalars().all()


def unspoken_messages(
    connection: Connection, account_id: int, ticket_id: int, *, limit: int
) -> Sequence[int]:
    """The newest messages of a ticket that people wrote to us and about which nobody has said anything.

    Not of somebody whom only the mail itself names (``claimed-author``): what is done with it says nothing of them.
    """
    spoken = select(mark.c.message_id).where(
        mark.c.account_id == account_id, mark.c.message_id == message.c.id
    )
    spoken = spoken.where(mark.c.revoked_at.is_(None))
    query = select(message.c.id).where(
        message.c.account_id == account_id,
        message.c.ticket_id == ticket_id,
        message.c.direction == "in",
        message.c.unreadable == 0,
        message.c.automatic == "",
        message.c.contact_id.is_not(None),
        message.c.flags.not_like("%claimed-author%"),
        ~spoken.exists(),
    )

    return connection.execute(query.order_by(message.c.id.desc()).limit(limit)).scalars().all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A message as it was judged when it came, and the label it has now (None: nobody gave one)."""

    id: int
    probability: float
    verdict: str  # when it came
    verdict_reason: str | None
    label: str | None


def scored_messages(
    connection: Connection, account_id: int, *, since: int, after: int, limit: int
) -> Sequence[Scored]:
    """Scored incoming messages received since an instant, in order of ids from the one after ``after``."""
    own = (mark.c.account_id == account_id, mark.c.message_id == message.c.id)
    first = select(mark.c.verdict_before).where(*own).order_by(mark.c.sequence).limit(1).scalar_subquery()
    query = (
        select(
            message.c.id,
            message.c.probability,
            func.coalesce(first, message.c.verdict).label("verdict"),
            message.c.verdict_reason,
            ledger.c.label,
        )
        .outerjoin(ledger, (ledger.c.account_id == account_id) & (ledger.c.message_id == message.c.id))
        .where(
            message.c.account_id == account_id,
            message.c.id > after,
            message.c.direction == "in",
            message.c.received_at >= since,
            message.c.probability.is_not(None),
        )
        .order_by(message.c.id)
        .limit(limit)
    )

    return [Scored(**row._mapping) for row in connection.execute(query)]

"""What a ticket's row says of its messages: how many, who waits since when, the newest, whether there are files.

Kept by whoever changes messages, in the same transaction, so that a list never counts. Filing and answers add to it
(``storage.mail.filing.touch``); moving, removing and judging mail derive it anew. Which of a ticket's mails wait for an
answer stands on them (``message.awaits``), so a merge, a split and an undo carry it with them; ``waiting_since`` is the
oldest of these. Each value is found by an index, however many messages there are. Functions take a connection of the
caller's transaction and commit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, select, tuple_, update

from storage.schema import message, outbox, ticket


def derive_anew(connection: Connection, account_id: int, tickets: Iterable[int]) -> None:
    """Set what these tickets' rows say of their messages to what there is."""
    own = (ticket.c.account_id == account_id, ticket.c.id.in_(sorted(set(tickets))))
    connection.execute(update(ticket).where(*own).values(**derived_values()))


def settle(connection: Connection, account_id: int, tickets: Collection[int]) -> None:
    """Nobody waits in these tickets any more: they were answered, closed, or we wait for the other side."""
    waiting = (message.c.account_id == account_id, message.c.ticket_id.in_(tickets), message.c.awaits == 1)
    connection.execute(update(message).where(*waiting).values(awaits=0))
    own = (ticket.c.account_id == account_id, ticket.c.id.in_(tickets), ticket.c.waiting_since.is_not(None))
    connection.execute(update(ticket).where(*own).values(waiting_since=None))


def await_again(
    connection: Connection, account_id: int, tickets: Collection[int], *, also_spam: bool = False
) -> None:
    """What people wrote into these tickets after our last answer waits (again): they are open once more.

    An answer that failed for all whom it was to go to is none.

    ``also_spam``: also what counts as spam; a ticket in the spam state was opened by hand.
    """
    there: list[ColumnElement[bool]] = [message.c.ticket_id.in_(tickets)]
    if not also_spam:
        there.append(message.c.verdict != "spam")
    connection.execute(update(message).where(*_unanswered(account_id), *there).values(awaits=1))
    derive_anew(connection, account_id, tickets)


def follow_verdicts(
    connection: Connection, account_id: int, *, spam: Collection[int], not_spam: Collection[int]
) -> None:
    """Messages became spam, and wait no more; or are none after all, and wait if nobody has answered since."""
    if spam:
        own = (message.c.account_id == account_id, message.c.id.in_(spam), message.c.awaits == 1)
        connection.execute(update(message).where(*own).values(awaits=0))
    if not_spam:
        there = message.c.id.in_(not_spam)
        connection.execute(update(message).where(*_unanswered(account_id), there).values(awaits=1))

    changed = {*spam, *not_spam}
    if changed:
        query = select(message.c.ticket_id).where(
            message.c.account_id == account_id, message.c.id.in_(sorted(changed))
        )
        derive_anew(connection, account_id, connection.execute(query).scalars().all())


def _unanswered(account_id: int) -> tuple[ColumnElement[bool], ...]:
    """A person's mail, spam or not, with no message of ours after it that went out, or may still."""
    later = message.alias("later")
    its_rows = (outbox.c.account_id == later.c.account_id, outbox.c.message_id == later.c.id)
    reached_nobody = exists().where(*its_rows) & ~exists().where(
        *its_rows, outbox.c.state.in_(("queued", "sent"))
    )
    answered = exists().where(
        later.c.account_id == message.c.account_id,
        later.c.ticket_id == message.c.ticket_id,
        later.c.direction == "out",
        tuple_(later.c.received_at, later.c.id) > tuple_(message.c.received_at, message.c.id),
        ~reached_nobody,
    )
    return (
        message.c.account_id == account_id,
        message.c.direction == "in",
        message.c.contact_id.is_not(None),
        message.c.user_id.is_(None),
        message.c.automatic == "",
        message.c.awaits == 0,
        ~answered,
    )


def derived_values() -> Mapping[str, Any]:
    """The columns of a ticket that its messages decide, each as an expression on the ticket's row."""
    there = (message.c.account_id == ticket.c.account_id, message.c.ticket_id == ticket.c.id)
    newest = select(message.c.received_at).where(*there).order_by(message.c.id.desc()).limit(1)
    files = exists().where(*there, message.c.attachments > 0)
    return {
        "message_count": _of(select(func.count()).where(*there)),
        "waiting_since": _of(select(func.min(message.c.received_at)).where(*there, message.c.awaits == 1)),
        "last_activity_at": func.coalesce(_of(newest), ticket.c.last_activity_at),
        "last_incoming_at": _of(newest.where(message.c.direction == "in")),
        "last_message_id": _of(select(func.max(message.c.id)).where(*there)),
        "attachments": case((files, 1), else_=0),
    }


def _of(query: Select[Any]) -> Any:
    return query.scalar_subquery()

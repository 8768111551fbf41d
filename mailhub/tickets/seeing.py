"""What a user has seen of tickets: a mark of their own, which changes no ticket and is no act on record.

    see <-> unsee      see_all, which nothing undoes: what came in before counts as seen

Raises ``NotFound`` for a ticket the account does not have.
"""

from __future__ import annotations

from mailhub.proof.act import Act
from mailhub.tickets.acts import locked
from storage.tickets import seen


def see(act: Act, ticket: int, *, user: int) -> None:
    """The user has seen the ticket with the mail it holds now."""
    _set(act, ticket, user, seen_now=True)


def unsee(act: Act, ticket: int, *, user: int) -> None:
    """The ticket is unread by the user (again)."""
    _set(act, ticket, user, seen_now=False)


def see_all(act: Act, *, user: int) -> None:
    """Whatever came in up to now is seen by the user."""
    seen.set_all_seen(act.transaction.connection, act.account, user, until=act.now)


def _set(act: Act, ticket: int, user: int, *, seen_now: bool) -> None:
    found = locked(act.transaction, act.account, ticket)
    seen.set_seen(act.transaction.connection, act.account, user, [found.id], seen=seen_now)

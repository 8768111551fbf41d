"""Destructive acts need a second factor that was shown just now. Job: say whether an actor's is.

A uid on the admin socket counts as fresh, the operator's and a mapped user's: whoever has it can read the database file
(SECURITY.md). A session is fresh for five minutes after a code was shown in it; an ApiToken never is.
"""

from __future__ import annotations

from mailhub import clock
from mailhub.access.actor import Actor
from mailhub.errors import Forbidden

FRESH = 5 * clock.MINUTE


def is_fresh(actor: Actor, now: int) -> bool:
    """Whether the actor may do what cannot be undone."""
    return actor.uid is not None or (actor.fresh_until is not None and now < actor.fresh_until)


def require_fresh(actor: Actor, now: int) -> None:
    """Raise ``Forbidden``, with how to go on, unless the actor's second factor is fresh."""
    if is_fresh(actor, now):
        return
    if actor.session is None:
        raise Forbidden(
            "this needs a second factor just shown, which an ApiToken has not: log in (mailhub login EMAIL)"
        )
    raise Forbidden("this needs your second factor again, within the last 5 minutes: mailhub login --fresh")

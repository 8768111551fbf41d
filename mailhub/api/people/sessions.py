"""/v1/sessions: who is logged in. A user sees and ends their own, who manages people those of others, too."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from mailhub import clock
from mailhub.access.roles import require_touch
from mailhub.api.frame import shapes
from mailhub.api.frame.naming import named_page
from mailhub.api.frame.shapes import After, Id, Limit, Page, made, page
from mailhub.callers.caller import Call, InAccount
from mailhub.callers.named import the_user
from mailhub.errors import BadRequest, NotFound
from mailhub.people import people
from storage.people import sessions

router = APIRouter(tags=["login"])

Whose = Annotated[str | None, Query(description="A user by login or id; without, oneself.")]


class Session(shapes.Named):
    """One login. ``current``: the caller's own."""

    id: int
    user: int
    peer: str
    created_at: str
    last_used_at: str
    expires_at: str
    current: bool


def _whose(call: Call, user: str | None) -> int:
    """The user whose sessions are meant, if the caller may see and end them; nobody is looked up before that."""
    own = call.actor.user if call.actor.account == call.account else None
    if own is not None and user in (None, str(own)):
        call.require("login.own")
        return own

    call.require("session.manage")
    if user is None:
        raise BadRequest("the operator has no sessions of their own: name a user")

    with call.house.database.read() as connection:
        found = the_user(connection, call.account, user)
    if found.id != own:
        require_touch(call.actor, found.role)

    return found.id


@router.get("/sessions")
def list_sessions(
    call: InAccount, user: Whose = None, limit: Limit = 50, after: After = None
) -> Page[Session]:
    """Sessions in force of a user."""
    whose = _whose(call, user)
    now = clock.now()
    with call.house.database.read() as connection:
        rows = sessions.list_sessions(connection, call.account, whose, now=now, after=after or 0, limit=limit)
    shown = page(
        rows, lambda row: made(Session, row, user=row.user_id, current=row.id == call.actor.session), limit
    )
    return named_page(call, shown)


@router.delete("/sessions/{session}", status_code=204, response_class=Response)
def end_session(call: InAccount, session: Id, user: Whose = None) -> None:
    """End a session now. It closes at its next request."""
    whose = _whose(call, user)
    if not call.act(people.end_sessions, whose, caller=call.actor, only=session):
        raise NotFound(f"no such session: {session}")


@router.delete("/sessions", status_code=204, response_class=Response)
def end_sessions(call: InAccount, user: Whose = None) -> None:
    """End all sessions of a user but the one that asks. Needs a fresh second factor."""
    whose = _whose(call, user)
    call.require_fresh()
    call.act(people.end_sessions, whose, caller=call.actor, but=call.actor.session)

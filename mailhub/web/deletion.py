"""/deletion/LINK: an owner confirms, with login and second factor, that their account is to be deleted.

The link alone does nothing: it says which account, and that its owner's address asked. The deletion is the request that
`mailhub account delete` makes, in the same transaction that uses the link up.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.access.bearers import Kind, bearer_hash, kind_of
from mailhub.access.roles import require
from mailhub.accounts import lifecycle
from mailhub.accounts.steadiness import boot_time
from mailhub.callers.caller import require_open
from mailhub.callers.origin import peer_of, require_admitted
from mailhub.errors import Forbidden, NotFound
from mailhub.filing.deletion_by_mail import KIND
from mailhub.house import House
from mailhub.people import login as logins
from mailhub.people.people import NO_LINK
from mailhub.web import html
from mailhub.web.room import Form, Visited, answer, needed, page, require_patience
from storage.database import Connection
from storage.people import links, sessions, users
from storage.people.links import Link
from storage.people.sessions import Session
from storage.writer import Transaction

router = APIRouter()

NO_FACTOR = "this needs a second factor, and you have none yet: mailhub user totp sets one up; then open the link again"


@router.get("/deletion/{link}")
@page
def show(house: Visited, link: str) -> Response:
    """What it would do."""
    _require_link(house, link)
    fields = [
        html.field("email", "Your login", kind="email", complete="username"),
        html.field("password", "Your password", kind="password", complete="current-password"),
        html.field("code", "The code of your second factor", complete="one-time-code"),
    ]
    what = "The account and all in it is deleted without waiting: tickets, messages, users. This cannot be undone."
    return answer("Delete your account", html.paragraph(what), html.form("Delete my account", fields))


@router.post("/deletion/{link}")
@page
def confirm(request: Request, house: Visited, link: str, form: Form) -> Response:
    """Log in, and ask for the deletion."""
    require_patience(request)
    account = _require_link(house, link).account_id
    email, password, code = needed(form, ("email", "password", "code"))

    def admit(connection: Connection, account: int, role: str) -> None:
        require_admitted(request, connection, account, role)
        require_open(house, account, role, "/v1/login")

    claim = logins.Claim(
        login=email.strip(), password=password, code=code, account=account, peer=peer_of(request)
    )
    opened = logins.login(house.login(), claim, admit=admit, now=clock.now()).session
    try:
        house.writer.run(_delete, house, bearer_hash(link), opened)
    finally:
        house.writer.run(_end, opened)
    text = "It is carried out within the hour. While the account is suspended you can still take it back."
    return answer("Your account will be deleted", html.paragraph(text))


def _require_link(house: House, link: str) -> Link:
    """The link, if it can be used. Raises ``NotFound``."""
    if kind_of(link) is not Kind.LINK:
        raise NotFound(NO_LINK)
    with house.database.read() as connection:
        found = links.find_link(connection, bearer_hash(link), clock.now(), kinds=(KIND,))
    if found is None:
        raise NotFound(NO_LINK)
    return found


def _delete(transaction: Transaction, house: House, hash_: bytes, opened: Session) -> None:
    """Both or neither: the link used up, the deletion asked for. By who may ask for it now: roles change."""
    connection = transaction.connection
    context = house.lifecycle()
    if opened.fresh_until is None:
        raise Forbidden(NO_FACTOR)

    found = links.use_link(connection, hash_, clock.now(), kinds=(KIND,))
    user = users.find_user(connection, opened.account_id, opened.user_id)
    if found is None or user is None or (found.account_id, found.user_id) != (user.account_id, user.id):
        raise NotFound(NO_LINK)

    actor = Actor(role=Role(user.role), account=user.account_id, user=user.id)
    require(actor, "account.delete", user.account_id)
    lifecycle.perform_now(
        transaction,
        lifecycle.ask_deletion,
        context,
        actor=actor.name,
        account=user.account_id,
        now=clock.now(),
        boot=boot_time(),
    )


def _end(transaction: Transaction, opened: Session) -> None:
    """The session was for this page alone."""
    now = clock.now()
    account = opened.account_id
    user = opened.user_id
    sessions.revoke_sessions(transaction.connection, account, user, now, only=opened.id)

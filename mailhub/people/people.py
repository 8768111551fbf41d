"""Who works in an account: users, their roles, the links that set a password, the end of sessions, ApiTokens.

An actor grants at most his own role, and changes only users whose login he may touch (``access.roles``); both
are checked here, in the transaction that acts, against the role the user has then. An account that lives has
an owner: the last one is neither deleted nor demoted.

Deleting a user goes in short turns (``delete_user``): tickets first, a few at a time, then, in one turn, the
rest of them with sessions, ApiTokens, links and second factor; name and login go, and what he wrote stays
under a pseudonym. Interrupted between two turns it left a user with fewer tickets: asking again goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.access.bearers import Kind, NewBearer, new_bearer
from mailhub.access.roles import require_grant, require_touch
from mailhub.errors import BadRequest, Conflict, NotFound
from mailhub.outbound import letters
from mailhub.outbound.letters import Letter, Post
from mailhub.proof.journal import record
from storage.accounts.accounts import find_account
from storage.database import Connection
from storage.mail import outbox
from storage.people import api_tokens, links, second_factors, sessions, users
from storage.people.api_tokens import ApiToken
from storage.people.links import Link
from storage.people.users import User
from storage.proof import journal
from storage.tickets import tickets
from storage.writer import Transaction, Writer

TICKETS_A_TURN = 200
NO_LINK = "this link is unknown, was used, or is over: ask for a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What a deletion ended."""

    user: int
    tickets: int
    sessions: int
    tokens: int


def add_user(transaction: Transaction, actor: Actor, row: User) -> User:
    """Add a user; Conflict when the login is taken, Forbidden when the role is wider than the actor's."""
    require_grant(actor, row.role)
    if users.find_user_by_email(transaction.connection, row.account_id, row.email):
        raise Conflict("there is a user with this login already")
    users.add_user(transaction.connection, row)
    on = f"user:{row.id}"
    record(transaction, actor.name, row.account_id, verb="user.add", on=on, now=row.created_at, role=row.role)
    return row


def change_role(
    transaction: Transaction, actor: Actor, account: int, user: int, role: str, *, now: int
) -> User:
    """Give a user another role. It acts at once: every request reads it anew."""
    found = _touched(transaction, actor, account, user)
    require_grant(actor, role)
    if found.role == role:
        return found
    _keep_an_owner(transaction, found, "demoted")
    users.set_role(transaction.connection, account, user, role)
    detail = {"before": found.role, "after": role}
    record(transaction, actor.name, account, verb="user.role", on=f"user:{user}", now=now, **detail)
    return replace(found, role=role)


def delete_user(
    writer: Writer, actor: Actor, account: int, user: int, *, heir: int | None, now: int
) -> Deleted:
    """Delete a user; his tickets go to ``heir``, or with None to nobody. Returns after the last commit."""
    if heir == user:
        raise BadRequest("a user cannot inherit his own tickets")
    writer.run(_check_deletion, actor, account, user, heir)
    moved = 0
    while step := writer.run(_hand_over, actor, account, user, heir, now=now):
        moved += step
    return writer.run(_delete, actor, account, user, heir, moved, now=now)


def _check_deletion(
    transaction: Transaction, actor: Actor, account: int, user: int, heir: int | None
) -> User:
    found = _touched(transaction, actor, account, user)
    _keep_an_owner(transaction, found, "deleted")
    if heir is not None and users.find_user(transaction.connection, account, heir) is None:
        raise NotFound(f"there is no user {heir}")
    return found


def _hand_over(
    transaction: Transaction, actor: Actor, account: int, user: int, heir: int | None, *, now: int
) -> int:
    """Give some of the user's tickets to the heir, each on record; how many."""
    some = tickets.assigned_tickets(transaction.connection, account, user, limit=TICKETS_A_TURN)
    if some:
        tickets.reassign(transaction.connection, account, some, heir, at=now)
        change = {"before": {"assignee_id": user}, "after": {"assignee_id": heir}}
        acts = [(f"ticket:{ticket}", change) for ticket in some]
        connection = transaction.connection
        node = transaction.node
        journal.append_all(connection, account, node, acts, at=now, actor=actor.name, verb="ticket.assign")
    return len(some)


def _delete(
    transaction: Transaction, actor: Actor, account: int, user: int, heir: int | None, moved: int, *, now: int
) -> Deleted:
    """The last turn: what was assigned meanwhile, and everything that lets the user in."""
    found = _check_deletion(transaction, actor, account, user, heir)
    while step := _hand_over(transaction, actor, account, user, heir, now=now):
        moved += step
    connection = transaction.connection
    done = Deleted(
        user=user,
        tickets=moved,
        sessions=len(sessions.revoke_sessions(connection, account, user, now)),
        tokens=api_tokens.revoke_api_tokens_of_user(connection, account, user, now),
    )
    links.end_links(connection, account, user, now)
    outbox.delete_letters_to(connection, account, found.email)
    second_factors.delete_second_factor(connection, account, user)
    users.forget_user(connection, account, user, at=now)
    detail = {"heir": heir, "tickets": done.tickets, "sessions": done.sessions, "tokens": done.tokens}
    record(transaction, actor.name, account, verb="user.delete", on=f"user:{user}", now=now, **detail)

    return done


# --- sessions and links -----------------------------------------------------------------------------------------------


def end_sessions(
    transaction: Transaction,
    actor: Actor,
    account: int,
    user: int,
    *,
    only: int | None = None,
    but: int | None = None,
    now: int,
) -> int:
    """End sessions of a user: all, ``only`` one, or all ``but`` one; how many."""
    _touched(transaction, actor, account, user)
    ended = sessions.revoke_sessions(transaction.connection, account, user, now, only=only, but=but)
    if ended:
        on = f"user:{user}"
        record(transaction, actor.name, account, verb="session.end", on=on, now=now, sessions=list(ended))
    return len(ended)


def make_link(
    transaction: Transaction, actor: Actor, account: int, user: int, *, expires_at: int, now: int
) -> tuple[Link, NewBearer]:
    """A link with which the user sets his password, once: an invitation if he has none yet. It ends earlier ones."""
    found = _touched(transaction, actor, account, user)
    made = new_bearer(Kind.LINK)
    row = Link(
        hash=made.hash,
        id=transaction.new_id(),
        account_id=account,
        user_id=user,
        kind="invitation" if found.password_hash is None else "reset",
        created_at=now,
        expires_at=expires_at,
    )
    links.end_links(transaction.connection, account, user, now)
    links.add_link(transaction.connection, row)
    detail = {"link": row.id, "kind": row.kind}
    record(transaction, actor.name, account, verb="user.link", on=f"user:{user}", now=now, **detail)

    return row, made


def mail_link(transaction: Transaction, post: Post, row: Link, made: NewBearer, *, now: int) -> bool:
    """Mail a link that was just made to its user; whether a letter was queued."""
    if letters.why_none(post, with_link=True):
        return False

    connection = transaction.connection
    user = users.find_user(connection, row.account_id, row.user_id)
    account = find_account(connection, row.account_id)
    if user is None or account is None:
        return False

    letter = Letter(
        account=row.account_id,
        kind=row.kind,
        recipient=user.email,
        values={
            "account": account.name,
            "link": letters.link(post, f"/password/{made.text}"),
            "until": clock.to_iso(row.expires_at),
        },
        not_after=row.expires_at,
        to_user=True,
    )

    return letters.queue(transaction, post, letter, now=now) == letters.QUEUED


def forgotten(transaction: Transaction, post: Post, email: str, *, expires_at: int, now: int) -> int:
    """Somebody forgot their password: one letter with a link for each account that knows the login; how many links.

    Links are made only with their letter, so whoever asks too often (one an hour) ends no link that is on its
    way. One letter, whoever knows the login: two accounts that know an address must not be two letters to it.
    """
    connection = transaction.connection
    found = users.list_users_by_email(transaction.connection, email)
    named = [(user, account) for user in found if (account := find_account(connection, user.account_id))]
    if not named or letters.why_none(post, with_link=True):
        return 0
    made = [(user, account.name, new_bearer(Kind.LINK)) for user, account in named]
    pages = [(f"{name}:", letters.link(post, f"/password/{bearer.text}")) for _, name, bearer in made]
    letter = Letter(
        account=named[0][0].account_id,
        kind="forgotten",
        recipient=named[0][0].email,
        values={"links": tuple(chain.from_iterable(pages)), "until": clock.to_iso(expires_at)},
        not_after=expires_at,
        to_user=True,
    )
    if letters.queue(transaction, post, letter, now=now) != letters.QUEUED:
        return 0

    for user, _, bearer in made:
        row = Link(
            hash=bearer.hash,
            id=transaction.new_id(),
            account_id=user.account_id,
            user_id=user.id,
            kind="reset",
            created_at=now,
            expires_at=expires_at,
        )
        links.end_links(connection, user.account_id, user.id, now)
        links.add_link(connection, row)
        detail = {"link": row.id, "kind": row.kind}
        on = f"user:{user.id}"
        record(transaction, "system", user.account_id, verb="user.link", on=on, now=now, **detail)
    return len(made)


def require_link(connection: Connection, hash_: bytes, *, now: int) -> None:
    """NotFound unless the link is in force: so that only who has one makes us hash a password."""
    if links.find_link(connection, hash_, now) is None:
        raise NotFound(NO_LINK)


def use_link(transaction: Transaction, hash_: bytes, password_hash: str, *, now: int) -> Link:
    """Set the password by a link; sessions and ApiTokens from before end. NotFound when it is unknown, used or over."""
    found = links.use_link(transaction.connection, hash_, now)
    if found is None or users.find_user(transaction.connection, found.account_id, found.user_id) is None:
        raise NotFound(NO_LINK)

    account = found.account_id
    user = found.user_id
    users.set_password(transaction.connection, account, user, password_hash)
    links.end_links(transaction.connection, account, user, now)
    ended = sessions.revoke_sessions(transaction.connection, account, user, now)
    tokens = api_tokens.revoke_api_tokens_of_user(transaction.connection, account, user, now)
    detail = {"link": found.id, "sessions": list(ended), "tokens": tokens}
    record(transaction, f"user:{user}", account, verb="user.password", on=f"user:{user}", now=now, **detail)

    return found


# --- ApiTokens --------------------------------------------------------------------------------------------------------


def add_token(transaction: Transaction, actor: Actor, row: ApiToken) -> ApiToken:
    """Add an ApiToken."""
    api_tokens.add_api_token(transaction.connection, row)
    on = f"token:{row.id}"
    record(
        transaction,
        actor.name,
        row.account_id,
        verb="token.create",
        on=on,
        now=row.created_at,
        user=row.user_id,
    )
    return row


def revoke_token(
    transaction: Transaction, actor: Actor, account: int, token: int, *, whose: int | None, now: int
) -> ApiToken:
    """End an ApiToken (of the user ``whose``, with None anybody's) now; the row as it was. Again changes nothing."""
    row = api_tokens.revoke_api_token(transaction.connection, account, token, now)
    if row is None or (whose is not None and row.user_id != whose):
        raise NotFound(f"no such ApiToken: {token}")
    if row.revoked_at is None:
        record(
            transaction,
            actor.name,
            account,
            verb="token.revoke",
            on=f"token:{token}",
            now=now,
            user=row.user_id,
        )
    return row


def _touched(transaction: Transaction, actor: Actor, account: int, user: int) -> User:
    """The user, locked, if the actor may change what is his; everybody may what is his own."""
    found = users.lock_user(transaction.connection, account, user)
    if found is None:
        raise NotFound(f"there is no user {user}")
    if (actor.account, actor.user) != (account, user):
        require_touch(actor, found.role)
    return found


def _keep_an_owner(transaction: Transaction, user: User, what: str) -> None:
    owners = users.lock_owners(transaction.connection, user.account_id)
    if user.role == Role.OWNER and set(owners) <= {user.id}:
        raise Conflict(f"the last owner of an account cannot be {what}: make somebody else an owner first")

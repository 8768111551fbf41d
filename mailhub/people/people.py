"""Who works in an account: users, their roles, the links that set a password, the end of sessions, ApiTokens.

A caller grants at most their own role, and changes only users whose login they may touch (``access.roles``);
both are checked here, in the transaction that acts, against the role the user has then. An account that lives
has an owner: the last one is neither deleted nor demoted.

Deleting a user goes in short turns (``delete_user``): tickets first, a few at a time, then, in one turn, the
rest of them with sessions, ApiTokens, links and second factor; name and login go, and what they wrote stays
under a pseudonym. Interrupted between two turns it left a user with fewer tickets: asking again goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.access.bearers import Kind, NewBearer, new_bearer
from mailhub.access.quotas import require_room
from mailhub.access.roles import require_grant, require_touch
from mailhub.config import Quotas
from mailhub.errors import BadRequest, Conflict, Forbidden, NotFound
from mailhub.outbound import letters
from mailhub.outbound.letters import Letter, Post
from mailhub.proof.act import Act, perform
from storage.accounts.accounts import are_several, find_account
from storage.database import Connection
from storage.mail import outbox
from storage.people import api_tokens, links, second_factors, sessions, users
from storage.people.api_tokens import ApiToken
from storage.people.links import Link
from storage.people.users import User
from storage.privacy.privacy_requests import is_known
from storage.tickets import drafts, tickets
from storage.tickets.seen import forget_seen
from storage.tickets.tags import forget_watcher
from storage.writer import Transaction, Writer

TICKETS_A_TURN = 200
NO_LINK = "this link is unknown, was used, or is over: ask for a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedUser:
    """What a deletion ended."""

    user: int
    tickets: int
    sessions: int
    tokens: int
    is_contact: bool  # data is held under their login as a contact's: to be erased by a request of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTerms:
    """How a link goes to its user: mailed by ``post``, or shown where ``show`` says so or no letter can be written."""

    post: Post
    expires_at: int
    show: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedLink:
    """A link that was made; ``shown`` is its text where it was not mailed, and known only now."""

    link: Link
    shown: str | None = field(repr=False)

    @property
    def mailed(self) -> bool:
        """Whether a letter brings it."""
        return self.shown is None


def add_user(act: Act, *, email: str, name: str, role: str, caller: Actor) -> User:
    """Add a user; Conflict when the login is taken, Forbidden when the role is wider than the caller's."""
    require_grant(caller, role)
    connection = act.transaction.connection
    if users.find_user_by_email(connection, act.account, email):
        raise Conflict("there is a user with this login already")

    user = User(
        account_id=act.account,
        id=act.transaction.new_id(),
        email=email,
        name=name,
        role=role,
        created_at=act.now,
    )
    users.add_user(connection, user)
    act.record("user.add", f"user:{user.id}", role=role)

    return user


def invite(
    act: Act,
    *,
    email: str,
    name: str,
    role: str,
    caller: Actor,
    quotas: Quotas,
    mapped: Iterable[str],
    terms: LinkTerms,
) -> tuple[User, HandedLink]:
    """Add a user with a link by which they set their own password, so that nobody else knows it.

    ``mapped`` are the logins of ``[admin] users``.
    """
    require_room(act, quotas, "users")
    _require_unmapped(act.transaction.connection, email, mapped, caller)
    user = add_user(act, email=email, name=name, role=role, caller=caller)
    return user, hand_link(act, user.id, caller=caller, terms=terms)


def _require_unmapped(connection: Connection, email: str, mapped: Iterable[str], caller: Actor) -> None:
    """Raise ``Forbidden`` where a tenant would give the login of a uid of this machine to a user of theirs.

    That uid would then be two users, and its commands refused until they name an account; or, where its own user
    is gone, it would work, and hand its mail in, in the tenant's account.
    """
    if caller.machine or email not in {each.lower() for each in mapped}:
        return
    if are_several(connection):
        raise Forbidden(
            "[admin] users names this login for a user of this machine: the operator alone may add it"
        )


def change_role(act: Act, user: int, role: str, *, caller: Actor) -> User:
    """Give a user another role. It acts at once: every request reads it anew."""
    row = _touched(act, user, caller)
    require_grant(caller, role)
    if row.role == role:
        return row

    _keep_an_owner(act.transaction, row, "demoted")
    users.set_role(act.transaction.connection, act.account, user, role)
    act.record("user.role", f"user:{user}", before=row.role, after=role)

    return replace(row, role=role)


def delete_user(
    writer: Writer, caller: Actor, account: int, user: int, *, heir: int | None, now: int
) -> DeletedUser:
    """Delete a user; their tickets go to ``heir``, or with None to nobody. Returns after the last commit."""
    if heir == user:
        raise BadRequest("a user cannot inherit their own tickets")
    writer.run(perform, _check_deletion, caller.name, account, now, user, heir, caller)

    moved = 0
    while step := writer.run(perform, _hand_over, caller.name, account, now, user, heir):
        moved += step

    return writer.run(perform, _delete, caller.name, account, now, user, heir, moved, caller)


def _check_deletion(act: Act, user: int, heir: int | None, caller: Actor) -> User:
    row = _touched(act, user, caller)
    _keep_an_owner(act.transaction, row, "deleted")
    if heir is not None and users.find_user(act.transaction.connection, act.account, heir) is None:
        raise NotFound(f"there is no user {heir}")
    return row


def _hand_over(act: Act, user: int, heir: int | None) -> int:
    """Give some of the user's tickets to the heir, each on record; how many."""
    connection = act.transaction.connection
    some = tickets.assigned_tickets(connection, act.account, user, limit=TICKETS_A_TURN)
    if some:
        tickets.reassign(connection, act.account, some, heir, at=act.now)
        change = {"before": {"assignee_id": user}, "after": {"assignee_id": heir}}
        act.record_all("ticket.assign", [(f"ticket:{ticket}", change) for ticket in some])
        return len(some)

    others = tickets.tickets_answered_for(connection, act.account, user, limit=TICKETS_A_TURN)
    if others:
        tickets.hand_responsibility(connection, act.account, others, heir, at=act.now)
        change = {"before": {"responsible_id": user}, "after": {"responsible_id": heir}}
        act.record_all("ticket.responsible", [(f"ticket:{ticket}", change) for ticket in others])

    return len(others)


def _delete(act: Act, user: int, heir: int | None, moved: int, caller: Actor) -> DeletedUser:
    """The last turn: what was assigned meanwhile, and everything that lets the user in."""
    row = _check_deletion(act, user, heir, caller)
    while step := _hand_over(act, user, heir):
        moved += step

    connection = act.transaction.connection
    done = DeletedUser(
        user=user,
        tickets=moved,
        sessions=len(sessions.revoke_sessions(connection, act.account, user, act.now)),
        tokens=api_tokens.revoke_api_tokens_of_user(connection, act.account, user, act.now),
        is_contact=is_known(connection, act.account, row.email),
    )
    links.end_links(connection, act.account, user, act.now)
    outbox.delete_letters_to(connection, act.account, row.email)
    second_factors.delete_second_factor(connection, act.account, user)
    drafts.delete_drafts(connection, act.account, drafts.ids_of_user(connection, act.account, user))
    forget_seen(connection, act.account, user)
    forget_watcher(connection, act.account, user)
    users.forget_user(connection, act.account, user, at=act.now)
    ended = {"tickets": done.tickets, "sessions": done.sessions, "tokens": done.tokens}
    act.record("user.delete", f"user:{user}", heir=heir, **ended)

    return done


# --- sessions and links -----------------------------------------------------------------------------------------------


def end_sessions(
    act: Act, user: int, *, caller: Actor, only: int | None = None, but: int | None = None
) -> int:
    """End sessions of a user: all, ``only`` one, or all ``but`` one; how many."""
    _touched(act, user, caller)
    connection = act.transaction.connection
    ended = sessions.revoke_sessions(connection, act.account, user, act.now, only=only, but=but)
    if ended:
        act.record("session.end", f"user:{user}", sessions=list(ended))
    return len(ended)


def make_link(act: Act, user: int, *, expires_at: int, caller: Actor) -> tuple[Link, NewBearer]:
    """A link with which the user sets a password, once: an invitation if they have none yet. It ends earlier ones."""
    row = _touched(act, user, caller)
    made = new_bearer(Kind.LINK)
    kind = "invitation" if row.password_hash is None else "reset"
    return _add_link(act, user, made, kind, expires_at), made


def _add_link(act: Act, user: int, made: NewBearer, kind: str, expires_at: int) -> Link:
    """The row of a link, in place of earlier ones, on record."""
    connection = act.transaction.connection
    link = Link(
        hash=made.hash,
        id=act.transaction.new_id(),
        account_id=act.account,
        user_id=user,
        kind=kind,
        created_at=act.now,
        expires_at=expires_at,
    )
    links.end_links(connection, act.account, user, act.now)
    links.add_link(connection, link)
    act.record("user.link", f"user:{user}", link=link.id, kind=kind)

    return link


def hand_link(act: Act, user: int, *, caller: Actor, terms: LinkTerms) -> HandedLink:
    """Make a link and mail it; where no letter can be written, or ``terms`` say so, it is shown instead."""
    link, made = make_link(act, user, expires_at=terms.expires_at, caller=caller)
    mailed = not terms.show and _mail_link(act, terms.post, link, made)
    return HandedLink(link=link, shown=None if mailed else made.text)


def _mail_link(act: Act, post: Post, link: Link, made: NewBearer) -> bool:
    """Mail a link that was just made to its user; whether a letter was queued."""
    if letters.why_none(post, with_link=True):
        return False

    connection = act.transaction.connection
    user = users.find_user(connection, act.account, link.user_id)
    account = find_account(connection, act.account)
    if user is None or account is None:
        return False

    letter = Letter(
        account=act.account,
        kind=link.kind,
        recipient=user.email,
        values={
            "account": account.name,
            "link": letters.link(post, f"/password/{made.text}"),
            "until": clock.to_iso(link.expires_at),
        },
        not_after=link.expires_at,
        to_user=True,
    )

    return letters.queue(act.transaction, post, letter, now=act.now) == letters.QUEUED


def forgotten(transaction: Transaction, post: Post, email: str, *, expires_at: int, now: int) -> int:
    """Somebody forgot their password: one letter with a link for each account that knows the login; how many links.

    No act of one account: whoever asks is nobody yet, and each account that knows the login has a link on
    record. Links are made only with their letter, so whoever asks too often (one an hour) ends no link that
    is on its way. One letter, whoever knows the login: two accounts that know an address must not be two
    letters to it.
    """
    connection = transaction.connection
    known = users.list_users_by_email(connection, email)
    named = [(user, account) for user in known if (account := find_account(connection, user.account_id))]
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
        _add_link(Act(transaction, "system", user.account_id, now), user.id, bearer, "reset", expires_at)
    return len(made)


def require_link(connection: Connection, hash_: bytes, *, now: int) -> None:
    """NotFound unless the link is in force: so that only who has one makes us hash a password."""
    if links.find_link(connection, hash_, now) is None:
        raise NotFound(NO_LINK)


def use_link(transaction: Transaction, hash_: bytes, password_hash: str, *, now: int) -> Link:
    """Set the password by a link; sessions and ApiTokens from before end. NotFound when it is unknown, used or over.

    The link says who acts, in which account: before it is read there is no act.
    """
    connection = transaction.connection
    link = links.use_link(connection, hash_, now)
    if link is None or users.find_user(connection, link.account_id, link.user_id) is None:
        raise NotFound(NO_LINK)

    account = link.account_id
    user = link.user_id
    users.set_password(connection, account, user, password_hash)
    links.end_links(connection, account, user, now)
    ended = sessions.revoke_sessions(connection, account, user, now)
    tokens = api_tokens.revoke_api_tokens_of_user(connection, account, user, now)
    act = Act(transaction, f"user:{user}", account, now)
    act.record("user.password", f"user:{user}", link=link.id, sessions=list(ended), tokens=tokens)

    return link


# --- ApiTokens --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWanted:
    """An ApiToken somebody wants; without scopes it may do all its user may, without networks from anywhere."""

    name: str
    scopes: tuple[str, ...]
    networks: tuple[str, ...]
    days: int | None  # that it lasts; None: it never expires


def add_token(act: Act, user: int, wanted: TokenWanted, *, quotas: Quotas) -> tuple[ApiToken, NewBearer]:
    """Add an ApiToken, and what opens it at the only moment its text is known."""
    require_room(act, quotas, "api_tokens")
    made = new_bearer(Kind.API_TOKEN)
    token = ApiToken(
        hash=made.hash,
        id=act.transaction.new_id(),
        account_id=act.account,
        user_id=user,
        name=wanted.name,
        scopes=" ".join(wanted.scopes),
        created_at=act.now,
        expires_at=None if wanted.days is None else act.now + wanted.days * clock.DAY,
        networks=" ".join(wanted.networks),
    )
    api_tokens.add_api_token(act.transaction.connection, token)
    act.record("token.create", f"token:{token.id}", user=user)

    return token, made


def revoke_token(act: Act, token: int, *, whose: int | None) -> ApiToken:
    """End an ApiToken (of the user ``whose``, with None anybody's) now; the row as it is then. Again changes
    nothing.
    """
    row = api_tokens.revoke_api_token(act.transaction.connection, act.account, token, act.now)
    if row is None or (whose is not None and row.user_id != whose):
        raise NotFound(f"no such ApiToken: {token}")
    if row.revoked_at is not None:
        return row

    act.record("token.revoke", f"token:{token}", user=row.user_id)
    return replace(row, revoked_at=act.now)


def _touched(act: Act, user: int, caller: Actor) -> User:
    """The user, locked, if the caller may change what is theirs; everybody may what is their own."""
    row = users.lock_user(act.transaction.connection, act.account, user)
    if row is None:
        raise NotFound(f"there is no user {user}")
    if (caller.account, caller.user) != (act.account, user):
        require_touch(caller, row.role)
    return row


def _keep_an_owner(transaction: Transaction, user: User, what: str) -> None:
    owners = users.lock_owners(transaction.connection, user.account_id)
    if user.role == Role.OWNER and set(owners) <= {user.id}:
        raise Conflict(f"the last owner of an account cannot be {what}: make somebody else an owner first")

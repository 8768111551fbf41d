"""From a request to an ``Actor`` and an account. On the admin socket, in this order (docs/design.md, "Who may
do what"):

(a) the user whose ApiToken or session is sent; (b) the user to whom ``[admin] users`` maps the uid; (c) root or the
service's uid: the operator; (d) refused. Over TCP only (a). uid 65534 is what every foreign uid looks like under
PrivateUsers=yes: it never counts. A mapped uid that is root's or the service's keeps the operator's rights beside the
user's (``machine``): that caller can read the database file anyway. The role is read anew for every request, so a
change acts at once.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Annotated, Concatenate, ParamSpec, TypeVar

from fastapi import Depends, Header, Query, Request, Response
from starlette.datastructures import MutableHeaders

from mailhub import clock
from mailhub.access.actor import Actor, Role, operator
from mailhub.access.bearers import Kind, bearer_hash, kind_of
from mailhub.access.freshness import is_fresh, require_fresh
from mailhub.access.grants import read_under_grant
from mailhub.access.holds import READERS, require_readable, restrictions
from mailhub.access.roles import ENROLMENT, WHILE_CLOSED, needs_grant, require
from mailhub.access.second_factors import is_required
from mailhub.callers.conditions import conditional, digest_of
from mailhub.callers.names import is_id
from mailhub.callers.origin import may_enter
from mailhub.callers.turns import Turns
from mailhub.errors import AccountNeeded, Forbidden, NotAuthenticated, NotFound
from mailhub.house import House
from mailhub.proof.act import Act
from mailhub.rules.running import perform
from mailhub.system.budget import Charges, unlimited
from storage.accounts import accounts
from storage.database import Connection
from storage.mail.message_lists import tickets_of_messages
from storage.people import api_tokens, second_factors, sessions, users
from storage.privacy.holds import any_hold, find_holds, find_holds_on_tickets
from storage.privacy.persons import contacts_of_persons

P = ParamSpec("P")
T = TypeVar("T")

OVERFLOW_UID = 65_534
OWNERS_WAY_BACK = frozenset(  # what the owner of a suspended account can do
    {
        "/v1/whoami",
        "/v1/login",
        "/v1/login/fresh",
        "/v1/logout",
        "/v1/accounts",
        "/v1/accounts/current",
        "/v1/accounts/current/resume",
        "/v1/accounts/current/deletion",
    }
)
TOUCH_EVERY = clock.HOUR  # last_used_at of an ApiToken is no finer: one write an hour, not one a request
TOUCH_SESSION_EVERY = clock.MINUTE  # finer, since a session ends when it is idle


def house_of(request: Request) -> House:
    """The house this app serves."""
    house = request.app.state.house
    assert isinstance(house, House)
    return house.for_requests()


def identify(
    request: Request,
    authorization: Annotated[str | None, Header()] = None,
    account: Annotated[
        str | None, Query(description="Account by id or name; needed when there are several.")
    ] = None,
) -> Actor:
    """Who calls. Raises ``NotAuthenticated`` or ``Forbidden``."""
    house = house_of(request)
    if authorization is not None:
        return _by_bearer(house, authorization)

    uid: int | None = request.state.uid
    if uid is None:
        raise NotAuthenticated("send an ApiToken or a session: Authorization: Bearer mh_... or mhs_...")
    if uid == OVERFLOW_UID:
        raise Forbidden("the system does not tell who you are (uid 65534): use an ApiToken")
    if email := house.config.admin.users.get(str(uid)):
        return _mapped(house, uid, email, account)
    if uid in machine_uids():
        return operator(uid)

    raise Forbidden(f"uid {uid} is nobody here: map it in [admin] users, or send an ApiToken (mailhub login)")


def machine_uids() -> frozenset[int]:
    """root and the service's own uid."""
    return frozenset({0, os.geteuid()})


def _by_bearer(house: House, authorization: str) -> Actor:
    scheme, _, text = authorization.partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text:
        raise NotAuthenticated("the Authorization header must be: Bearer mh_... or mhs_...")

    kind = kind_of(text)
    if kind is Kind.SESSION:
        return by_session(house, text, clock.now())
    if kind is Kind.API_TOKEN:
        return _by_token(house, text, clock.now())

    raise NotAuthenticated(
        "this is neither an ApiToken (mh_...) nor a session (mhs_...), or it was mistyped or cut"
    )


def _by_token(house: House, text: str, now: int) -> Actor:
    hash_ = bearer_hash(text)
    with house.database.read() as connection:
        token = api_tokens.find_api_token(connection, hash_)
        valid = token and token.revoked_at is None and (token.expires_at is None or token.expires_at > now)
        user = users.find_user(connection, token.account_id, token.user_id) if token and valid else None

    if token is None or user is None:
        raise NotAuthenticated("the ApiToken is unknown, expired or revoked")

    if token.last_used_at is None or now - token.last_used_at > TOUCH_EVERY:
        house.writer.submit(lambda tx: api_tokens.touch_api_token(tx.connection, hash_, now))

    return Actor(
        role=Role(user.role),
        account=user.account_id,
        user=user.id,
        scopes=frozenset(token.scopes.split()),
        token=token.id,
    )


def by_session(house: House, text: str, now: int) -> Actor:
    """Whose session this is: what a bearer shows at the API, and a cookie in the inbox."""
    hash_ = bearer_hash(text)
    settings = house.config.login
    idle_since = now - int(settings.idle_minutes * clock.MINUTE)

    with house.database.read() as connection:
        session = sessions.find_session(connection, hash_)
        valid = session and session.revoked_at is None and session.expires_at > now
        user = users.find_user(connection, session.account_id, session.user_id) if session and valid else None
        factor = second_factors.find_second_factor(connection, user.account_id, user.id) if user else None

    if session is None or user is None or session.last_used_at < idle_since:
        raise NotAuthenticated("the session is unknown or has ended: log in again")

    if now - session.last_used_at > TOUCH_SESSION_EVERY:
        house.writer.submit(lambda tx: sessions.touch_session(tx.connection, hash_, now))
    enrolled = factor is not None and factor.secret is not None

    return Actor(
        role=Role(user.role),
        account=user.account_id,
        user=user.id,
        scopes=frozenset()
        if enrolled or not is_required(user.role, settings.second_factor_from)
        else ENROLMENT,
        session=session.id,
        fresh_until=session.fresh_until,
    )


def _mapped(house: House, uid: int, email: str, account: str | None) -> Actor:
    """The user a uid is mapped to; of several with the same login, the one in the account that was named."""
    with house.database.read() as connection:
        found: Sequence[users.User] = users.list_users_by_email(connection, email)
        if len(found) > 1 and account is not None:
            wanted = named_account(connection, account)
            found = [user for user in found if user.account_id == wanted]

    if not found:
        raise Forbidden(f"uid {uid} is mapped in [admin] users to a user who does not exist")
    if len(found) > 1:
        raise AccountNeeded(f"uid {uid} is mapped to a user of several accounts: name one with --account")

    user = found[0]
    machine = uid in machine_uids()

    return Actor(role=Role(user.role), account=user.account_id, user=user.id, uid=uid, machine=machine)


def named_account(connection: Connection, name: str) -> int:
    """The id of an account given by id or name."""
    if is_id(name) and accounts.find_account(connection, int(name)):
        return int(name)
    found = accounts.find_accounts_named(connection, name)
    if not found:
        raise NotFound("no such account")
    if len(found) > 1:
        raise AccountNeeded("there are several accounts of that name: give the id")
    return found[0].id


TheHouse = Annotated[House, Depends(house_of)]


def admitted(request: Request, house: TheHouse, actor: Annotated[Actor, Depends(identify)]) -> Actor:
    """The caller, if they may come from where they do and do not ask too often. Raises as ``may_enter`` does."""
    may_enter(request, house, actor)
    if actor.account is not None and not actor.machine:
        require_open(house, actor.account, actor.role, request.url.path)
    return actor


def require_open(house: House, account: int, role: str, path: str) -> None:
    """Raise ``Forbidden`` for the people of an account that is suspended or gone; its owner may come to lift that."""
    stage = house.directory.closed_stage(account)
    if stage is None or (stage == "suspended" and role == Role.OWNER and path in OWNERS_WAY_BACK):
        return
    raise Forbidden(
        f"the account is {stage}: its owner can log in and lift a suspension (mailhub account resume)"
    )


async def in_turn(
    request: Request, house: TheHouse, actor: Annotated[Actor, Depends(admitted)]
) -> AsyncIterator[Actor]:
    """The caller, in their account's turn; raises ``TooManyRequests``. What runs on the loop takes no thread."""
    if iscoroutinefunction(request.scope["route"].endpoint):
        yield actor
        return
    async with turn_of(request, house, actor):
        yield actor


def turn_of(request: Request, house: House, actor: Actor) -> AbstractAsyncContextManager[None]:
    """One of the threads for requests, by turns of the accounts."""
    turns = request.app.state.turns
    assert isinstance(turns, Turns)
    limits = house.config.limits
    return turns.turn(actor.account, at_once=limits.requests_at_once, waiting=limits.requests_waiting)


Caller = Annotated[Actor, Depends(in_turn)]


def choose_account(
    house: TheHouse, actor: Caller, account: Annotated[str | None, Query(include_in_schema=False)] = None
) -> int:
    """The account a request is about: the one named, the caller's own, or the only one there is."""
    if account is None and actor.account is not None:
        return actor.account

    with house.database.read() as connection:
        if account is not None:
            return named_account(connection, account)
        several = accounts.list_accounts(connection, limit=2)

    if not several:
        raise NotFound("there is no account yet: mailhub init makes one")
    if len(several) > 1:
        raise AccountNeeded("there are several accounts: name one with --account")

    return several[0].id


AnAccount = Annotated[int, Depends(choose_account)]


@dataclass(frozen=True, slots=True)
class Call:
    """What a route about one account works with."""

    house: House
    actor: Actor
    account: int
    route: str = ""  # /v1/tickets/{ticket}
    ids: Mapping[str, int] = field(default_factory=dict)  # {"ticket": 1000000007}
    headers: MutableHeaders = field(default_factory=MutableHeaders)  # of the answer
    charges: Charges = field(default_factory=unlimited)  # what the request holds in memory

    def require(self, action: str) -> None:
        """Raise unless the caller may do this here, and the account's stage allows it.

        What an operator reads under a grant is on record first.
        """
        reads = needs_grant(self.actor, action) and self.actor.uid is not None
        if not reads:
            require(
                self.actor, action, self.account
            )  # first: nobody hears of the stage of somebody else's account
        if action not in WHILE_CLOSED and (stage := self.house.directory.closed_stage(self.account)):
            raise Forbidden(f"the account is {stage}: what is in it is sealed")
        if self.actor.uid is None or not reads:
            return
        self.act(read_under_grant, self.actor.uid, route=self.route, ids=self.ids)

    def act(self, function: Callable[Concatenate[Act, P], T], /, *args: P.args, **named: P.kwargs) -> T:
        """Do one act in the writer, as this caller, in this account, now; the account's rules hear of it.

        Returns after the commit.
        """
        parts = self.house.rules()
        return self.house.writer.run(
            perform, parts, function, self.actor.name, self.account, clock.now(), *args, **named
        )

    def require_readable(self, connection: Connection, ticket: int) -> None:
        """Raise ``Forbidden`` where a hold on the ticket or on who wrote into it lets owners and admins alone read."""
        now = clock.now()
        # one look at all holds first: nearly always there is none, and five statements say no more
        if self.actor.role in READERS or any_hold(connection, self.account, now) is None:
            return
        require_readable(self.actor, find_holds_on_tickets(connection, self.account, [ticket], now))

    def restricted(self, connection: Connection, tickets: Iterable[int]) -> set[int]:
        """Those of the tickets that a hold on them, or on anybody who wrote into them, keeps from this caller."""
        if self.actor.role in READERS or any_hold(connection, self.account, clock.now()) is None:
            return set()
        now = clock.now()
        found = {each: find_holds_on_tickets(connection, self.account, [each], now) for each in set(tickets)}
        return {each for each, held in found.items() if restrictions(held)}

    def readable(self, connection: Connection, messages: Sequence[int]) -> list[int]:
        """Those of the messages that the caller may read, in order; others are neither shown, counted nor matched."""
        tickets = tickets_of_messages(connection, self.account, messages)
        closed = self.restricted(connection, tickets.values())
        return [each for each in messages if tickets.get(each) not in closed]

    def readable_contacts(self, connection: Connection, contacts: Sequence[int]) -> list[int]:
        """Those of the contacts whom no hold keeps from this caller, in order."""
        if self.actor.role in READERS:
            return list(contacts)
        found = restrictions(find_holds(connection, self.account, contacts=contacts, now=clock.now()))
        held = [each.object_id for each in found if each.object_id is not None]
        closed = set(contacts_of_persons(connection, self.account, held))
        return [each for each in contacts if each not in closed]

    def require_readable_contact(self, connection: Connection, contact: int) -> None:
        """Raise ``Forbidden`` where a hold on the contact lets owners and admins alone read and work on them."""
        if not self.readable_contacts(connection, [contact]):
            raise Forbidden(
                "this contact is restricted by a hold: owners and admins alone may read and work on it"
            )

    def require_all_readable(self, connection: Connection, messages: Sequence[int]) -> None:
        """Raise ``Forbidden`` where a hold keeps any of the messages from the caller."""
        if len(self.readable(connection, messages)) < len(messages):
            raise Forbidden(
                "some of these are restricted by a hold: owners and admins alone may read and work on them"
            )

    def require_fresh(self) -> None:
        """Raise unless the caller showed their second factor just now: for what cannot be undone."""
        stale = self.actor.session is not None and not is_fresh(self.actor, clock.now())
        if stale and not has_second_factor(self):
            raise Forbidden("this needs a second factor, and you have none yet: mailhub user totp")
        require_fresh(self.actor, clock.now())


def has_second_factor(call: Call) -> bool:
    """Whether the user who calls has a second factor in force."""
    account = call.actor.account
    user = call.actor.user
    if account is None or user is None:
        return False
    with call.house.database.read() as connection:
        factor = second_factors.find_second_factor(connection, account, user)
    return factor is not None and factor.secret is not None


def the_call(
    request: Request,
    response: Response,
    house: TheHouse,
    actor: Caller,
    account: AnAccount,
    digest: Annotated[bytes, Depends(digest_of)],
) -> Call:
    """House, actor and account of a request, and what it is about for the record; its conditions are the writer's."""
    if actor.machine and actor.uid is not None and account != actor.account:
        actor = operator(
            actor.uid
        )  # of another account they are no user: what they do there is the operator's
    house = conditional(request, house, actor, account, digest)
    ids = {name: int(value) for name, value in request.path_params.items() if is_id(str(value))}
    return Call(
        house, actor, account, request.scope["route"].path, ids, response.headers, request.state.charges
    )


InAccount = Annotated[Call, Depends(the_call)]

"""Who a caller is: on the admin socket in the order (a) to (d) of docs/design.md, over TCP by ApiToken only."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from mailhub import clock
from mailhub.access.actor import Actor, Role
from mailhub.access.bearers import Kind, bearer_hash, new_bearer
from mailhub.access.roles import require
from mailhub.callers import caller
from mailhub.errors import AccountNeeded, Forbidden, NotAuthenticated, NotFound
from storage.people import api_tokens, sessions, users

if TYPE_CHECKING:
    from tests.api.conftest import Home

STRANGER = 4_000


def identify(
    home: Home, uid: int | None, authorization: str | None = None, account: str | None = None
) -> Actor:
    """The actor of a request by this peer."""
    request: Any = SimpleNamespace(
        app=SimpleNamespace(state=SimpleNamespace(house=home.house)), state=SimpleNamespace(uid=uid)
    )
    return caller.identify(request, authorization, account)


def token_of(
    home: Home, user: int, *, account: int = 1, expires_at: int | None = None, scopes: str = ""
) -> str:
    """An ApiToken of a user, as an Authorization header."""
    made = new_bearer(Kind.API_TOKEN)
    row = api_tokens.ApiToken(
        hash=made.hash,
        id=user + 100,
        account_id=account,
        user_id=user,
        name="test",
        scopes=scopes,
        created_at=1,
        expires_at=expires_at,
    )
    home.house.writer.run(lambda tx: api_tokens.add_api_token(tx.connection, row))
    return f"Bearer {made.text}"


def test_a_token_wins_over_the_uid(home: Home) -> None:
    """(a) The user whose ApiToken is sent, even from root and from a mapped uid."""
    header = token_of(home, 12, scopes="read")
    mapped = home.mapping(u0="owner@first.example")
    assert identify(mapped, 0, header) == Actor(
        role=Role.AGENT, account=1, user=12, scopes=frozenset({"read"}), token=112
    )


def test_b_mapped_uid_is_its_user(home: Home) -> None:
    """(b) The user to whom [admin] users maps the uid."""
    mapped = home.mapping(u4000="owner@first.example")
    assert identify(mapped, STRANGER) == Actor(role=Role.OWNER, account=1, user=11, uid=STRANGER)


def test_b_comes_before_c(home: Home) -> None:
    """A mapped root is the user, and keeps the operator's rights beside the user's."""
    mapped = home.mapping(u0="owner@first.example")
    assert identify(mapped, 0) == Actor(role=Role.OWNER, account=1, user=11, uid=0, machine=True)


def test_c_root_and_the_service_are_the_operator(home: Home) -> None:
    """(c) root, or the uid the service runs as."""
    assert identify(home, 0).role is Role.OPERATOR
    assert identify(home, os.geteuid()).role is Role.OPERATOR


def test_d_everybody_else_is_refused(home: Home) -> None:
    """(d) A uid that is nobody's is refused, with what to do."""
    with pytest.raises(Forbidden, match=r"map it in \[admin\] users"):
        identify(home, STRANGER)


def test_overflow_uid_never_counts(home: Home) -> None:
    """65534 is what every foreign uid looks like under PrivateUsers=yes: not even a mapping makes it somebody."""
    mapped = home.mapping(u65534="owner@first.example")
    with pytest.raises(Forbidden, match="65534"):
        identify(mapped, 65_534)
    assert identify(mapped, 65_534, token_of(home, 12)).user == 12


def test_mapping_to_nobody_is_refused(home: Home) -> None:
    """A uid mapped to a user who does not exist is nobody, even root."""
    with pytest.raises(Forbidden, match="does not exist"):
        identify(home.mapping(u0="ghost@first.example"), 0)


def test_same_login_in_two_accounts_needs_the_account(home: Home) -> None:
    """A uid mapped to a login of two accounts says which one they mean."""
    mapped = home.mapping(u4000="agent@first.example")
    with pytest.raises(AccountNeeded):
        identify(mapped, STRANGER)
    assert identify(mapped, STRANGER, account="second").user == 22


@pytest.mark.parametrize("header", ["Bearer mh_wrong", f"Bearer mh_{'0' * 49}", "Bearer", "Basic YTpi", ""])
def test_bad_token_is_refused_and_nothing_else_is_tried(home: Home, header: str) -> None:
    """A wrong ApiToken does not fall back to the uid."""
    with pytest.raises(NotAuthenticated):
        identify(home, 0, header)


def test_expired_and_revoked_tokens_are_refused(home: Home) -> None:
    """An ApiToken past its end, or revoked, is worth nothing."""
    with pytest.raises(NotAuthenticated):
        identify(home, None, token_of(home, 11, expires_at=clock.now() - 1))
    header = token_of(home, 12)
    assert identify(home, None, header).user == 12
    home.house.writer.run(lambda tx: api_tokens.revoke_api_token(tx.connection, 1, 112, clock.now()))
    with pytest.raises(NotAuthenticated):
        identify(home, None, header)


def session_of(home: Home, user: int, **more: Any) -> str:
    """A session of a user of account 1, begun now, as an Authorization header."""
    made, now = new_bearer(Kind.SESSION), clock.now()
    common = {"id": user + 200, "account_id": 1, "peer": "", "created_at": now, "last_used_at": now}
    row = sessions.Session(
        **{"hash": made.hash, "user_id": user, "expires_at": now + clock.HOUR, **common, **more}
    )
    home.house.writer.run(lambda tx: sessions.add_session(tx.connection, row))
    return f"Bearer {made.text}"


def test_a_session_is_its_user_and_says_how_fresh(home: Home) -> None:
    """(a) The user who logged in, with the instant until which their second factor is fresh."""
    header = session_of(home, 12, fresh_until=7)
    assert identify(home, 0, header) == Actor(role=Role.AGENT, account=1, user=12, session=212, fresh_until=7)


def test_idle_expired_and_revoked_sessions_are_refused(home: Home) -> None:
    """A session unused for too long, past its end, or ended is worth nothing."""
    now = clock.now()
    idle = session_of(home, 12, last_used_at=now - 481 * clock.MINUTE)
    over = session_of(home, 12, id=213, expires_at=now - 1)
    ended = session_of(home, 12, id=214, revoked_at=now - 1)
    for header in (idle, over, ended):
        with pytest.raises(NotAuthenticated, match="log in again"):
            identify(home, None, header)


def test_a_session_that_is_used_does_not_end_idle(home: Home) -> None:
    """Using a session is noted, to the minute."""
    before = clock.now() - 5 * clock.MINUTE
    header = session_of(home, 12, last_used_at=before)
    identify(home, None, header)
    home.house.writer.run(lambda tx: None)  # behind what identify handed over
    with home.house.database.read() as connection:
        found = sessions.find_session(connection, bearer_hash(header.removeprefix("Bearer ")))
    assert found is not None
    assert found.last_used_at > before


def test_without_the_second_factor_his_role_needs_he_may_only_enrol(home: Home) -> None:
    """An owner's session opens nothing but their own login until they have a second factor; an agent needs none."""
    owner = identify(home, None, session_of(home, 11))
    assert owner.scopes == {"login.own"}
    with pytest.raises(Forbidden, match="second factor"):
        require(owner, "user.read", 1)
    assert identify(home, None, session_of(home, 12)).scopes == frozenset()


def test_a_role_acts_at_once(home: Home) -> None:
    """A role that changed counts in the next request of a session that was open before."""
    header = session_of(home, 12)
    home.house.writer.run(lambda tx: users.set_role(tx.connection, 1, 12, "admin"))
    assert identify(home, None, header).role is Role.ADMIN
    home.house.writer.run(lambda tx: users.forget_user(tx.connection, 1, 12, at=clock.now()))
    with pytest.raises(NotAuthenticated):
        identify(home, None, header)


def test_tcp_without_a_token_is_nobody(home: Home) -> None:
    """Over TCP there is no uid, so there is nobody without an ApiToken."""
    with pytest.raises(NotAuthenticated):
        identify(home, None)


def test_account_is_the_own_the_named_or_the_only_one(home: Home) -> None:
    """A user is in their account; the operator names one of several, by id or name."""
    owner, operator = identify(home, None, token_of(home, 11)), identify(home, 0)
    assert caller.choose_account(home.house, owner) == 1
    assert caller.choose_account(home.house, operator, "second") == 2
    assert caller.choose_account(home.house, operator, "2") == 2
    with pytest.raises(AccountNeeded):
        caller.choose_account(home.house, operator)
    with pytest.raises(NotFound):
        caller.choose_account(home.house, operator, "third")

"""Whoever grants a right holds it, freshly; no ApiToken makes users; nothing given under an old login outlives it."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from mailhub import clock
from mailhub.access.passwords import Passwords
from mailhub.api.frame.app import Api
from storage.people import users
from tests.api.conftest import Home
from tests.api.test_logging_in import AGENT, enrol, log_in
from tests.houses.asking import Asker
from tests.houses.gate import CHEAP, PASSWORD

NEW = "another sentence of mine"
OWNER = "owner@first.example"


@pytest.fixture
def app(home: Home) -> Api:
    """The app, with cheap hashes; everybody of the first account has the same password."""
    cheap = Passwords(CHEAP)
    made = replace(home, house=replace(home.house, passwords=cheap)).app()
    encoded = cheap.hash(PASSWORD)
    for user in (11, 12, 13):
        home.house.writer.run(lambda tx, who=user: users.set_password(tx.connection, 1, who, encoded))  # type: ignore[misc]
    return made


@pytest.mark.parametrize("scopes", ["", "user.manage", "user", "user.manage token.own"])
@pytest.mark.parametrize("role", ["owner", "admin", "agent"])
def test_no_api_token_makes_a_user(home: Home, app: Api, scopes: str, role: str) -> None:
    """Whatever its scopes, and whatever role it asks for: nobody showed a second factor in it."""
    asker = Asker(app=app, token=home.token(11, scopes=scopes))
    answer = asker("POST", "/v1/users", {"email": "new@first.example", "role": role})
    assert (answer.status, "second factor" in answer.json["detail"]) == (403, True)
    with home.house.database.read() as connection:
        assert users.find_user_by_email(connection, 1, "new@first.example") is None


def test_a_new_user_comes_by_a_link(app: Api) -> None:
    """Nobody but the new user ever sees a password of theirs."""
    owner = log_in(app, OWNER)
    enrol(owner)
    made = owner("POST", "/v1/users", {"email": "new@first.example"})
    assert (made.status, "password" in made.json, made.json["link"][:4]) == (201, False, "mhl_")


def test_a_session_alone_enrols_no_second_factor(app: Api) -> None:
    """Who took a session over, and does not know the password, makes no secret and confirms none."""
    stolen = log_in(app, OWNER)
    for body in (None, {}, {"password": ""}, {"password": PASSWORD + "x"}):
        assert stolen("POST", "/v1/second-factor", body).status == 401
    assert stolen("POST", "/v1/second-factor/confirm", {"code": "123456"}).status == 409
    enrol(stolen)


def test_a_stale_session_makes_no_token(home: Home, app: Api) -> None:
    """An ApiToken outlives the session: where there is a second factor it is shown for one."""
    from tests.api.test_logging_in import _let_it_grow_old

    admin = log_in(app, "admin@first.example")
    enrol(admin)
    assert admin("POST", "/v1/tokens", {"name": "x"}).status == 201
    _let_it_grow_old(home)
    assert admin("POST", "/v1/tokens", {"name": "x"}).status == 403


@pytest.mark.parametrize("how", ["own password", "link", "own factor", "factor by an owner"])
def test_what_was_given_under_the_old_login_ends_with_it(home: Home, app: Api, how: str) -> None:
    """ApiTokens and other sessions end when the password or the second factor is changed or reset."""
    machine, agent, other = Asker(app=app, uid=0), log_in(app, AGENT), log_in(app, AGENT)
    if "factor" in how:
        enrol(agent)
    token = Asker(app=app, token=home.token(12))
    assert token("GET", "/v1/whoami").status == 200
    if how == "own password":
        assert agent("POST", "/v1/password", {"password": NEW, "present": PASSWORD}).status == 204
    elif how == "own factor":
        assert agent("DELETE", "/v1/second-factor").status == 204
    elif how == "link":
        link = machine("POST", f"/v1/users/{AGENT}/link?account=first").json["link"]
        assert Asker(app=app)("POST", "/v1/links/use", {"link": link, "password": NEW}).status == 204
    else:
        assert machine("DELETE", f"/v1/users/{AGENT}/second-factor?account=first").status == 204
    assert (token("GET", "/v1/whoami").status, other("GET", "/v1/whoami").status) == (401, 401)


def test_a_mapped_administrator_uses_a_grant(home: Home) -> None:
    """Whose uid is root's, and mapped to a user, reads another account as the operator: under a grant, on record."""
    mapped = home.mapping(**{f"u{os.geteuid()}": OWNER}).app()
    root = Asker(app=mapped, uid=os.geteuid())
    assert root("GET", "/v1/tickets").status == 200
    without = root("GET", "/v1/tickets?account=second")
    assert (without.status, "grant" in without.json["detail"]) == (403, True)
    owner = Asker(app=home.mapping(u4000="owner@second.example").app(), uid=4000)
    until = clock.to_iso(clock.now() + clock.HOUR)
    grant = {"operator": os.geteuid(), "reason": "help", "ends_at": until}
    assert owner("POST", "/v1/grants", grant).status == 201
    assert root("GET", "/v1/tickets?account=second").status == 200
    (read,) = [each for each in owner("GET", "/v1/journal").json["items"] if each["verb"] == "grant.read"]
    assert read["actor"] == f"operator:{os.geteuid()}"


def test_no_tenant_takes_the_login_of_a_uid_of_this_machine(home: Home) -> None:
    """Among several accounts the operator alone adds a user whom `[admin] users` names: theirs and others' commands
    would be refused as of two accounts, or be done in the tenant's.
    """
    root, mapped = os.geteuid(), "Carla@machine.example"
    app = home.mapping(**{f"u{root}": OWNER, "u4000": "owner@second.example", "u4001": mapped}).app()
    tenant, machine = Asker(app=app, uid=4000), Asker(app=app, uid=root)
    for email in (OWNER, OWNER.upper(), mapped):
        answer = tenant("POST", "/v1/users", {"email": email, "role": "owner"})
        assert (answer.status, "operator alone" in answer.json["detail"]) == (403, True)
    assert machine("GET", "/v1/whoami").json["account"] == 1
    assert tenant("POST", "/v1/users", {"email": "new@second.example"}).status == 201
    assert machine("POST", "/v1/users?account=second", {"email": mapped}).status == 201


def test_a_scope_counts_once(home: Home) -> None:
    """However often a body names a scope the ApiToken keeps it once: its row is read for every list of ApiTokens."""
    asker = Asker(app=home.app(), token=home.token(12))
    made = asker("POST", "/v1/tokens", {"name": "x", "scopes": ["ticket.read", "read"] * 10_000})
    assert (made.status, made.json["scopes"]) == (201, ["read", "ticket.read"])


def test_who_has_no_second_factor_is_told_to_make_one(app: Api) -> None:
    """A destructive act says what helps: `user totp` to who has none, `login --fresh` to who has not shown it."""
    agent = log_in(app, AGENT)
    body = {"addresses": ["kim@customer.example"], "confirm": "kim@customer.example"}
    told = agent("POST", "/v1/erasures", body)
    assert (told.status, told.json["detail"]) == (
        403, "this needs a second factor, and you have none yet: mailhub user totp"
    )  # fmt: skip

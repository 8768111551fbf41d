"""Whoever grants a right holds it, freshly; no ApiToken makes users; nothing given under an old login outlives it."""

from __future__ import annotations

from dataclasses import replace

import pytest

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

"""The API's way in and what belongs to it: sessions, freshness, second factors, links, over TLS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyotp
import pytest

from mailhub import clock
from mailhub.access.passwords import Passwords
from mailhub.service.jobs import LOGIN_DAYS, sweep_logins
from storage.people import users
from storage.schema import session
from tests.houses.asking import Asker
from tests.houses.gate import CHEAP, PASSWORD

if TYPE_CHECKING:
    from mailhub.api.frame.app import Api
    from tests.api.conftest import Home

AGENT = "agent@first.example"


@pytest.fixture
def app(home: Home) -> Api:
    """The app, with cheap hashes; everybody of the first account has the same password."""
    cheap = Passwords(CHEAP)
    made = replace(home, house=replace(home.house, passwords=cheap)).app()
    encoded = cheap.hash(PASSWORD)
    for user in (11, 12, 13):
        home.house.writer.run(lambda tx, who=user: users.set_password(tx.connection, 1, who, encoded))  # type: ignore[misc]
    return made


def log_in(app: Api, email: str, code: str = "", *, account: str | None = "first") -> Asker:
    """Somebody with a session."""
    body = {"email": email, "password": PASSWORD, "code": code, "account": account}
    answer = Asker(app=app)("POST", "/v1/login", body)
    assert answer.status == 201, answer.body
    return Asker(app=app, token=answer.json["session"])


def enrol(asker: Asker) -> tuple[pyotp.TOTP, Any]:
    """Their app, and what confirming answered."""
    begun = asker("POST", "/v1/second-factor", {"password": PASSWORD}).json
    assert begun["uri"].startswith("otpauth://totp/mailhub:")
    assert begun["svg"].startswith("<svg")
    app = pyotp.TOTP(begun["secret"])
    return app, asker("POST", "/v1/second-factor/confirm", {"code": app.now()})


@pytest.mark.parametrize("account", ["third", "2", "second", None])
def test_the_account_tells_nothing(app: Api, account: str | None) -> None:
    """An account that is not there, or has no such user, fails like any wrong login; nor does a login of two."""
    answer = Asker(app=app)("POST", "/v1/login", {"email": AGENT, "password": PASSWORD, "account": account})
    assert (answer.status, answer.json["code"]) == (401, "not-authenticated")
    assert "wrong login, password or code" in answer.json["detail"]


def test_guesses_are_told_when_to_come_again(app: Api) -> None:
    """The seventh guess hears 429 with Retry-After, and so does the right password then; from elsewhere it gets in."""
    guesser = Asker(app=app, peer="192.0.2.66")
    wrong = {"email": AGENT, "password": "wrong horse battery", "account": "first"}
    answers = [guesser("POST", "/v1/login", wrong) for _ in range(7)]
    assert [each.status for each in answers] == [401] * 6 + [429]
    assert int(answers[6].headers["retry-after"]) >= 1
    assert guesser("POST", "/v1/login", wrong | {"password": PASSWORD}).status == 429
    assert Asker(app=app)("POST", "/v1/login", wrong | {"password": PASSWORD}).status == 201


def test_an_owner_enrols_before_anything_else(app: Api) -> None:
    """Without the second factor their role needs they hear so; with it they may, and is fresh."""
    owner = log_in(app, "owner@first.example")
    refused = owner("DELETE", "/v1/users/12")
    assert (refused.status, "second factor" in refused.json["detail"]) == (403, True)
    _, confirmed = enrol(owner)
    assert len(confirmed.json["recovery_codes"]) == 10
    assert owner("GET", "/v1/second-factor").json["recovery_codes"] == 10
    assert owner("DELETE", "/v1/users/12", None).json["user"] == 12


def test_what_cannot_be_undone_needs_freshness(home: Home, app: Api) -> None:
    """Neither an ApiToken nor a session whose code is old deletes; a code shown again opens it, a used one does not."""
    admin = log_in(app, "admin@first.example")
    otp, _ = enrol(admin)
    token = admin("POST", "/v1/tokens", {"name": "x"}).json["token"]
    by_token = Asker(app=app, token=token)
    for path in ("/v1/users/12", "/v1/sessions"):
        assert "log in" in by_token("DELETE", path).json["detail"]
    assert "log in" in by_token("POST", "/v1/tickets/1/purge?confirm=1").json["detail"]
    again = log_in(app, "admin@first.example", otp.at(clock.now() // clock.SECOND + 30))
    _let_it_grow_old(home)
    assert "mailhub login --fresh" in again("DELETE", "/v1/users/12").json["detail"]
    used = otp.at(clock.now() // clock.SECOND)
    assert again("POST", "/v1/login/fresh", {"code": used}).status == 401
    codes = {"code": "no-such-code-here"}
    assert again("POST", "/v1/login/fresh", codes).status == 401
    assert again("DELETE", "/v1/users/12").status == 403


def _let_it_grow_old(home: Home) -> None:
    home.house.writer.run(lambda tx: tx.connection.execute(session.update().values(fresh_until=1)))


def test_an_api_token_changes_no_login(home: Home, app: Api) -> None:
    """With an agent's ApiToken nobody enrols a second factor or sets a password for them."""
    token = Asker(app=app, token=home.token(12))
    assert token("POST", "/v1/second-factor").status == 403
    assert token("POST", "/v1/password", {"password": "a new sentence", "present": PASSWORD}).status == 403
    assert token("POST", "/v1/logout").status == 403


def test_sessions_are_listed_and_ended(app: Api) -> None:
    """A user sees their own, says which one asks, ends one and is out of it at once; an admin ends an agent's."""
    first, second = log_in(app, AGENT), log_in(app, AGENT)
    rows = first("GET", "/v1/sessions").json["items"]
    assert [each["current"] for each in rows] == [True, False]
    assert first("DELETE", f"/v1/sessions/{rows[1]['id']}").status == 204
    assert (second("GET", "/v1/whoami").status, first("GET", "/v1/whoami").status) == (401, 200)
    assert first("GET", "/v1/sessions?user=owner@first.example").status == 403
    admin = log_in(app, "admin@first.example")
    enrol(admin)
    assert admin("GET", "/v1/sessions?user=owner@first.example").status == 403
    assert admin("DELETE", f"/v1/sessions?user={AGENT}").status == 204
    assert first("GET", "/v1/whoami").status == 401
    assert admin("POST", "/v1/logout").status == 204
    assert admin("GET", "/v1/whoami").status == 401


def test_a_password_is_changed_with_the_present_one(app: Api) -> None:
    """The wrong one changes nothing; the right one ends other sessions, not this one."""
    here, elsewhere = log_in(app, AGENT), log_in(app, AGENT)
    new = {"password": "a new sentence", "present": "wrong horse battery"}
    assert here("POST", "/v1/password", new).status == 401
    assert here("POST", "/v1/password", new | {"password": "short", "present": PASSWORD}).status == 400
    assert here("POST", "/v1/password", new | {"present": PASSWORD}).status == 204
    assert (here("GET", "/v1/whoami").status, elsewhere("GET", "/v1/whoami").status) == (200, 401)


def test_a_link_is_used_by_whoever_has_it(home: Home, app: Api) -> None:
    """Made on the admin socket, used over TLS without a caller; mistyped or used again it is not found."""
    operator = Asker(app=app, uid=0)
    made = operator("POST", f"/v1/users/{AGENT}/link?account=first").json
    assert (made["kind"], made["link"][:4]) == ("reset", "mhl_")
    stranger, new = Asker(app=app), "a sentence of my own"
    assert stranger("POST", "/v1/links/use", {"link": made["link"][:-1], "password": new}).status == 404
    assert stranger("POST", "/v1/links/use", {"link": made["link"], "password": new}).status == 204
    assert stranger("POST", "/v1/links/use", {"link": made["link"], "password": new}).status == 404


def test_what_ended_long_ago_is_swept(home: Home, app: Api) -> None:
    """A month after their end sessions, links and attempts are gone; what is in force stays."""
    log_in(app, AGENT)
    Asker(app=app, uid=0)("POST", f"/v1/users/{AGENT}/link?account=first")
    house, now = home.house, clock.now()
    assert sweep_logins(house, now=now) == 0
    later = now + (LOGIN_DAYS + 8) * clock.DAY
    assert sweep_logins(house, now=later) == 1 + 1 + 3
    assert sweep_logins(house, now=later) == 0

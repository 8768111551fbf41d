"""What every request and every answer passes: headers, bounds, rates, and one form for every error."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import delete
from structlog.testing import capture_logs

from mailhub.api.frame.doorway import BODY_BYTES
from mailhub.callers.rates import ProvenCallers, Rates
from mailhub.config import Limits, Proxy
from mailhub.config.live import Live
from storage.schema import api_token
from tests.houses.asking import Asker

if TYPE_CHECKING:
    from tests.api.conftest import Home


@pytest.fixture
def owner(home: Home) -> Asker:
    """The owner of the first account, over TLS."""
    return Asker(app=home.app(), token=home.token(11))


@pytest.mark.parametrize("path", ["/livez", "/v1/whoami", "/v1/openapi.json", "/v1/nothing"])
def test_every_answer_has_the_headers(owner: Asker, path: str) -> None:
    """No answer, an error included, is kept, framed, run or guessed at by a browser; over TLS it asks for TLS."""
    headers = owner("GET", path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in replace(owner, door="http")("GET", path).headers


@pytest.mark.parametrize(
    ("method", "path", "raw", "headers", "status", "code"),
    [
        ("GET", "/v1/nothing", b"", {}, 404, "not-found"),
        ("GET", "/v1/tickets/", b"", {}, 404, "not-found"),
        ("PATCH", "/v1/tickets", b"", {}, 405, "method-not-allowed"),
        ("GET", "/v1/tickets?limit=0", b"", {}, 400, "bad-request"),
        ("GET", "/v1/tickets/1", b"", {}, 404, "not-found"),
        ("POST", "/v1/users", b"{", {"content-type": "application/json"}, 400, "bad-request"),
        ("POST", "/v1/users", b"x" * (BODY_BYTES + 1), {}, 413, "too-large"),
        ("GET", "/v1/tickets", b"x" * (BODY_BYTES + 1), {}, 413, "too-large"),
        ("GET", "/v1/tickets", b"", {"authorization": "Bearer wrong"}, 401, "not-authenticated"),
        ("POST", "/v1/backups", b"", {}, 403, "forbidden"),
    ],
)
def test_every_error_is_a_problem_with_an_id_that_is_in_the_log(
    owner: Asker, method: str, path: str, raw: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """Whoever refuses, the framework or a route, the client gets the same form and an id to ask about."""
    with capture_logs() as logged:
        answer = owner(method, path, raw=raw or None, headers=headers)
    assert (answer.status, answer.json["code"], answer.json["status"]) == (status, code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert [each["error_id"] for each in logged] == [answer.json["id"]]
    assert status != 405 or "GET" in answer.headers["allow"]
    assert status != 401 or answer.headers["www-authenticate"] == "Bearer"


def test_a_body_that_does_not_announce_itself_is_bounded_too(owner: Asker) -> None:
    """Without Content-Length the bytes that come are counted."""
    huge = owner("POST", "/v1/users", raw=b"x" * (BODY_BYTES + 1), headers={"content-length": "5"})
    assert (huge.status, huge.json["code"]) == (413, "too-large")


def limited(home: Home, **limits: int) -> Home:
    """The same house with these limits, behind a proxy at 10.0.0.1."""
    config = replace(home.house.config, limits=Limits(**limits), proxy=Proxy(networks="10.0.0.1"))
    return replace(home, house=replace(home.house, configuration=Live(config)))


def test_an_address_that_asks_too_often_hears_when_it_may_again(home: Home) -> None:
    """429 with Retry-After; other addresses go on, behind a proxy too; the admin socket has no such bound."""
    app = limited(home, requests_per_address=10).app()
    one, other = Asker(app=app), Asker(app=app, peer="203.0.113.6")
    assert [one("GET", "/livez").status for _ in range(11)] == [200] * 10 + [429]
    refused = one("GET", "/livez")
    assert (refused.json["code"], int(refused.headers["retry-after"])) == ("too-many-requests", 6)
    assert other("GET", "/livez").status == 200
    proxied = Asker(app=app, peer="10.0.0.1")
    assert proxied("GET", "/livez", headers={"X-Forwarded-For": "203.0.113.5"}).status == 429
    assert proxied("GET", "/livez", headers={"X-Forwarded-For": "203.0.113.7"}).status == 200
    assert {Asker(app=app, uid=0)("GET", "/livez").status for _ in range(20)} == {200}


def test_a_user_is_bounded_wherever_he_comes_from(home: Home) -> None:
    """A user's requests count together; their colleague goes on."""
    app = limited(home, requests_per_user=10).app()
    owner, agent = home.token(11), home.token(12)
    asked = [
        Asker(app=app, token=owner, peer=f"203.0.113.{n}")("GET", "/v1/whoami").status for n in range(11)
    ]
    assert asked == [200] * 10 + [429]
    assert Asker(app=app, token=agent)("GET", "/v1/whoami").status == 200


def test_an_office_behind_one_address_is_counted_by_who_is_signed_in(home: Home) -> None:
    """Whoever has shown who they are has a count of their own, though strangers at their address used that up."""
    app = limited(home, requests_per_address=10, requests_per_user=30).app()
    agents = [Asker(app=app, token=home.token(user)) for user in (11, 12)]
    assert [agent("GET", "/v1/whoami").status for _ in range(15) for agent in agents] == [200] * 30
    stranger = Asker(app=app)
    assert [stranger("GET", "/livez").status for _ in range(9)] == [200] * 8 + [
        429
    ]  # two came before: the first
    assert [agent("GET", "/v1/whoami").status for _ in range(15) for agent in agents] == [200] * 30
    assert [agent("GET", "/v1/whoami").status for agent in agents] == [429, 429]


def test_who_only_says_who_they_are_is_counted_by_address(home: Home) -> None:
    """A session that was made up, and the cookie of another site's making, have no count of their own."""
    app = limited(home, requests_per_address=10).app()
    one = Asker(app=app)
    made_up = [{"authorization": f"Bearer mhs_{n}"} for n in range(6)] + [
        {"cookie": f"a={n}"} for n in range(5)
    ]
    asked = [one("GET", "/v1/whoami", headers=headers).status for headers in made_up]
    assert asked == [401] * 10 + [429]


def test_what_ended_uses_up_nobodys_count_but_its_own(home: Home) -> None:
    """A revoked token, and a good one at another address, leave their owner's requests alone."""
    app = limited(home, requests_per_user=10).app()
    dead = home.token(12)
    assert Asker(app=app, token=dead)("GET", "/v1/whoami").status == 200
    revoked = delete(api_token).where(api_token.c.user_id == 12)
    home.house.writer.run(lambda tx: tx.connection.execute(revoked).rowcount)
    fresh = home.token(12)
    asked = [Asker(app=app, token=dead)("GET", path).status for path in ["/livez", "/v1/whoami"] * 10]
    assert set(asked) == {200, 401, 429}
    owner, thief = (Asker(app=app, token=fresh, peer=each) for each in ("203.0.113.5", "203.0.113.9"))
    assert owner("GET", "/v1/whoami").status == 200
    assert {thief("GET", "/livez").status for _ in range(40)} == {200}
    assert [owner("GET", "/v1/whoami").status for _ in range(5)] == [200] * 5


def test_one_user_has_few_counts_however_they_show_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another cookie beside the same token is another proof; of too many the user's own oldest goes, nobody else's."""
    monkeypatch.setattr("mailhub.callers.rates.PROOFS", 2)
    proven = ProvenCallers()
    proven.add("other", "1:2", 0.0)
    for proof in ("a", "b", "a", "c"):
        proven.add(proof, "1:1", 1.0)
    assert [proven.holds(each, 2.0) for each in ("other", "a", "b", "c")] == [True, True, False, True]


def test_what_was_proven_is_forgotten_in_time_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour after it was last found good a session counts by address again; so does the oldest of too many."""
    monkeypatch.setattr("mailhub.callers.rates.CLIENTS", 2)
    proven = ProvenCallers()
    for shown in ("a", "b", "c"):
        proven.add(shown, shown, 0.0)
    assert [proven.holds(shown, 3599.0) for shown in ("a", "b", "c")] == [False, True, True]
    assert not any(proven.holds(shown, 3600.0) for shown in ("b", "c"))
    assert ProvenCallers.of("203.0.113.5", b"x") != ProvenCallers.of("203.0.113.6", b"x")


def test_a_bucket_fills_with_time() -> None:
    """A client that waits as long as it was told is served; a bucket holds a minute's worth at most."""
    rates = Rates()
    assert [rates.wait_seconds("a", 60, 0.0) for _ in range(61)] == [0] * 60 + [1]
    assert rates.wait_seconds("a", 60, 1.0) == 0
    assert [rates.wait_seconds("a", 60, 1000.0) for _ in range(61)] == [0] * 60 + [1]


def test_the_clients_remembered_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses ask, memory is for so many only: the one that asked longest ago is forgotten."""
    monkeypatch.setattr("mailhub.callers.rates.CLIENTS", 2)
    rates = Rates()
    for client in "abc":
        assert [rates.wait_seconds(client, 1, 0.0) for _ in range(2)] == [0, 60]
    assert [rates.wait_seconds(client, 1, 0.0) for client in "cb"] == [60, 60]
    assert rates.wait_seconds("a", 1, 0.0) == 0
